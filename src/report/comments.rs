//! What is found, as comments on the packets that prove it.
//!
//! The packet to look at gets the whole finding, the others a pointer to it. Wireshark shows the texts as they are, so
//! that nothing in them may be a control character.

use super::escape::for_terminal;
use super::words;
use crate::audit::Row;
use crate::capture::Comments;
use crate::rules::Finding;

/// Adds the findings of a connection to the comments of its capture.
pub fn comment_on(row: &Row, comments: &mut Comments) {
    for finding in &row.findings {
        comments.add(finding.at.frame, whole(row, finding));
        for &frame in &finding.frames {
            comments.add(frame, pointer(finding));
        }
    }
}

/// `keepcap: warning early-idle-close: advertised timeout 10 s in frame 6, ...; stream 0, frame 8 (with 6); at fault: server; RFC ...`
fn whole(row: &Row, finding: &Finding) -> String {
    let text = format!(
        "{}: {}; stream {}, {}; {}",
        name(finding),
        finding.message,
        row.stream,
        words::frames(finding),
        words::fault(finding)
    );
    for_terminal(&text).into_owned()
}

/// `keepcap: warning early-idle-close: see frame 8`
fn pointer(finding: &Finding) -> String {
    format!("{}: see frame {}", name(finding), finding.at.frame)
}

fn name(finding: &Finding) -> String {
    let rule = finding.rule;
    format!("keepcap: {} {}", rule.level.name(), rule.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Extent;
    use crate::script::play;

    fn row(script: &str) -> Row {
        let played = play(script);
        Row::new(played.connection, played.judgement, Extent::Connection)
    }

    #[test]
    fn a_finding_is_told_where_it_is_and_pointed_to_from_the_others() {
        let row = row(
            "> GET /\n< 200 | Content-Length: 0 | Connection: keep-alive | Keep-Alive: timeout=10\n~ 2s\nserver FIN\n",
        );
        let [finding] = &row.findings[..] else {
            panic!("{:?}", row.findings)
        };
        assert_eq!(
            whole(&row, finding),
            "keepcap: warning early-idle-close: advertised timeout 10 s in frame 6, closed after 2.000 s idle in \
             frame 8; stream 0, frame 8 (with 6); at fault: server; RFC 2068 19.7.1, \
             draft-thomson-hybi-http-timeout-03"
        );
        assert_eq!(
            pointer(finding),
            "keepcap: warning early-idle-close: see frame 8"
        );
    }

    #[test]
    fn hostile_text_is_inert() {
        let row = row("> GET / | Keep-Alive: x\n< 200 | Content-Length: 0\n");
        let mut finding = row.findings.first().cloned().unwrap();
        finding.message = "\u{1b}[31m\r\n\0\u{202e}gpj".to_owned();
        let text = whole(&row, &finding);
        assert!(text.contains(": \\x1b[31m\\x0d\\x0a\\x00\\u{202e}gpj; stream 0"));
    }
}
