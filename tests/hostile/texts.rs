//! Connections whose messages hold text that means something to whatever shows it.

use std::io;

use super::captures::{Kind, Out, Tcp};

/// A connection for each text.
pub(crate) const TEXTS: Kind = Kind {
    name: "texts",
    full: 1,
    write: conversations,
};

/// Colours, a clipboard, a title, C1, directions, an end of text, another line, formulas, markup.
const HOSTILE: &[&[u8]] = &[
    b"\x1b[31mred",
    b"\x1b]52;c;aGk=\x07",
    b"\x1b]0;title\x07",
    b"\x9b31m",
    b"\xc2\x9b31m",
    "\u{202e}fdp.exe".as_bytes(),
    "\u{2066}a\u{2028}b\u{feff}".as_bytes(),
    b"a\0b",
    b"a\rb",
    b"=cmd|'/C'!A0",
    b"+1",
    b"-1",
    b"@a",
    b"\t=1",
    b"</script><script>alert(1)</script>",
    b"<img/src=x>",
    b"|a|b|",
    b"`a`[x](y)",
    b"a\"b\\c",
];

/// Each in every place of a connection of its own where a text may stand: methods, targets, fields, reasons.
fn conversations(_: u64, out: Out<'_, '_>) -> io::Result<()> {
    for (number, hostile) in (0..).zip(HOSTILE) {
        let fill = |text: &str| {
            let pieces = text.split('@').map(str::as_bytes);
            pieces.collect::<Vec<_>>().join(*hostile)
        };
        let said = [
            (
                fill("GET /@ HTTP/1.1\r\nHost: @\r\n\r\n"),
                fill(
                    "HTTP/1.1 200 @\r\nKeep-Alive: timeout=@, max=@, @=@\r\nConnection: keep-alive, @\r\nContent-Length: 0\r\n\r\n",
                ),
            ),
            (
                fill("GET @ HTTP/1.1\r\n@: @\r\nConnection: close, @\r\nContent-Length: @\r\n\r\n"),
                fill("HTTP/1.0 200 OK\r\nKeep-Alive: @\r\nTransfer-Encoding: @\r\n\r\n@"),
            ),
            (fill("@ / HTTP/1.1\r\n\r\n"), fill("HTTP/1.1 @\r\n\r\n")),
        ];
        out.open(number)?;
        let (mut seq, mut ack) = (1000, 5000);
        for (request, response) in said {
            out.tcp(Tcp::client(number).seq(seq).ack(ack), &request)?;
            seq += request.len() as u64;
            out.tcp(Tcp::server(number).seq(ack).ack(seq), &response)?;
            ack += response.len() as u64;
        }
    }
    Ok(())
}
