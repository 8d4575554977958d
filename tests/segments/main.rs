//! However two streams are cut into segments, in whatever order these are captured and however often, the same messages
//! come out: what fuzzing found before, and some thousand random cuts.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "it is a test"
)]

mod oracle;

/// What was found by fuzzing, and mended.
const FOUND: &[&[u8]] = &[
    // A late segment was handed out before what it answers.
    b"\0\0UUUUUUONN a HTTP/1.1\n\xffHTTP/1.1 200\n",
    // Behind an unreadable response, which of two requests the next one answered depended on whether the second came late.
    b"\x01\0\0\0\0\0\0\0\0HTTP/1.1 200 \nContent-Length:\n\n\n\xffT t HTTP/1.1\n\nT t HTTP/1.1\n\xffHTTP/1.1 200 \xff\xff\xff\xff\n",
    b"\x02\0\0\0\0\0\0\0\x01HTTP/1.1 200 \nContent-Length:\n\n2\xffT t HTTP/1.1\n\nG t HTTP/1.1\n\xffHTTP/1.1 200\n",
];

const TURNS: &[&str] = &[
    "GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nHEAD /c HTTP/1.1\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "GET /d HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "HTTP/1.1 304 X\r\nConnection: close\r\n\r\nHTTP/1.0 200 X\r\n\r\nuntil the end",
];

#[test]
fn what_was_found_before_stays_mended() {
    FOUND.iter().for_each(|input| oracle::check(input));
}

#[test]
fn any_cut_and_any_order_gives_the_same_messages() {
    for seed in 0..2000_u64 {
        let flags = [(seed % 2) as u8];
        let turns = TURNS[..1 + seed as usize % TURNS.len()].join("\0");
        let turns: Vec<u8> = turns
            .bytes()
            .map(|octet| if octet == 0 { 0xff } else { octet })
            .collect();
        oracle::check(&[&seed.to_le_bytes()[..], &flags, &turns].concat());
    }
}
