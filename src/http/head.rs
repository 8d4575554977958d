//! Reads the head of a message (RFC 9112 2 to 5).
//!
//! In: the octets of a whole head, or of its start line alone. Out: what the start line says, and of the fields
//! those that bear on framing and persistence. httparse decides, but for what [`plain`] reads with the same result. A
//! head that httparse refuses is mended in a copy and read once more.

use serde::{Deserialize, Serialize};

use super::framing::{BodyFields, ContentLength, TransferEncoding};
use super::persistence::{KeepAlive, Options};
use super::plain;

/// The largest head that is read, in octets; a message with a larger one has an unknown end.
pub const MAX_HEAD_OCTETS: usize = 256 * 1024;

/// The most fields that are read of one head.
pub const MAX_FIELDS: usize = 1000;

/// Heads with up to so many fields are read without an allocation.
const USUAL_FIELDS: usize = 32;

/// A minor version of HTTP/1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
}

impl Version {
    /// `1.0` or `1.1`.
    pub fn name(self) -> &'static str {
        match self {
            Version::Http10 => "1.0",
            Version::Http11 => "1.1",
        }
    }

    fn from_minor(minor: u8) -> Self {
        if minor == 0 {
            Version::Http10
        } else {
            Version::Http11
        }
    }
}

/// A request's method, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    /// Its responses have no body.
    Head,
    /// A 2xx response turns the connection into a tunnel.
    Connect,
    /// GET.
    Get,
    /// Another one that is idempotent (RFC 9110 9.2.2).
    Idempotent,
    /// Any other.
    Other,
}

impl Method {
    pub(crate) fn from_name(name: &str) -> Self {
        match name {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "CONNECT" => Method::Connect,
            "PUT" | "DELETE" | "OPTIONS" | "TRACE" => Method::Idempotent,
            _ => Method::Other,
        }
    }
}

/// What a start line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartLine<'a> {
    /// A request line (RFC 9112 3).
    Request {
        /// The method, as it bears on framing.
        method: Method,
        /// The method as it was sent.
        name: &'a str,
        /// The target as it was sent: UTF-8, where nobody sends what the standard forbids.
        target: &'a [u8],
        /// The version.
        version: Version,
    },
    /// A status line (RFC 9112 4).
    Response {
        /// The status code, 0 to 999.
        status: u16,
        /// The version.
        version: Version,
    },
}

/// A head, as far as it bears on framing and persistence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The Connection options.
    pub options: Options,
    /// The Keep-Alive parameters, where there is such a field.
    pub keep_alive: Option<KeepAlive>,
    /// The fields that frame the body.
    pub body: BodyFields,
    /// Whether it had to be mended to be read.
    pub shape: HeadShape,
}

/// Whether a head keeps to the grammar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum HeadShape {
    /// It does.
    #[default]
    WellFormed,
    /// Folded lines, blanks before a colon, control characters or lines without a field name were mended.
    Mended,
}

/// Why a head could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// More than [`MAX_FIELDS`].
    TooManyFields,
    /// Not even its mended copy is a head.
    Malformed,
}

/// Reads a start line, its line end included.
pub(super) fn start_line(line: &[u8]) -> Option<StartLine<'_>> {
    if line.starts_with(b"HTTP/") {
        status_line(line)
    } else {
        request_line(line)
    }
}

fn request_line(line: &[u8]) -> Option<StartLine<'_>> {
    let mut request = httparse::Request::new(&mut []);
    // An incomplete head is what a line alone is; any other answer is an error.
    httparse::ParserConfig::default()
        .allow_multiple_spaces_in_request_line_delimiters(true)
        .parse_request(&mut request, line)
        .ok()?;
    let name = request.method?;
    let version = Version::from_minor(request.version?);
    Some(StartLine::Request {
        method: Method::from_name(name),
        name,
        target: request.path?.as_bytes(),
        version,
    })
}

fn status_line(line: &[u8]) -> Option<StartLine<'_>> {
    let mut response = httparse::Response::new(&mut []);
    httparse::ParserConfig::default()
        .allow_multiple_spaces_in_response_status_delimiters(true)
        .parse_response(&mut response, line)
        .ok()?;
    // A reason phrase that httparse has not accepted yet leaves the line incomplete.
    let (status, version) = (response.code?, Version::from_minor(response.version?));
    response
        .reason
        .map(|_| StartLine::Response { status, version })
}

/// Reads the fields that `octets` begin with, and says how long they are with the empty line behind them. `None` where
/// that line is not there, or where they are not as most are: those are for [`fields`].
pub(super) fn leading_fields(octets: &[u8]) -> Option<(Head, usize)> {
    plain_fields(octets).or_else(|| few_fields(octets))
}

fn plain_fields(octets: &[u8]) -> Option<(Head, usize)> {
    let mut head = Head::default();
    let end = plain::fields_from(octets, 0, &mut head)?;
    Some((head, end))
}

/// Reads the fields of a head: the octets behind its start line, up to and with the empty line.
pub(super) fn fields(octets: &[u8]) -> Result<Head, Unreadable> {
    if let Some((head, _)) = plain_fields(octets) {
        return Ok(head);
    }
    match with_httparse(octets) {
        Ok((head, _)) => Ok(head),
        Err(httparse::Error::TooManyHeaders) => Err(Unreadable::TooManyFields),
        Err(_) => match with_httparse(&mended(octets)) {
            Ok((head, _)) => Ok(Head {
                shape: HeadShape::Mended,
                ..head
            }),
            Err(httparse::Error::TooManyHeaders) => Err(Unreadable::TooManyFields),
            Err(_) => Err(Unreadable::Malformed),
        },
    }
}

/// Reads the fields that `octets` begin with as httparse does, and says how long they are.
pub(super) fn with_httparse(octets: &[u8]) -> Result<(Head, usize), httparse::Error> {
    if let Some(read) = few_fields(octets) {
        return Ok(read);
    }
    let mut many = vec![httparse::EMPTY_HEADER; MAX_FIELDS];
    match httparse::parse_headers(octets, &mut many)? {
        httparse::Status::Complete((len, fields)) => Ok((collect(fields), len)),
        httparse::Status::Partial => Err(httparse::Error::NewLine),
    }
}

fn few_fields(octets: &[u8]) -> Option<(Head, usize)> {
    let mut few = [httparse::EMPTY_HEADER; USUAL_FIELDS];
    match httparse::parse_headers(octets, &mut few) {
        Ok(httparse::Status::Complete((len, fields))) => Some((collect(fields), len)),
        _ => None,
    }
}

fn collect(fields: &[httparse::Header<'_>]) -> Head {
    let mut head = Head::default();
    for field in fields {
        head.note(field.name.as_bytes(), field.value);
    }
    head
}

impl Head {
    /// Takes notice of a field, if it matters; its name is a token.
    #[inline(always)]
    pub(super) fn note(&mut self, name: &[u8], value: &[u8]) {
        match name.len() {
            10 if is_named(name, b"connection") => self.options.add(value),
            10 if is_named(name, b"keep-alive") => {
                self.keep_alive.get_or_insert_default().add(value);
            }
            14 if is_named(name, b"content-length") => {
                self.body.content_length = self.body.content_length.and(value);
            }
            17 if is_named(name, b"transfer-encoding") => {
                self.body.transfer_encoding = self.body.transfer_encoding.and(value);
            }
            _ => {}
        }
    }
}

/// Whether a token is this name, which is written in small letters, in any case. Eight octets are compared at once:
/// in a token, only its own capital becomes a small letter by the bit that makes the difference, and only `-` a `-`.
fn is_named<const LEN: usize>(token: &[u8], name: &[u8; LEN]) -> bool {
    const SMALL: u64 = u64::from_le_bytes([0x20; 8]);
    let folded = |eight: Option<&[u8; 8]>| eight.map(|eight| u64::from_le_bytes(*eight) | SMALL);
    token.len() == LEN
        && folded(token.first_chunk()) == folded(name.first_chunk())
        && folded(token.last_chunk()) == folded(name.last_chunk())
        && (LEN <= 16 || token.eq_ignore_ascii_case(name))
}

impl ContentLength {
    /// With one more field line; a list of equal numbers is one number (RFC 9112 6.3, point 5).
    #[inline]
    fn and(self, value: &[u8]) -> Self {
        let usual = value.strip_prefix(b" ").unwrap_or(value);
        match (self, decimal(usual)) {
            (ContentLength::Absent, Some(octets)) => ContentLength::Octets(octets),
            _ => self.and_list(value),
        }
    }

    #[inline(never)]
    fn and_list(self, value: &[u8]) -> Self {
        value
            .split(|&octet| octet == b',')
            .map(<[u8]>::trim_ascii)
            .fold(self, |sum, member| match (sum, decimal(member)) {
                (ContentLength::Absent, Some(octets)) => ContentLength::Octets(octets),
                (ContentLength::Octets(before), Some(octets)) if before == octets => sum,
                _ => ContentLength::Invalid,
            })
    }
}

/// A number; one beyond 64 bits is a number too (RFC 9110 8.6), and more than any connection carries.
fn decimal(digits: &[u8]) -> Option<u64> {
    let digit = |octet: &u8| octet.is_ascii_digit().then(|| u64::from(octet - b'0'));
    let more = |number: u64, octet| Some(number.saturating_mul(10).saturating_add(digit(octet)?));
    let number = digits.iter().try_fold(0, more)?;
    (!digits.is_empty()).then_some(number)
}

impl TransferEncoding {
    /// With one more field line: the last coding of the last line is the final one. `identity`, which RFC 2616 had,
    /// is no coding.
    fn and(self, value: &[u8]) -> Self {
        let codings = value.split(|&octet| octet == b',').map(<[u8]>::trim_ascii);
        let mut real = codings
            .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"));
        match real.next_back() {
            None => self,
            Some(last) if last.eq_ignore_ascii_case(b"chunked") => TransferEncoding::Chunked,
            Some(_) => TransferEncoding::Other,
        }
    }
}

/// A copy of a head's fields that httparse reads: folded lines unfolded (RFC 9112 5.2), blanks before a colon
/// dropped (5.1), control characters, a bare CR among them, turned into blanks (2.2), and lines that begin with no
/// field name left out.
fn mended(octets: &[u8]) -> Vec<u8> {
    let mut copy = Vec::with_capacity(octets.len());
    for line in octets.split_inclusive(|&octet| octet == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            break;
        }
        let folded = matches!(line.first(), Some(b' ' | b'\t')) && !copy.is_empty();
        if folded {
            copy.truncate(copy.len().saturating_sub(2));
            copy.push(b' ');
            push_value(&mut copy, line);
        } else if let Some((name, value)) = name_and_value(line) {
            copy.extend_from_slice(name);
            copy.push(b':');
            push_value(&mut copy, value);
        }
    }
    copy.extend_from_slice(b"\r\n");
    copy
}

fn push_value(copy: &mut Vec<u8>, value: &[u8]) {
    let printable = |&octet: &u8| {
        if octet.is_ascii_control() {
            b' '
        } else {
            octet
        }
    };
    copy.extend(value.iter().map(printable));
    copy.extend_from_slice(b"\r\n");
}

fn name_and_value(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, value) = line.split_at_checked(memchr::memchr(b':', line)?)?;
    let name = name.trim_ascii_end();
    let token = !name.is_empty() && name.iter().all(|&octet| is_token(octet));
    token.then_some((name, value.strip_prefix(b":")?))
}

/// Whether an octet may stand in a token (RFC 9110 5.6.2).
pub(super) fn is_token(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::persistence::Syntax;

    #[test]
    fn start_lines() {
        let StartLine::Request {
            method,
            name,
            target,
            version,
        } = start_line(b"PROPFIND /a?b=c HTTP/1.0\r\n").unwrap()
        else {
            panic!("a request line");
        };
        assert_eq!(
            (method, name, target, version),
            (Method::Other, "PROPFIND", &b"/a?b=c"[..], Version::Http10)
        );
        let status = |status| {
            Some(StartLine::Response {
                status,
                version: Version::Http11,
            })
        };
        assert_eq!(start_line(b"HTTP/1.1 404 Not Found\r\n"), status(404));
        assert_eq!(start_line(b"HTTP/1.1 200\r\n"), status(200));
        assert_eq!(start_line(b"HTTP/1.1 200 \r\n"), status(200));
        assert_eq!(start_line(b"HTTP/1.1 200 \xc3\xa9t\xe9\r\n"), status(200));
        assert_eq!(start_line(b"HTTP/1.1 200 OK\n"), status(200));
        for other in [
            &b"SSH-2.0-OpenSSH\r\n"[..],
            b"PRI * HTTP/2.0\r\n",
            b"GET /\r\n",
            b"HTTP/2 200\r\n",
            b"220 ready\r\n",
            b"\x16\x03\x01\n",
        ] {
            assert_eq!(start_line(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_name_is_itself_in_any_case_and_no_other_token() {
        let mut random = fastrand::Rng::with_seed(3);
        let tokens: Vec<u8> = (0..=u8::MAX).filter(|&octet| is_token(octet)).collect();
        let mut named = 0;
        for _ in 0..20_000 {
            let mut token = b"Transfer-Encoding".to_vec();
            token.truncate(random.usize(16..=17));
            for _ in 0..random.usize(..4) {
                let at = random.usize(..token.len());
                token[at] = *random.choice(&tokens).unwrap();
            }
            let at = random.usize(..token.len());
            token[at] ^= if token[at].is_ascii_alphabetic() {
                0x20
            } else {
                0
            };
            let name = b"transfer-encoding";
            assert_eq!(is_named(&token, name), token.eq_ignore_ascii_case(name));
            let short = name.first_chunk::<14>().unwrap();
            let token = &token[..14];
            assert_eq!(is_named(token, short), token.eq_ignore_ascii_case(short));
            named += u32::from(is_named(token, short));
        }
        assert!((1_000..19_000).contains(&named), "{named}");
    }

    #[test]
    fn fields_that_matter_are_found_in_any_case() {
        let head = fields(b"Host: a\r\ncontent-LENGTH: 5\r\nConnection: Keep-Alive\r\nKeep-Alive: timeout=5, max=100\r\n\r\n").unwrap();
        assert!(head.options.keep_alive && !head.options.close);
        let keep_alive = head.keep_alive.unwrap();
        assert_eq!(
            (keep_alive.timeout, keep_alive.max, keep_alive.syntax),
            (Some(5), Some(100), Syntax::WellFormed)
        );
        assert_eq!(head.body.content_length, ContentLength::Octets(5));
        assert_eq!(head.shape, HeadShape::WellFormed);
    }

    #[test]
    fn what_httparse_refuses_is_mended_and_not_lost() {
        for (octets, what) in [
            (
                &b"Connection : close\r\n\r\n"[..],
                "a blank before the colon",
            ),
            (b"Connection:\r\n close\r\n\r\n", "a folded line"),
            (
                b"X: a\rb\r\nConnection: close\r\n\r\n",
                "a bare CR in another field",
            ),
            (b"X: a\0b\r\nConnection: close\r\n\r\n", "a NUL"),
            (
                b"what is this\r\nConnection: close\r\n\r\n",
                "a line without a colon",
            ),
            (
                b"no name here: x\r\nConnection: close\r\n\r\n",
                "a name that is no token",
            ),
        ] {
            let head = fields(octets).unwrap();
            assert!(head.options.close, "{what}");
            assert_eq!(head.shape, HeadShape::Mended, "{what}");
        }
    }

    #[test]
    fn content_lengths() {
        let length = |lines: &str| {
            fields(format!("{lines}\r\n\r\n").as_bytes())
                .unwrap()
                .body
                .content_length
        };
        assert_eq!(length("Content-Length: 7, 7"), ContentLength::Octets(7));
        assert_eq!(
            length("Content-Length: 7\r\nContent-Length: 7"),
            ContentLength::Octets(7)
        );
        assert_eq!(
            length("Content-Length: 7\r\nContent-Length: 8"),
            ContentLength::Invalid
        );
        assert_eq!(
            length("Content-Length: 99999999999999999999"),
            ContentLength::Octets(u64::MAX)
        );
        for invalid in ["", "+5", "-5", "5 5", "0x5"] {
            assert_eq!(
                length(&format!("Content-Length: {invalid}")),
                ContentLength::Invalid,
                "{invalid}"
            );
        }
    }

    #[test]
    fn the_last_coding_is_the_final_one() {
        let coding = |lines: &str| {
            fields(format!("{lines}\r\n\r\n").as_bytes())
                .unwrap()
                .body
                .transfer_encoding
        };
        assert_eq!(
            coding("Transfer-Encoding: gzip, Chunked"),
            TransferEncoding::Chunked
        );
        assert_eq!(
            coding("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked"),
            TransferEncoding::Chunked
        );
        assert_eq!(
            coding("Transfer-Encoding: chunked, gzip"),
            TransferEncoding::Other
        );
        assert_eq!(
            coding("Transfer-Encoding: identity"),
            TransferEncoding::Absent
        );
    }

    #[test]
    fn up_to_a_thousand_fields_are_read() {
        let head =
            |fields: usize| format!("{}Connection: close\r\n\r\n", "A: b\r\n".repeat(fields - 1));
        assert!(fields(head(MAX_FIELDS).as_bytes()).unwrap().options.close);
        assert_eq!(
            fields(head(MAX_FIELDS + 1).as_bytes()),
            Err(Unreadable::TooManyFields)
        );
    }
}
