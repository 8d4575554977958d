//! Captures that nobody records, made to exhaust memory or time: each kind at any size.

use std::io::{self, Write};

/// A kind of hostile capture.
pub(crate) struct Kind {
    /// What it is called.
    pub(crate) name: &'static str,
    /// How many of whatever it counts make up its full size.
    pub(crate) full: u64,
    /// Writes so many of them.
    pub(crate) write: fn(u64, &mut Capture<&mut dyn Write>) -> io::Result<()>,
}

/// All kinds.
pub(crate) const KINDS: &[Kind] = &[
    Kind {
        name: "half-open",
        full: 1_000_000,
        write: half_open,
    },
    Kind {
        name: "fragments",
        full: 2_000_000,
        write: fragments,
    },
    Kind {
        name: "hole-first",
        full: 1_000_000,
        write: hole_first,
    },
    Kind {
        name: "large-behind-hole",
        full: 20_000,
        write: large_behind_hole,
    },
    Kind {
        name: "zeros",
        full: 10_000_000,
        write: zeros,
    },
    Kind {
        name: "reverse",
        full: 1_000_000,
        write: reverse,
    },
    Kind {
        name: "holes-on-many",
        full: 1_000_000,
        write: holes_on_many,
    },
    Kind {
        name: "slow-heads",
        full: 5_000_000,
        write: slow_heads,
    },
    Kind {
        name: "octet-heads",
        full: 5_000_000,
        write: octet_heads,
    },
    Kind {
        name: "endless-head",
        full: 70_000,
        write: endless_head,
    },
    Kind {
        name: "endless-line",
        full: 5_000_000,
        write: endless_line,
    },
    Kind {
        name: "endless-token",
        full: 5_000_000,
        write: endless_token,
    },
    Kind {
        name: "almost-messages",
        full: 100_000,
        write: almost_messages,
    },
    Kind {
        name: "requests-only",
        full: 5_000_000,
        write: requests_only,
    },
    Kind {
        name: "responses-only",
        full: 5_000_000,
        write: responses_only,
    },
    Kind {
        name: "lost-answers",
        full: 2_000_000,
        write: lost_answers,
    },
    Kind {
        name: "long-targets",
        full: 500_000,
        write: long_targets,
    },
    Kind {
        name: "busy",
        full: 1_000_000,
        write: busy,
    },
    Kind {
        name: "tiny-chunks",
        full: 500_000,
        write: tiny_chunks,
    },
    Kind {
        name: "clocks",
        full: 2_000_000,
        write: clocks,
    },
    Kind {
        name: "resets",
        full: 5_000_000,
        write: resets,
    },
    Kind {
        name: "short-lived",
        full: 2_000_000,
        write: short_lived,
    },
    Kind {
        name: "zombies",
        full: 1_000_000,
        write: zombies,
    },
    Kind {
        name: "reused-pair",
        full: 5_000_000,
        write: reused_pair,
    },
];

/// The octets of a capture of this kind.
#[allow(dead_code, reason = "whoever writes a file needs it not")]
pub(crate) fn capture(kind: &Kind, size: u64) -> Vec<u8> {
    let mut octets = Vec::new();
    // Memory takes all.
    _ = write(kind, size, &mut octets);
    octets
}

/// Writes a capture of this kind.
pub(crate) fn write(kind: &Kind, size: u64, out: &mut dyn Write) -> io::Result<()> {
    let mut capture = Capture {
        out,
        micros: 1_700_000_000_000_000,
    };
    // Little-endian, microseconds, raw IP.
    let header: [u32; 6] = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, 101];
    for word in header {
        capture.out.write_all(&word.to_le_bytes())?;
    }
    (kind.write)(size, &mut capture)
}

/// A pcap file that is being written.
pub(crate) struct Capture<W> {
    out: W,
    micros: u64,
}

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

/// Who sends what.
#[derive(Clone, Copy)]
pub(crate) struct Tcp {
    client: u64,
    from_server: bool,
    flags: u8,
    seq: u32,
    ack: u32,
}

impl Tcp {
    pub(crate) fn client(number: u64) -> Self {
        Tcp {
            client: number,
            from_server: false,
            flags: ACK,
            seq: 1000,
            ack: 5000,
        }
    }

    pub(crate) fn server(number: u64) -> Self {
        Tcp {
            from_server: true,
            seq: 5000,
            ack: 1000,
            ..Tcp::client(number)
        }
    }

    pub(crate) fn flags(self, flags: u8) -> Self {
        Tcp { flags, ..self }
    }

    pub(crate) fn seq(self, seq: u64) -> Self {
        Tcp {
            seq: seq as u32,
            ..self
        }
    }

    pub(crate) fn ack(self, ack: u64) -> Self {
        Tcp {
            ack: ack as u32,
            ..self
        }
    }
}

impl Capture<&mut dyn Write> {
    fn record(&mut self, octets: &[u8]) -> io::Result<()> {
        self.micros += 10;
        let len = octets.len() as u32;
        for word in [
            (self.micros / 1_000_000) as u32,
            (self.micros % 1_000_000) as u32,
            len,
            len,
        ] {
            self.out.write_all(&word.to_le_bytes())?;
        }
        self.out.write_all(octets)
    }

    fn ip(
        &mut self,
        src: u32,
        dst: u32,
        protocol: u8,
        id: u16,
        fragment: u16,
        payload: &[u8],
    ) -> io::Result<()> {
        let mut packet = Vec::with_capacity(20 + payload.len());
        packet.extend([0x45, 0]);
        packet.extend((20 + payload.len() as u16).to_be_bytes());
        packet.extend(id.to_be_bytes());
        packet.extend(fragment.to_be_bytes());
        packet.extend([64, protocol, 0, 0]);
        packet.extend(src.to_be_bytes());
        packet.extend(dst.to_be_bytes());
        packet.extend(payload);
        self.record(&packet)
    }

    pub(crate) fn tcp(&mut self, tcp: Tcp, payload: &[u8]) -> io::Result<()> {
        let client = (
            0x0a00_0000 + (tcp.client / 60_000) as u32,
            1024 + (tcp.client % 60_000) as u16,
        );
        let server = (0xc000_0201, 80);
        let (src, dst) = if tcp.from_server {
            (server, client)
        } else {
            (client, server)
        };
        let mut segment = Vec::with_capacity(20 + payload.len());
        segment.extend(src.1.to_be_bytes());
        segment.extend(dst.1.to_be_bytes());
        segment.extend(tcp.seq.to_be_bytes());
        segment.extend(tcp.ack.to_be_bytes());
        segment.extend([0x50, tcp.flags, 0xff, 0xff, 0, 0, 0, 0]);
        segment.extend(payload);
        self.ip(src.0, dst.0, 6, 0, 0, &segment)
    }

    /// The handshake of a connection; data begins at 1000 and 5000.
    pub(crate) fn open(&mut self, number: u64) -> io::Result<()> {
        self.tcp(Tcp::client(number).flags(SYN).seq(999), &[])?;
        self.tcp(Tcp::server(number).flags(SYN | ACK).seq(4999), &[])?;
        self.tcp(Tcp::client(number), &[])
    }

    /// One octet a segment, in order.
    fn drip(&mut self, number: u64, octets: impl Iterator<Item = u8>) -> io::Result<()> {
        (1000..)
            .zip(octets)
            .try_for_each(|(seq, octet)| self.tcp(Tcp::client(number).seq(seq), &[octet]))
    }
}

pub(crate) type Out<'a, 'b> = &'a mut Capture<&'b mut dyn Write>;

/// A SYN each, of as many connections.
fn half_open(size: u64, out: Out<'_, '_>) -> io::Result<()> {
    (0..size).try_for_each(|number| out.tcp(Tcp::client(number).flags(SYN), &[]))
}

/// A first fragment each, of as many datagrams.
fn fragments(size: u64, out: Out<'_, '_>) -> io::Result<()> {
    (0..size).try_for_each(|number| {
        let src = 0x0a00_0000 + (number >> 16) as u32;
        out.ip(src, 0xc000_0201, 6, number as u16, 0x2000, &[7; 64])
    })
}

/// One direction; its first octets are not there, and nobody acknowledges anything.
fn hole_first(size: u64, out: Out<'_, '_>) -> io::Result<()> {
    behind_hole(size, &b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(37), out)
}

/// The same in segments as long as they can be where the network card puts them together.
fn large_behind_hole(size: u64, out: Out<'_, '_>) -> io::Result<()> {
    behind_hole(size, &[b'x'; 60_000], out)
}

fn behind_hole(size: u64, payload: &[u8], out: Out<'_, '_>) -> io::Result<()> {
    out.tcp(Tcp::client(0).flags(SYN).seq(999), &[])?;
    (0..size).try_for_each(|at| {
        out.tcp(
            Tcp::client(0).seq(2000 + at * payload.len() as u64),
            payload,
        )
    })
}

/// Kilobytes of zeros where records should be: each header that they make up describes an empty packet.
fn zeros(size: u64, out: Out<'_, '_>) -> io::Result<()> {
    (0..size).try_for_each(|_| out.out.write_all(&[0; 1024]))
}

/// Segments of one octet, the last first.
fn reverse(size: u64, out: Out<'_, '_>) -> io::Result<()> {
    out.open(0)?;
    (0..size)
        .rev()
        .try_for_each(|at| out.tcp(Tcp::client(0).seq(1000 + at), b"x"))
}

/// A kilobyte each ahead of a hole, over and over on a thousand connections.
fn holes_on_many(size: u64, out: Out<'_, '_>) -> io::Result<()> {
    (0..1000).try_for_each(|number| out.open(number))?;
    (0..size).try_for_each(|at| {
        out.tcp(
            Tcp::client(at % 1000).seq(3000 + at / 1000 * 1024),
            &[b'x'; 1024],
        )
    })
}

/// Heads that never end, a field at a time, on a hundred thousand connections.
fn slow_heads(size: u64, out: Out<'_, '_>) -> io::Result<()> {
    const FIELD: &[u8] =
        b"X-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n";
    const START: &[u8] = b"GET / HTTP/1.1\r\n";
    let connections = (size / 50).max(1);
    (0..size).try_for_each(|at| {
        let (number, round) = (at % connections, at / connections);
        let seq = 1000 + START.len() as u64 + round.saturating_sub(1) * FIELD.len() as u64;
        match round {
            0 => out.tcp(Tcp::client(number), START),
            _ => out.tcp(Tcp::client(number).seq(seq), FIELD),
        }
    })
}

/// A head that comes an octet at a time, without an end.
fn octet_heads(size: u64, out: Out<'_, '_>) -> io::Result<()> {
    out.open(0)?;
    out.drip(
        0,
        b"GET / HTTP/1.1\r\n"
            .iter()
            .chain(b"A: b\r\n".iter().cycle())
            .copied()
            .take(size as usize),
    )
}

/// A head of any size without an end, in segments of 1,400 octets.
fn endless_head(size: u64, out: Out<'_, '_>) -> io::Result<()> {
    out.open(0)?;
    out.tcp(Tcp::client(0), b"GET / HTTP/1.1\r\n")?;
    (0..size).try_for_each(|at| {
        out.tcp(
            Tcp::client(0).seq(1016 + at * 1400),
            &b"A: bbb\r\n".repeat(175),
        )
    })
}

/// A line without an end behind a hole, an octet at a time.
fn endless_line(size: u64, out: Out<'_, '_>) -> io::Result<()> {
    out.drip(
        0,
        b"\x00"
            .iter()
            .chain(b"x".iter().cycle())
            .copied()
            .take(size as usize),
    )
}

/// A start line of one token without an end, an octet at a time.
fn endless_token(size: u64, out: Out<'_, '_>) -> io::Result<()> {
    out.open(0)?;
    out.drip(
        0,
        b"HTTP"
            .iter()
            .chain(b"P".iter().cycle())
            .copied()
            .take(size as usize),
    )
}

/// Lines full of what might begin a message and does not.
fn almost_messages(size: u64, out: Out<'_, '_>) -> io::Result<()> {
    let mut line = b"HTTP/1.1 200 ".repeat(107);
    line.extend(b"\x01\n");
    (0..size).try_for_each(|at| out.tcp(Tcp::server(0).seq(5000 + at * line.len() as u64), &line))
}

/// Requests that nobody answers or acknowledges.
fn requests_only(size: u64, out: Out<'_, '_>) -> io::Result<()> {
    const REQUEST: &[u8] = b"GET /a HTTP/1.1\r\n\r\n";
    (0..size).try_for_each(|at| {
        out.tcp(
            Tcp::client(0).seq(1000 + at * REQUEST.len() as u64),
            REQUEST,
        )
    })
}

/// Responses that nobody asked for or acknowledges.
fn responses_only(size: u64, out: Out<'_, '_>) -> io::Result<()> {
    const RESPONSE: &[u8] = b"HTTP/1.1 204 X\r\n\r\n";
    (0..size).try_for_each(|at| {
        out.tcp(
            Tcp::server(0).seq(5000 + at * RESPONSE.len() as u64),
            RESPONSE,
        )
    })
}

/// A request that no response belongs to, and responses with holes between them.
fn lost_answers(size: u64, out: Out<'_, '_>) -> io::Result<()> {
    const RESPONSE: &[u8] = b"HTTP/1.1 204 X\r\n\r\n";
    out.open(0)?;
    out.tcp(Tcp::client(0), b"GET /a HTTP/1.1\r\n\r\n")?;
    (0..size).try_for_each(|at| {
        let seq = 5000 + at * (RESPONSE.len() as u64 + 1);
        out.tcp(Tcp::server(0).seq(seq), RESPONSE)?;
        out.tcp(Tcp::client(0).seq(1019).ack(seq + 20), &[])
    })
}

/// Requests with targets of a kilobyte, answered.
fn long_targets(size: u64, out: Out<'_, '_>) -> io::Result<()> {
    const RESPONSE: &[u8] = b"HTTP/1.1 204 X\r\n\r\n";
    let request = [b"GET /", "a".repeat(1000).as_bytes(), b" HTTP/1.1\r\n\r\n"].concat();
    let connections = (size / 100).max(1);
    (0..size).try_for_each(|at| {
        let (number, round) = (at % connections, at / connections);
        let seq = 1000 + round * request.len() as u64;
        let ack = 5000 + round * RESPONSE.len() as u64;
        out.tcp(Tcp::client(number).seq(seq).ack(ack), &request)?;
        out.tcp(
            Tcp::server(number).seq(ack).ack(seq + request.len() as u64),
            RESPONSE,
        )
    })
}

/// One connection with as many exchanges: five seconds idle after the first, closed by the client after three more.
fn busy(size: u64, out: Out<'_, '_>) -> io::Result<()> {
    const REQUEST: &[u8] = b"GET /a HTTP/1.1\r\n\r\n";
    const RESPONSE: &[u8] = b"HTTP/1.1 204 X\r\n\r\n";
    let asked = |count: u64| 1000 + count * REQUEST.len() as u64;
    let answered = |count: u64| 5000 + count * RESPONSE.len() as u64;
    out.open(0)?;
    for at in 0..size {
        out.tcp(Tcp::client(0).seq(asked(at)).ack(answered(at)), REQUEST)?;
        out.tcp(
            Tcp::server(0).seq(answered(at)).ack(asked(at + 1)),
            RESPONSE,
        )?;
        out.tcp(Tcp::client(0).seq(asked(at + 1)).ack(answered(at + 1)), &[])?;
        out.micros += if at == 0 { 5_000_000 } else { 0 };
    }
    out.micros += 3_000_000;
    out.tcp(
        Tcp::client(0)
            .seq(asked(size))
            .ack(answered(size))
            .flags(FIN | ACK),
        &[],
    )?;
    out.tcp(
        Tcp::server(0)
            .seq(answered(size))
            .ack(asked(size) + 1)
            .flags(FIN | ACK),
        &[],
    )?;
    out.tcp(
        Tcp::client(0).seq(asked(size) + 1).ack(answered(size) + 1),
        &[],
    )
}

/// Chunks of one octet.
fn tiny_chunks(size: u64, out: Out<'_, '_>) -> io::Result<()> {
    const HEAD: &[u8] = b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n";
    out.tcp(Tcp::server(0), HEAD)?;
    let chunks = b"1\r\nx\r\n".repeat(200);
    let first = 5000 + HEAD.len() as u64;
    (0..size).try_for_each(|at| {
        out.tcp(
            Tcp::server(0).seq(first + at * chunks.len() as u64),
            &chunks,
        )
    })
}

/// A clock that jumps far ahead and back with every packet, over connections that are opened and closed.
fn clocks(size: u64, out: Out<'_, '_>) -> io::Result<()> {
    (0..size).try_for_each(|at| {
        let seconds = if at % 2 == 0 {
            1
        } else {
            u64::from(u32::MAX) - 1
        };
        out.micros = seconds * 1_000_000 + at % 100_000;
        let flags = match at % 4 {
            0 => SYN,
            1 => ACK,
            2 => FIN | ACK,
            _ => RST,
        };
        out.tcp(Tcp::client(at / 4).flags(flags), &[])
    })
}

/// Resets that close nothing, since what comes after them is acknowledged.
fn resets(size: u64, out: Out<'_, '_>) -> io::Result<()> {
    out.open(0)?;
    (0..size).try_for_each(|at| {
        out.micros = 1_700_000_000_000_000;
        out.tcp(Tcp::client(0).flags(RST).ack(5000 + at), &[])?;
        out.tcp(Tcp::server(0).seq(5000 + at), b"x")?;
        out.tcp(Tcp::client(0).ack(5001 + at), &[])
    })
}

/// Connections that are reset at once.
fn short_lived(size: u64, out: Out<'_, '_>) -> io::Result<()> {
    (0..size).try_for_each(|number| {
        out.tcp(Tcp::client(number).flags(SYN).seq(999), &[])?;
        out.tcp(Tcp::client(number).flags(RST), &[])
    })
}

/// The same, and long after that another packet of each.
fn zombies(size: u64, out: Out<'_, '_>) -> io::Result<()> {
    short_lived(size, out)?;
    out.micros += 121_000_000;
    (0..size).try_for_each(|number| out.tcp(Tcp::client(number), &[]))
}

/// The same two endpoints over and over, at one moment.
fn reused_pair(size: u64, out: Out<'_, '_>) -> io::Result<()> {
    (0..size).try_for_each(|at| {
        out.micros = 1_700_000_000_000_000;
        out.tcp(Tcp::client(0).flags(SYN).seq(at * 10), &[])?;
        out.tcp(Tcp::client(0).flags(RST).seq(at * 10 + 1), &[])
    })
}
