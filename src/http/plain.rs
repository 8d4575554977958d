//! Reads start lines and fields that are as most are, in one pass and many octets at a time.
//!
//! In: octets that begin with them. Out: what [`head`](super::head) reads from them with httparse, and nothing else; or
//! `None`, where something is not as plain as here, or not there yet: then httparse decides.

use super::head::{Head, MAX_FIELDS, Method, StartLine, Version, is_token};
use super::window::{BLOCK, WIDTH, end_of_run, letters, others, printable, visible};

/// A longer head may have too many fields: four octets are the shortest line.
const MAX_OCTETS: usize = 4 * MAX_FIELDS;

/// The length of a line end.
const LINE_END: usize = 2;

/// Reads the fields that begin at `from` into `head`, and says where they end, the empty line behind them included:
/// lines that end with CR LF, names that are tokens, values of printable ASCII.
pub(super) fn fields_from(octets: &[u8], from: usize, head: &mut Head) -> Option<usize> {
    let octets = octets.get(..from + MAX_OCTETS).unwrap_or(octets);
    let (mut line, mut block) = (from, from);
    loop {
        // Where lines end, if all is plain: two for each, of which the second may be in the next block.
        let mut ends = others(octets, block, printable)? & !u64::from(line > block);
        while ends != 0 {
            let end = block + ends.trailing_zeros() as usize;
            if octets.get(end..end + LINE_END)? != b"\r\n" {
                return None;
            }
            if end == line {
                return Some(end + LINE_END);
            }
            // Few names that do not matter have such a length, and begin with such a letter.
            if let colon @ (10 | 14 | 17) = len_of_name(octets, line)?
                && let b'c' | b'k' | b't' = *octets.get(line)? | 0x20
            {
                note(octets.get(line..end)?, colon, head);
            }
            line = end + LINE_END;
            ends &= ends - 1;
            ends &= ends.wrapping_sub(1);
        }
        block += BLOCK;
    }
}

/// How long the name is with which a line begins, up to its colon.
#[inline]
fn len_of_name(octets: &[u8], line: usize) -> Option<usize> {
    if let Some(window) = octets.get(line..)?.first_chunk::<WIDTH>()
        && let len @ 1.. = letters(window)
        && window.get(len) == Some(&b':')
    {
        return Some(len);
    }
    len_of_token(octets, line)
}

/// The same of one that is long, has other octets than letters and `-`, or stands close to the end. It is called cold so
/// that the loop over lines keeps what it needs where it is.
#[cold]
fn len_of_token(octets: &[u8], line: usize) -> Option<usize> {
    let rest = octets.get(line..)?;
    let len = rest.iter().position(|&octet| !is_token(octet))?;
    (len > 0 && rest.get(len) == Some(&b':')).then_some(len)
}

/// Takes notice of a field that may matter. It is out of the way of all those that do not.
#[inline(never)]
fn note(line: &[u8], colon: usize, head: &mut Head) {
    if let Some((name, [_, value @ ..])) = line.split_at_checked(colon) {
        head.note(name, value);
    }
}

/// Reads the start line that `octets` begin with, and says how long it is with its line end, which is CR LF.
pub(super) fn leading_start_line(octets: &[u8]) -> Option<(StartLine<'_>, usize)> {
    if octets.starts_with(b"HTTP/1.1 ") {
        status_line(octets, Version::Http11)
    } else if octets.starts_with(b"HTTP/1.0 ") {
        status_line(octets, Version::Http10)
    } else {
        request_line(octets)
    }
}

/// The status stands behind one blank, and behind it nothing or a blank and printable ASCII.
fn status_line(octets: &[u8], version: Version) -> Option<(StartLine<'_>, usize)> {
    let (&[.., hundreds, tens, ones], rest) = octets.split_first_chunk::<12>()?;
    let status = [hundreds, tens, ones].iter().try_fold(0, |status, octet| {
        let digit = octet.is_ascii_digit().then(|| u16::from(octet - b'0'))?;
        Some(status * 10 + digit)
    })?;
    let end = match rest.first()? {
        b' ' => end_of_run(octets, 12, printable)?,
        _ => 12,
    };
    let line_end = octets.get(end..end + LINE_END)?;
    let start = StartLine::Response { status, version };
    (line_end == b"\r\n").then_some((start, end + LINE_END))
}

/// One blank each stands between a short method, a target of visible ASCII, and the version.
fn request_line(octets: &[u8]) -> Option<(StartLine<'_>, usize)> {
    let (method, name) = leading_method(octets)?;
    let begin = name.len() + 1;
    let end = end_of_run(octets, begin, visible)?;
    let rest = octets.get(end..)?;
    let version = if rest.starts_with(b" HTTP/1.1\r\n") {
        Version::Http11
    } else if rest.starts_with(b" HTTP/1.0\r\n") {
        Version::Http10
    } else {
        return None;
    };
    let start = StartLine::Request {
        method,
        name,
        target: octets.get(begin..end).filter(|target| !target.is_empty())?,
        version,
    };
    Some((start, end + b" HTTP/1.1\r\n".len()))
}

/// The method that octets begin with, a blank behind it.
fn leading_method(octets: &[u8]) -> Option<(Method, &str)> {
    if octets.starts_with(b"GET ") {
        return Some((Method::Get, "GET"));
    }
    if octets.starts_with(b"POST ") {
        return Some((Method::Other, "POST"));
    }
    let (name, rest) = octets.split_at_checked(letters(octets.first_chunk()?))?;
    let name = str::from_utf8(name).ok()?;
    let is_method = !name.is_empty() && rest.first() == Some(&b' ');
    is_method.then_some((Method::from_name(name), name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::head::{self, Unreadable};
    use crate::http::recognise::whole_start_line;

    const START_LINES: [&str; 12] = [
        "GET / HTTP/1.1\r\n",
        "GET /api/v3/items/98254?page=11&trace=4978f861ba049b2e HTTP/1.1\r\n",
        "POST /upload HTTP/1.0\r\n",
        "HEAD http://www.example.test:8080/index.html HTTP/1.1\r\n",
        "OPTIONS * HTTP/1.1\r\n",
        "CONNECT example.test:443 HTTP/1.1\r\n",
        "M-SEARCH * HTTP/1.1\r\n",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 204 No Content\r\n",
        "HTTP/1.0 404 Not Found, whatever else was looked for in this place\r\n",
        "HTTP/1.1 999 \r\n",
        "HTTP/1.1 101\r\n",
    ];

    const FIELDS: [&str; 16] = [
        "Host: svc4.example.test\r\n",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)\r\n",
        "Accept: */*\r\n",
        "X-B3-TraceId: 80f198ee56343ba864fe8b2a57d3eff7\r\n",
        "Access-Control-Allow-Credentials-And-More: true\r\n",
        "my_odd.name!: a\r\n",
        "Cookie:session=1\r\n",
        "Empty:\r\n",
        "Blank:   \r\n",
        "Connection: close\r\n",
        "connection:  Keep-Alive, Upgrade \r\n",
        "KEEP-ALIVE: timeout=5, max=100\r\n",
        "Content-Length: 5\r\n",
        "Content-Length: 5, 6\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Content-Type: application/json\r\n",
    ];

    /// What is read of fields, whether octets begin with them or a start line stands before.
    fn fields(octets: &[u8]) -> Option<(Head, usize)> {
        let read = |octets: &[u8], from: usize| {
            let mut head = Head::default();
            let end = fields_from(octets, from, &mut head)?;
            Some((head, end - from))
        };
        let start = START_LINES[octets.len() % START_LINES.len()].as_bytes();
        let behind = read(&[start, octets].concat(), start.len());
        let alone = read(octets, 0);
        assert_eq!(behind, alone, "{}", octets.escape_ascii());
        alone
    }

    /// What may stand in for an octet, or between two.
    const ODD: [&[u8]; 18] = [
        b"\r",
        b"\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\n\n",
        b"\r\n ",
        b" ",
        b"\t",
        b":",
        b"\0",
        b"\x7f",
        b"\x80",
        b"\xc3\xa9",
        b"\xff",
        b"-",
        b"A",
        b"7",
        b"/",
    ];

    fn mutate(octets: &mut Vec<u8>, random: &mut fastrand::Rng) {
        let at = random.usize(..=octets.len());
        let end = at + random.usize(..3).min(octets.len() - at);
        match random.u8(..8) {
            0 => octets.truncate(at),
            1 => _ = octets.drain(at..end),
            2 if at < octets.len() => octets[at] = random.u8(..),
            3 if at < octets.len() => octets[at] ^= 0x20,
            4 => {
                let again = octets[at..end].to_vec();
                _ = octets.splice(at..at, again);
            }
            5 => _ = octets.splice(at..at, random.choice(ODD).unwrap().iter().copied()),
            _ => _ = octets.splice(at..end, random.choice(ODD).unwrap().iter().copied()),
        }
    }

    /// Calls `compare` with octets as they are sent, mutated up to three times and with something behind them; how
    /// often it says yes of those that are not mutated and of those that are.
    fn accepted(
        write: impl Fn(&mut fastrand::Rng) -> String,
        compare: impl Fn(&[u8]) -> bool,
    ) -> [u32; 2] {
        let mut random = fastrand::Rng::with_seed(7);
        let mut accepted = [0; 2];
        for _ in 0..50_000 {
            let mut octets = write(&mut random).into_bytes();
            accepted[0] += u32::from(compare(&octets));
            for _ in 0..random.usize(1..4) {
                mutate(&mut octets, &mut random);
            }
            octets.extend((0..random.usize(..80)).map(|_| random.u8(..)));
            accepted[1] += u32::from(compare(&octets));
        }
        accepted
    }

    #[test]
    fn fields_are_read_as_httparse_reads_them() {
        let write = |random: &mut fastrand::Rng| {
            let lines = (0..random.usize(..12)).map(|_| *random.choice(&FIELDS).unwrap());
            lines.chain(["\r\n"]).collect()
        };
        let compare = |octets: &[u8]| {
            let plain = fields(octets);
            if plain.is_some() {
                let general = head::with_httparse(octets).ok();
                assert_eq!(plain, general, "{}", octets.escape_ascii());
            }
            plain.is_some()
        };
        let [as_sent, mutated] = accepted(write, compare);
        assert_eq!(as_sent, 50_000);
        assert!((10_000..40_000).contains(&mutated), "{mutated}");
    }

    #[test]
    fn start_lines_are_read_as_httparse_reads_them() {
        let write = |random: &mut fastrand::Rng| {
            let line = *random.choice(&START_LINES).unwrap();
            format!("{line}Host: svc4.example.test\r\n\r\n")
        };
        let compare = |octets: &[u8]| {
            let plain = leading_start_line(octets);
            if plain.is_some() {
                let end = memchr::memchr(b'\n', octets).unwrap() + 1;
                let general = whole_start_line(&octets[..end]).map(|start| (start, end));
                assert_eq!(plain, general, "{}", octets.escape_ascii());
            }
            plain.is_some()
        };
        let [as_sent, mutated] = accepted(write, compare);
        assert_eq!(as_sent, 50_000);
        assert!((10_000..40_000).contains(&mutated), "{mutated}");
    }

    #[test]
    fn more_fields_than_the_bound_are_never_plain() {
        let head = |line: &str, fields: usize| line.repeat(fields) + "\r\n";
        let most = head("A:\r\n", MAX_FIELDS - 1);
        let read = Some((Head::default(), most.len()));
        assert_eq!(fields(most.as_bytes()), read);
        assert_eq!(head::with_httparse(most.as_bytes()).ok(), read);
        for line in ["A:\r\n", "A: b\r\n"] {
            let most = head(line, MAX_FIELDS);
            assert_eq!(head::fields(most.as_bytes()), Ok(Head::default()));
            let more = head(line, MAX_FIELDS + 1);
            assert_eq!(fields(more.as_bytes()), None);
            let refused = Err(Unreadable::TooManyFields);
            assert_eq!(head::fields(more.as_bytes()), refused);
        }
    }

    #[test]
    fn a_line_of_any_length_is_read_wherever_the_octets_end() {
        for len in 0..100 {
            let head = format!("X: {}\r\nConnection: close\r\n\r\n", "v".repeat(len));
            let (read, end) = fields(head.as_bytes()).unwrap();
            assert!(read.options.close && end == head.len(), "{len}");
            for end in 0..head.len() {
                assert_eq!(fields(&head.as_bytes()[..end]), None, "{len} {end}");
            }
        }
    }
}
