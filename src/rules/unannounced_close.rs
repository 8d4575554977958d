//! `unannounced-close`: a server closed right behind a response that left the connection persistent.

use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject};
use crate::connection::{Connection, Exchange};
use crate::http::Framing;
use crate::tcp::{CloseKind, CloseOrder, Peer};
use crate::time::Span;

/// A FIN that follows a response sooner than this was decided on with the response, not for idleness.
pub(super) const AT_ONCE: Span = Span::from_millis(100);

pub(super) static RULE: Rule = Rule {
    name: "unannounced-close",
    level: Level::Warning,
    at_fault: AtFault::Side(Peer::Server),
    subject: Subject::Connection,
    source: "RFC 9112 9.6",
    summary: "the server closed within 100 ms of a response that left the connection persistent",
    explain: Explanation {
        checks: "A server that does not want to go on should send the close option in its last response. The rule \
                 speaks where the server's FIN came first, within 100 ms of the end of a response which, with its \
                 request, left the connection persistent, with nothing outstanding.",
        matters: "The client believes that it may use the connection again: a request that it sends in that moment \
                  is lost, and it cannot know whether it was acted on. That is how sporadic 502 and ECONNRESET come \
                  about.",
        silent: "Where the body could only end with the close, where either side said close or HTTP/1.0 implied it, \
                 where the client was closing as well, where octets are missing, and after an upgrade or CONNECT.",
        remedy: "Let the server announce it: Apache and nginx do by themselves when keep-alive is off; in an \
                 application server look for a worker limit or an idle timeout near zero, and for a handler that \
                 closes the socket by itself.",
        fails: "> GET /\n< 200 | Content-Length: 2\nserver FIN\nclient FIN\n",
        passes: "> GET /\n< 200 | Content-Length: 2 | Connection: close\nserver FIN\nclient FIN\n",
    },
    check,
};

fn check(connection: &Connection, _: &Settings, ruling: &mut Ruling) {
    ruling.found_if(find(connection));
}

fn find(connection: &Connection) -> Option<Finding> {
    let close = connection.facts.close?;
    if close.by != Peer::Server
        || close.kind != CloseKind::Fin
        || close.order == CloseOrder::Simultaneous
    {
        return None;
    }
    let exchange = connection.last_before_idle_close()?;
    let end = exchange.response?.message.end_at()?;
    let after = close.at.time.since(end.time);
    if connection.missing() > 0
        || !connection.persists()
        || !ends_by_itself(exchange)
        || after > AT_ONCE
    {
        return None;
    }
    Some(Finding {
        rule: &RULE,
        side: Some(Peer::Server),
        at: close.at,
        frames: vec![end.frame],
        message: format!(
            "the response that ended in frame {} left the connection persistent; the server closed it {after} later in frame {}",
            end.frame, close.at.frame
        ),
    })
}

fn ends_by_itself(exchange: &Exchange) -> bool {
    let framing = exchange
        .response
        .and_then(|response| response.message.framing());
    matches!(
        framing,
        Some(Framing::None | Framing::Length(_) | Framing::Chunked)
    )
}
