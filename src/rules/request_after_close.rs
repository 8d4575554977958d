//! `request-after-close`: a client went on asking after the close option.

use super::{AtFault, Explanation, Finding, Level, Rule, Ruling, Settings, Subject};
use crate::connection::{Connection, Exchange, Message, Request};
use crate::tcp::Peer;

pub(super) static RULE: Rule = Rule {
    name: "request-after-close",
    level: Level::Violation,
    at_fault: AtFault::Side(Peer::Client),
    subject: Subject::Connection,
    source: "RFC 9112 9.6",
    summary: "the client sent a request after its own close, or after it had the server's",
    explain: Explanation {
        checks: "A client that sends the close option must not send a further request on that connection, and one \
                 that receives it must not either. The rule speaks where a request follows an earlier one with \
                 close, or where the request's own packet acknowledges the head of a final response with close, \
                 and either an earlier packet of the client had acknowledged it or no other request was unanswered.",
        matters: "The request is never answered, and the client learns so only from a reset or a timeout.",
        silent: "Where the request was under way before the client had the response (its packet does not \
                 acknowledge the head), where octets of the client are missing or could not be read before it, and \
                 after an upgrade or CONNECT.",
        remedy: "Let the client's connection pool drop a connection as soon as either side has said close.",
        fails: "> GET /a\n< 200 | Content-Length: 2 | Connection: close\n~ 1s\n> GET /b\nserver FIN\nclient FIN\n",
        passes: "> GET /a\n< 200 | Content-Length: 2\n~ 1s\n> GET /b\n< 200 | Content-Length: 2 | Connection: close\nserver FIN\nclient FIN\n",
    },
    check,
};

fn check(connection: &Connection, _: &Settings, ruling: &mut Ruling) {
    ruling.found_if(find(connection));
}

fn find(connection: &Connection) -> Option<Finding> {
    let client = Peer::Client;
    if connection.tunnel.is_some()
        || connection.facts.sides[client].missing > 0
        || connection.unreadable[client].is_some()
    {
        return None;
    }
    (1..connection.exchanges.len()).find_map(|number| {
        let (before, from) = connection.exchanges.split_at_checked(number)?;
        let request = from.first()?.request.as_ref()?;
        after_own_close(before, request).or_else(|| after_servers_close(before, request))
    })
}

fn after_own_close(before: &[Exchange], request: &Request) -> Option<Finding> {
    let closing = before.iter().find_map(|exchange| {
        exchange
            .request
            .as_ref()
            .filter(|request| request.message.says_close() && request.message.end.is_some())
    })?;
    Some(finding(
        request,
        &closing.message,
        "the client's own request",
    ))
}

fn after_servers_close(before: &[Exchange], request: &Request) -> Option<Finding> {
    let ack = request.message.start.stamp.ack?;
    let response = before.iter().find_map(|exchange| {
        exchange
            .response
            .filter(|response| response.message.says_close())
    })?;
    let head = response.message.head?;
    if ack < head.end {
        return None;
    }
    let had_it_before = head
        .acked
        .is_some_and(|acked| acked.at.frame < request.message.start_at().frame);
    let unanswered = |exchange: &Exchange| {
        exchange.request.is_some()
            && exchange
                .response
                .is_none_or(|response| response.message.start.offset >= ack)
    };
    if !had_it_before && before.iter().any(unanswered) {
        return None;
    }
    Some(finding(request, &response.message, "the server's response"))
}

fn finding(request: &Request, closing: &Message, whose: &str) -> Finding {
    let (at, said) = (request.message.start_at(), closing.start_at());
    let (method, _) = request.method_and_target();
    Finding {
        rule: &RULE,
        side: Some(Peer::Client),
        at,
        frames: vec![said.frame],
        message: format!(
            "{whose} said close in frame {}, and {method} was sent behind it in frame {}",
            said.frame, at.frame
        ),
    }
}
