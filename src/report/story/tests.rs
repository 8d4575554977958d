//! Stories of scripts.

use super::*;
use crate::audit::{Extent, Reading, Totals};
use crate::report::look::{Colour, Detail, Symbols};
use crate::script::play_all;

fn look(width: u16, symbols: Symbols) -> Look {
    Look {
        width: Some(width),
        colour: Colour::Plain,
        detail: Detail::Usual,
        symbols,
    }
}

fn told(script: &str, look: Look) -> String {
    let played = play_all(script).remove(0);
    let row = Row::new(played.connection, played.judgement, Extent::Exchanges);
    let reading = Reading {
        path: "a.pcap".into(),
        ..Reading::default()
    };
    let document = Document {
        readings: &[reading],
        rows: std::slice::from_ref(&row),
        totals: &Totals::default(),
    };
    let mut text = Vec::new();
    write_story(&document, &row, look, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// The drawing alone, less the time and the frame.
fn drawn(script: &str) -> Vec<String> {
    let text = told(script, look(70, Symbols::Ascii));
    let headings = |line: &&str| !line.contains("192.0.2.1");
    let lines = text.lines().skip_while(headings).skip(1);
    let lines = lines.take_while(|line| !line.starts_with("seconds"));
    lines
        .map(|line| line.get(21..).unwrap_or_default().to_owned())
        .collect()
}

const EARLY: &str = "> GET /a\n< 200 | Content-Length: 2 | Connection: keep-alive | Keep-Alive: timeout=5\n~ 2s\nserver FIN\n";

#[test]
fn a_connection_is_told_from_its_beginning_to_its_end() {
    let expected = "\
a.pcap, stream 0
HTTP/1.1, 1 request, 1 response, timeout=5, closed by server FIN
(idle-timeout)

        time  frame  client                            server
                     192.0.2.1:40000             192.0.2.2:80
    0.000000      1  |-- SYN, SYN-ACK, ACK in 0 ns -------->|
    0.000000      4  |-- GET /a --------------------------->|
    0.000000      6  |<------------------- 200, timeout=5 --| (1)
                     |                                      |
                     |             idle 2.000 s             |
                     |                                      |
                     |                                      |
    2.000000      8  |<------------------------------ FIN --| [1]
                     |                                      :
                     |                                      :
                     |                                      :
                     |                                      :
                     |                                      :
                     |                                      :
    5.000000         |~~~ timeout=5: promised until here ~~~:
seconds from the first packet; an empty line is 500 ms, and an idle
gap has one at least

[1] warning early-idle-close
    the server closed an idle connection sooner than the timeout that
    it advertised
    frame 8 (with 6): advertised timeout 5 s in frame 6, closed after
    2.000 s idle in frame 8
    at fault: server; RFC 2068 19.7.1,
    draft-thomson-hybi-http-timeout-03

verdict warning
Wireshark: tcp.stream eq 0
";
    let text = told(EARLY, look(70, Symbols::Ascii));
    assert_eq!(text, expected);
}

/// Everything that can be told in a script or two.
const SCRIPTS: [&str; 8] = [
    EARLY,
    "> GET /a\n< 200 | Content-Length: 2\n~ 1s\n> GET /b\n~ 2s\n< 200 | Connection: close\n< raw abc\nserver FIN\nclient FIN\n",
    "> raw POST /a HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 3\\r\\n\\r\\n\n~ 1s\n> raw abc\n< 200 | Content-Length: 2\nclient RST\n",
    "inside\n> GET /a HTTP/1.0 | Connection: keep-alive\n< 200 HTTP/1.0 | Content-Length: 0\n~ 1s\n",
    "> GET / | Connection: upgrade | Upgrade: x\n< 101 | Connection: upgrade\n~ 1s\nserver FIN\n",
    "> raw SSH-2.0-x\\r\\n\n~ 1s\nserver FIN\n",
    "> GET /\u{e4}\u{6f22}\u{5b57}/with/a/long/path/that/goes/on/and/on/and/on/and/on/and/on/and/on | Connection: close\n",
    "> raw GET /\\xe2\\x80\\xaegpj HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n\n< 200 | Content-Length: 0\n",
];

#[test]
fn it_fits_the_width_in_both_alphabets() {
    for script in SCRIPTS {
        for width in [60, 80, 120] {
            for symbols in [Symbols::Unicode, Symbols::Ascii] {
                let text = told(script, look(width, symbols));
                for line in text.lines() {
                    let columns = textwrap::core::display_width(line);
                    assert!(columns <= width.into(), "{columns} of {width}: {line}");
                }
                assert!(symbols == Symbols::Unicode || text.is_ascii(), "{text}");
                assert!(
                    !text.contains(|c: char| c.is_control() && c != '\n'),
                    "{text}"
                );
            }
        }
    }
}

#[test]
fn the_lines_of_both_sides_stand_below_each_other() {
    for script in SCRIPTS {
        let lines = drawn(script);
        let right = lines
            .first()
            .and_then(|line| line.rfind(['|', ':']))
            .unwrap();
        for line in lines {
            let sides = [line.get(..1), line.get(right..right + 1)];
            let is_side = |side: Option<&str>| matches!(side, Some("|" | ":"));
            assert!(sides.into_iter().all(is_side), "{line}");
        }
    }
}

#[test]
fn twice_the_time_takes_twice_the_lines() {
    let script = "> GET /a\n< 200 | Content-Length: 0\n~ 3s\n> GET /b\n~ 6s\n< 200 | Content-Length: 0\nclient FIN\n";
    let lines = drawn(script);
    let places: Vec<usize> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.contains(['>', '<']))
        .map(|(place, _)| place)
        .collect();
    // 3 s are six lines of 500 ms and 6 s twelve; the close comes at once, and has the one line of any gap.
    assert_eq!(places, [0, 1, 2, 9, 22, 24], "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains(" idle 3.000 s ")));
    assert!(lines.iter().any(|line| line.contains(" waiting 6.000 s ")));
}

#[test]
fn a_timeout_is_marked_where_it_was_put_to_the_test() {
    let promise = |behind: &str| {
        let begin = "> GET /a\n< 200 | Content-Length: 0 | Connection: keep-alive | Keep-Alive: timeout=2\n";
        let lines = drawn(&format!("{begin}{behind}"));
        let place = lines.iter().position(|line| line.contains('~'))?;
        let line = lines
            .get(place)?
            .trim_matches(['|', ':', '~', ' '])
            .to_owned();
        let next = lines
            .get(place..)?
            .iter()
            .find(|line| line.contains(['<', '>']));
        Some((line, next.map(|line| line.contains("FIN"))))
    };
    let over = "timeout=2 is over".to_owned();
    let promised = "timeout=2: promised until here".to_owned();
    assert_eq!(
        promise("~ 3s\nserver FIN\n"),
        Some((over.clone(), Some(true)))
    );
    assert_eq!(promise("~ 3s\n> GET /b\n"), Some((over, Some(false))));
    assert_eq!(
        promise("~ 1s\nserver FIN\n"),
        Some((promised.clone(), None))
    );
    assert_eq!(
        promise("~ 1s\nserver FIN\n~ 2s\nclient FIN\n"),
        Some((promised, Some(true)))
    );
    // Who asks or leaves in time has nothing to hold against the server.
    assert_eq!(promise("~ 1s\nclient FIN\n~ 2s\nserver FIN\n"), None);
    let again = "~ 1s\n> GET /b\n< 200 | Content-Length: 0\n~ 3s\nserver FIN\n";
    assert_eq!(promise(again), None);
}

#[test]
fn of_many_exchanges_those_that_matter_are_drawn() {
    let exchange = |number| format!("> GET /{number}.\n< 200 | Content-Length: 0\n~ 10ms\n");
    let mut script: String = (0..30).map(exchange).collect();
    script.push_str("~ 5s\n");
    script.extend((30..50).map(exchange));
    script.push_str("> GET /marked | Connection: close, keep-alive\n< 200 | Content-Length: 0 | Connection: close\nserver FIN\nclient FIN\n");
    let lines = drawn(&script);
    let drawn: Vec<&str> = lines
        .iter()
        .filter_map(|line| {
            let line = line.trim_matches(['|', ' ', '-', '>']);
            let target = line
                .strip_prefix("GET /")
                .and_then(|rest| rest.split_once(['.', ',']));
            target
                .map(|(target, _)| target)
                .or(line.split_once(" more").map(|(count, _)| count))
        })
        .collect();
    assert_eq!(
        drawn,
        ["0", "1", "2", "26", "29", "30", "17", "48", "49", "marked"]
    );
}

#[test]
fn what_a_message_says_is_kept_where_its_target_is_too_long() {
    let lines = drawn(SCRIPTS[6]);
    assert!(
        lines
            .iter()
            .any(|line| line.contains(".., close (no response) ->")),
        "{lines:#?}"
    );
}

#[test]
fn what_is_no_whole_exchange_is_told_too() {
    let says = |script: &str, text: &str| {
        let lines = drawn(script);
        assert!(
            lines.iter().any(|line| line.contains(text)),
            "{text}: {lines:#?}"
        );
    };
    says(SCRIPTS[2], "-- end of request --");
    says(SCRIPTS[2], " RST -");
    says(SCRIPTS[3], "no complete handshake in the capture");
    says(SCRIPTS[3], "the capture ends; still open");
    says(SCRIPTS[4], "tunnel 1.000 s");
    says(SCRIPTS[5], "other: 11 octets from the client,");
    says(SCRIPTS[7], "GET /\\u{202e}gpj --");
}
