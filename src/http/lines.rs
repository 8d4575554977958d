//! Lines, and the empty line that ends a head, in octets that come in pieces of any size.

/// What is there of the line that is not ended yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum OpenLine {
    #[default]
    Empty,
    OnlyCr,
    Text,
}

impl OpenLine {
    /// Looks for the end of the first empty line in `octets`; where there is none, remembers the line left open.
    pub(super) fn find_empty_line(&mut self, octets: &[u8]) -> Option<usize> {
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', octets) {
            let empty = match (*self, octets.get(start..end)?) {
                (OpenLine::Empty, line) => line.is_empty() || line == b"\r",
                (OpenLine::OnlyCr, line) => line.is_empty(),
                (OpenLine::Text, _) => false,
            };
            *self = OpenLine::Empty;
            start = end + 1;
            if empty {
                return Some(start);
            }
        }
        *self = match (*self, octets.get(start..)?) {
            (open, []) => open,
            (OpenLine::Empty, [b'\r']) => OpenLine::OnlyCr,
            _ => OpenLine::Text,
        };
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_line_is_found_in_any_pieces() {
        for (octets, end) in [
            (&b"A: b\r\nC: d\r\n\r\nrest"[..], Some(14)),
            (b"A: b\nC: d\n\nrest", Some(11)),
            (b"\r\nrest", Some(2)),
            (b"\nrest", Some(1)),
            (b"A: b\r\n\rx\r\n", None),
            (b"A: b\r\n \r\n", None),
            (b"A: b\r\r\n", None),
        ] {
            assert_eq!(
                OpenLine::default().find_empty_line(octets),
                end,
                "{octets:?}"
            );
            for split in 0..octets.len() {
                let mut open = OpenLine::default();
                let (first, second) = octets.split_at(split);
                let found = open.find_empty_line(first);
                assert_eq!(
                    found.or_else(|| open.find_empty_line(second).map(|at| at + split)),
                    end,
                    "{octets:?} {split}"
                );
            }
        }
    }
}
