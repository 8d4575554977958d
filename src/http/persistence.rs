//! What a message says of the connection: its Connection options (RFC 9110 7.6.1), its Keep-Alive parameters
//! (RFC 2068 19.7.1.1), and what follows from them (RFC 9112 9.3).

use serde::{Deserialize, Serialize};

use super::Version;

/// The options of a message's Connection fields that matter for persistence; names in any case, over all lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// `close` is among them.
    pub close: bool,
    /// `keep-alive` is among them.
    pub keep_alive: bool,
}

impl Options {
    /// Adds those of one field line.
    #[inline]
    pub fn add(&mut self, value: &[u8]) {
        let usual = value.strip_prefix(b" ").unwrap_or(value);
        if usual == b"close" {
            self.close = true;
        } else if usual == b"keep-alive" {
            self.keep_alive = true;
        } else {
            self.add_list(value);
        }
    }

    #[inline(never)]
    fn add_list(&mut self, value: &[u8]) {
        for option in value.split(|&octet| octet == b',').map(<[u8]>::trim_ascii) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }
}

/// What a message says of persistence, close beating keep-alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Says {
    /// Nothing, in HTTP/1.1: the connection persists.
    Default,
    /// `keep-alive`.
    KeepAlive,
    /// `close`.
    Close,
    /// Nothing, in HTTP/1.0: the connection does not persist.
    Nothing,
}

impl Says {
    /// `default`, `keep-alive`, `close` or `none`.
    pub fn name(self) -> &'static str {
        match self {
            Says::Default => "default",
            Says::KeepAlive => "keep-alive",
            Says::Close => "close",
            Says::Nothing => "none",
        }
    }

    /// Whether the connection is to persist, as far as this message has a say (RFC 9112 9.3).
    pub const fn persists(self) -> bool {
        matches!(self, Says::Default | Says::KeepAlive)
    }
}

/// What a message of `version` with these options says (RFC 9112 9.3, in the order of its list).
pub const fn says(version: Version, options: Options) -> Says {
    match (options, version) {
        (Options { close: true, .. }, _) => Says::Close,
        (
            Options {
                keep_alive: true, ..
            },
            _,
        ) => Says::KeepAlive,
        (_, Version::Http11) => Says::Default,
        (_, Version::Http10) => Says::Nothing,
    }
}

/// The parameters of a Keep-Alive field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeepAlive {
    /// `timeout`, in seconds: how long the sender holds an idle connection open.
    pub timeout: Option<u32>,
    /// `max`: how many requests are allowed, in one of two meanings.
    pub max: Option<u32>,
    /// Whether all of it could be read.
    pub syntax: Syntax,
}

/// Whether something keeps to its grammar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Syntax {
    /// It does.
    #[default]
    WellFormed,
    /// Part of it does not; that part is passed over.
    Malformed,
}

impl KeepAlive {
    /// Adds the parameters of one field line; the first of a name counts.
    ///
    /// Blanks around `=`, empty members, quoted values and unknown names are fine; digits beyond 32 bits are held
    /// at the largest number. A token without a value, as in `Keep-Alive: 300`, is not.
    pub fn add(&mut self, value: &[u8]) {
        let mut quoted = false;
        let separates = |octet: &u8| {
            quoted ^= *octet == b'"';
            *octet == b',' && !quoted
        };
        for member in value.split(separates).map(<[u8]>::trim_ascii) {
            if member.is_empty() {
                continue;
            }
            let Some((name, value)) = parameter(member) else {
                self.syntax = Syntax::Malformed;
                continue;
            };
            let slot = match name {
                _ if name.eq_ignore_ascii_case(b"timeout") => &mut self.timeout,
                _ if name.eq_ignore_ascii_case(b"max") => &mut self.max,
                _ => continue,
            };
            match seconds_or_count(value) {
                Some(number) => _ = slot.get_or_insert(number),
                None => self.syntax = Syntax::Malformed,
            }
        }
    }
}

/// `name = value`, or `name = "value"`.
fn parameter(member: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = memchr::memchr(b'=', member)?;
    let (name, value) = member.split_at_checked(equals)?;
    let (name, value) = (name.trim_ascii(), value.strip_prefix(b"=")?.trim_ascii());
    let unquoted = value
        .strip_prefix(b"\"")
        .and_then(|value| value.strip_suffix(b"\""))
        .unwrap_or(value);
    (!name.is_empty() && !unquoted.is_empty()).then_some((name, unquoted))
}

fn seconds_or_count(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |number, octet| {
        let digit = octet.is_ascii_digit().then(|| u32::from(octet - b'0'))?;
        Some(number.saturating_mul(10).saturating_add(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep_alive(lines: &[&str]) -> KeepAlive {
        let mut keep_alive = KeepAlive::default();
        lines
            .iter()
            .for_each(|line| keep_alive.add(line.as_bytes()));
        keep_alive
    }

    #[test]
    fn options_are_found_over_all_lines_in_any_case() {
        let mut options = Options::default();
        options.add(b"Upgrade , Keep-ALIVE");
        assert_eq!(
            options,
            Options {
                close: false,
                keep_alive: true
            }
        );
        options.add(b" ,, Close,");
        assert_eq!(
            options,
            Options {
                close: true,
                keep_alive: true
            }
        );
        let mut other = Options::default();
        other.add(b"closed, not-keep-alive");
        assert_eq!(other, Options::default());
    }

    #[test]
    fn close_beats_keep_alive_and_the_version_decides_where_nothing_is_said() {
        let both = Options {
            close: true,
            keep_alive: true,
        };
        assert_eq!(says(Version::Http11, both), Says::Close);
        assert_eq!(
            says(
                Version::Http10,
                Options {
                    keep_alive: true,
                    close: false
                }
            ),
            Says::KeepAlive
        );
        assert_eq!(says(Version::Http11, Options::default()), Says::Default);
        assert_eq!(says(Version::Http10, Options::default()), Says::Nothing);
    }

    #[test]
    fn keep_alive_parameters_in_all_their_spellings() {
        let read = keep_alive(&["timeout=5, max=100"]);
        assert_eq!(
            (read.timeout, read.max, read.syntax),
            (Some(5), Some(100), Syntax::WellFormed)
        );
        let read = keep_alive(&["TimeOut = \"15\" ,, foo=bar", "max=7"]);
        assert_eq!(
            (read.timeout, read.max, read.syntax),
            (Some(15), Some(7), Syntax::WellFormed)
        );
        let read = keep_alive(&["note=\"a, b\", timeout=3"]);
        assert_eq!((read.timeout, read.syntax), (Some(3), Syntax::WellFormed));
        let read = keep_alive(&["timeout=99999999999"]);
        assert_eq!(
            (read.timeout, read.syntax),
            (Some(u32::MAX), Syntax::WellFormed)
        );
    }

    #[test]
    fn what_is_no_parameter_is_passed_over_and_noted() {
        let read = keep_alive(&["300"]);
        assert_eq!(
            (read.timeout, read.max, read.syntax),
            (None, None, Syntax::Malformed)
        );
        let read = keep_alive(&["timeout=5s, max=10"]);
        assert_eq!(
            (read.timeout, read.max, read.syntax),
            (None, Some(10), Syntax::Malformed)
        );
        assert_eq!(keep_alive(&["timeout=-1"]).timeout, None);
    }
}
