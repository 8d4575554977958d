//! What begins here: a message, another protocol, or nothing that can be told?
//!
//! In: the octets at a boundary, or a line somewhere behind a hole. Out: where a message begins, or what else it is.

use super::head::{StartLine, is_token, start_line};
use super::reader::Kind;

/// A protocol that is not HTTP/1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// TLS records.
    Tls,
    /// HTTP/2 with prior knowledge (RFC 9113 3.4).
    Http2,
    /// Anything else.
    Other,
}

/// What the octets at a boundary may be, as far as they are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// A start line may be on its way.
    Plausible,
    /// Something that is named.
    Named(Foreign),
    /// No start line.
    Unknown,
}

/// Methods have no bound in the standard; none in use comes near this one.
const MAX_METHOD: usize = 64;

/// Judges a line of which the end has not come.
pub(super) fn beginning(octets: &[u8]) -> Beginning {
    if let Some(foreign) = foreign(octets) {
        return Beginning::Named(foreign);
    }
    // No further than a method may go: a line can come an octet at a time, and each time it is looked at again.
    let first = octets.get(..=MAX_METHOD).unwrap_or(octets);
    let token = first.iter().take_while(|&&octet| is_token(octet)).count();
    let plausible = match octets.get(token) {
        _ if token > MAX_METHOD => false,
        None => true,
        Some(b' ') => token > 0,
        Some(b'/') => octets.starts_with(b"HTTP/"),
        Some(_) => may_be_tls(octets),
    };
    if plausible {
        Beginning::Plausible
    } else {
        Beginning::Unknown
    }
}

/// What a whole line says, if it is a start line whose beginning was plausible.
pub(super) fn whole_start_line(line: &[u8]) -> Option<StartLine<'_>> {
    start_line(line).filter(|start| match start {
        StartLine::Request { name, .. } => name.len() <= MAX_METHOD,
        StartLine::Response { .. } => true,
    })
}

/// Names the protocol that begins with these octets, if it is one of those that are named.
fn foreign(octets: &[u8]) -> Option<Foreign> {
    // A TLS record (RFC 8446 5.1): type, then 03 and a minor version.
    if let [0x14..=0x17, 3, 0..=4, ..] = octets {
        return Some(Foreign::Tls);
    }
    octets
        .starts_with(b"PRI * HTTP/2")
        .then_some(Foreign::Http2)
}

fn may_be_tls(octets: &[u8]) -> bool {
    matches!(octets, [0x14..=0x17] | [0x14..=0x17, 3])
}

/// Where in a line, its end included, a start line begins, with what it says. The line may have a rest of something
/// else before it, since a hole can end anywhere.
pub(super) fn start_line_within(line: &[u8], kind: Option<Kind>) -> Option<(usize, StartLine<'_>)> {
    memchr::memmem::find(line, b"HTTP/1.")?;
    let from = behind_control(line);
    let line = line.get(from..)?;
    let response = || response_within(line);
    let request = || request_within(line);
    let (at, start) = match kind {
        Some(Kind::Response) => response(),
        Some(Kind::Request) => request(),
        None => response().or_else(request),
    }?;
    Some((from + at, start))
}

/// Behind the last octet that no start line holds. What follows is read but once: of the beginnings in it, the first
/// that has a version and a status is the one.
fn behind_control(line: &[u8]) -> usize {
    let content = line.strip_suffix(b"\n").unwrap_or(line);
    let content = content.strip_suffix(b"\r").unwrap_or(content);
    let control = |octet: &u8| octet.is_ascii_control() && *octet != b'\t';
    content.iter().rposition(control).map_or(0, |at| at + 1)
}

fn response_within(line: &[u8]) -> Option<(usize, StartLine<'_>)> {
    memchr::memmem::find_iter(line, b"HTTP/1.")
        .find_map(|at| Some((at, start_line(line.get(at..)?)?)))
}

fn request_within(line: &[u8]) -> Option<(usize, StartLine<'_>)> {
    let from = |at: usize| match start_line(line.get(at..)?)? {
        request @ StartLine::Request { name, .. }
            if name.bytes().all(|octet| octet.is_ascii_uppercase()) =>
        {
            Some((at, request))
        }
        _ => None,
    };
    // The rest of a body may run into the method without a line end between them; then only a well-known method
    // shows where it begins.
    let known = || {
        METHODS
            .iter()
            .filter_map(|method| memchr::memmem::find(line, method))
            .min()
    };
    from(0).or_else(|| from(known()?))
}

const METHODS: [&[u8]; 9] = [
    b"GET ",
    b"HEAD ",
    b"POST ",
    b"PUT ",
    b"DELETE ",
    b"CONNECT ",
    b"OPTIONS ",
    b"TRACE ",
    b"PATCH ",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings() {
        for (octets, expected) in [
            (&b"G"[..], Beginning::Plausible),
            (b"GET /very/long", Beginning::Plausible),
            (b"HTTP/1.", Beginning::Plausible),
            (b"\x16", Beginning::Plausible),
            (b"\x16\x03\x01", Beginning::Named(Foreign::Tls)),
            (b"PRI * HTTP/2.0", Beginning::Named(Foreign::Http2)),
            (b"\x05\x01\x00", Beginning::Unknown),
            (b"\x16\x01", Beginning::Unknown),
            (b"<html", Beginning::Unknown),
        ] {
            assert_eq!(beginning(octets), expected, "{octets:?}");
        }
    }

    #[test]
    fn a_whole_start_line_is_one_that_began_plausibly() {
        let long = |len: usize| format!("{} / HTTP/1.1\r\n", "A".repeat(len));
        for line in [
            "GET / HTTP/1.1\r\n",
            "HTTP/1.1 200 OK\r\n",
            &long(64),
            &long(65),
        ] {
            let begins = beginning(line.as_bytes()) == Beginning::Plausible;
            assert_eq!(
                whole_start_line(line.as_bytes()).is_some(),
                begins,
                "{line}"
            );
        }
        for line in ["PRI * HTTP/2.0\r\n", "\x16\x03\x01\n", "SSH-2.0-x\r\n"] {
            assert_eq!(whole_start_line(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn a_start_line_is_found_behind_the_rest_of_a_body() {
        let at = |line: &[u8], kind| start_line_within(line, kind).map(|(at, _)| at);
        assert_eq!(
            at(b"</html>HTTP/1.1 200 OK\r\n", Some(Kind::Response)),
            Some(7)
        );
        assert_eq!(
            at(b"a=1&b=2POST /x HTTP/1.1\r\n", Some(Kind::Request)),
            Some(7)
        );
        assert_eq!(at(b"GET / HTTP/1.1\r\n", None), Some(0));
        assert_eq!(at(b"PROPFIND / HTTP/1.1\r\n", None), Some(0));
    }

    #[test]
    fn text_about_http_is_no_start_line() {
        let at = |line: &[u8], kind| start_line_within(line, kind).map(|(at, _)| at);
        assert_eq!(at(b"we speak HTTP/1.1 here\r\n", None), None);
        assert_eq!(at(b"see RFC 9112 for HTTP/1.1\r\n", None), None);
        assert_eq!(
            at(b"the HTTP/1.1 specification\r\n", Some(Kind::Request)),
            None
        );
    }
}
