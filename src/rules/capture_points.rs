//! The same histories captured at the client, half-way and at the server: what crosses is seen in another order at
//! each place, and the rules say the same, or nothing where the order cannot be known.

use super::Level;
use super::find;
use crate::script::distance::{Place, play_at};

const OK: &str = "1.0 > GET /a\n1.1 < 200 | Content-Length: 2\n";

/// What is found at each place, the notes left out.
#[track_caller]
fn tells(history: &str, expected: [&[&str]; 3]) {
    for (place, expected) in Place::ALL.into_iter().zip(expected) {
        let mut found = play_at(place, history).found();
        found.retain(|&name| find(name).is_some_and(|rule| rule.level > Level::Note));
        assert_eq!(found, expected, "{place:?}\n{history}");
    }
}

#[track_caller]
fn everywhere(history: &str, expected: &[&str]) {
    tells(history, [expected; 3]);
}

#[test]
fn a_race() {
    // The request is sent before the FIN comes; the FIN before the request comes.
    for sent in ["3.01", "3.049", "2.96"] {
        everywhere(
            &format!("{OK}3.0 server close\n{sent} > GET /b\n"),
            &["keep-alive-race"],
        );
    }
    everywhere(
        &format!("{OK}3.0 server RST\n3.01 > GET /b\n"),
        &["keep-alive-race"],
    );
}

#[test]
fn a_stale_reuse() {
    everywhere(
        &format!("{OK}3.0 server close\n3.3 > GET /b\n"),
        &["stale-reuse"],
    );
    // A moment after the client's host had the FIN.
    everywhere(
        &format!("{OK}3.0 server FIN\n3.051 > GET /b\n"),
        &["stale-reuse"],
    );
}

#[test]
fn a_request_that_was_dropped() {
    // The request comes to the server at 3.0.
    for closed in ["3.001", "3.04", "3.5"] {
        everywhere(
            &format!("{OK}2.95 > GET /b\n{closed} server FIN\n"),
            &["request-dropped"],
        );
        everywhere(
            &format!("{OK}2.95 > GET /b\n{closed} server RST\n"),
            &["request-dropped"],
        );
    }
}

#[test]
fn a_request_after_close() {
    let close = "1.0 > GET /a\n1.1 < 200 | Content-Length: 2 | Connection: close\n";
    everywhere(
        &format!("{close}1.3 > GET /b\n2.0 server FIN\n2.1 client FIN\n"),
        &["request-after-close"],
    );
    // What was under way is nobody's fault, whoever closes.
    everywhere(
        &format!("{close}1.14 > GET /b\n1.2 server FIN\n1.3 client FIN\n"),
        &[],
    );
    everywhere(
        &format!("{close}1.14 > GET /b\n1.101 server close\n1.3 client FIN\n"),
        &[],
    );
}

#[test]
fn a_response_lost_to_a_reset() {
    let upload = "1.0 > raw POST / HTTP/1.1\\r\\nContent-Length: 99\\r\\n\\r\\nabc\n";
    let refused = "1.1 < 413 | Content-Length: 2 | Connection: close\n1.11 server RST\n";
    // At the client the acknowledgement comes before the RST, and nothing tells whether the server had it.
    let lost: &[&str] = &["response-lost-to-reset"];
    tells(&format!("{upload}{refused}"), [&[], lost, lost]);
    // While the client goes on sending, the numbers tell at the client too: the RST acknowledges less than was sent
    // before the client acknowledged the response.
    everywhere(&format!("{upload}{refused}1.12 > raw def\n"), lost);
    // Here the server had it.
    let late = "1.1 < 413 | Content-Length: 2 | Connection: close\n1.21 server RST\n";
    everywhere(&format!("{upload}{late}"), &[]);
}

#[test]
fn a_connection_that_was_forgotten() {
    everywhere(
        &format!("{OK}2.0 server forgets\n400.0 > GET /b\n"),
        &["reset-on-reuse"],
    );
}

#[test]
fn a_reset_of_an_idle_connection() {
    everywhere(&format!("{OK}5.0 server RST\n"), &["reset-while-idle"]);
    everywhere(&format!("{OK}5.0 client RST\n"), &["reset-while-idle"]);
    // The client's FIN crosses it.
    everywhere(&format!("{OK}5.0 server RST\n5.01 client FIN\n"), &[]);
}

#[test]
fn a_response_that_nobody_asked_for() {
    let twice = format!("{OK}1.2 < 200 | Content-Length: 2\n");
    everywhere(&twice, &["unsolicited-response"]);
    // It crosses the next request, which is answered then.
    everywhere(
        &format!("{twice}1.21 > GET /b\n1.4 < 204\n"),
        &["unsolicited-response"],
    );
    // A 408 may cross a request; then it is no answer, and the close that follows is nobody's fault.
    everywhere(
        &format!(
            "{OK}5.0 < 408 | Content-Length: 0 | Connection: close\n5.0 server close\n5.01 > GET /b\n"
        ),
        &["keep-alive-race"],
    );
}

#[test]
fn a_request_pipelined_behind_a_post() {
    let post = "1.0 > POST /a | Content-Length: 2\n1.1 < 204\n";
    everywhere(
        &format!("{post}1.14 > GET /b\n1.3 < 204\n"),
        &["unsafe-pipelining"],
    );
    everywhere(&format!("{post}1.16 > GET /b\n1.3 < 204\n"), &[]);
}

#[test]
fn what_is_measured_by_the_packets_of_one_side() {
    let promise = "1.0 > GET /a\n1.1 < 200 | Content-Length: 2 | Connection: keep-alive | Keep-Alive: timeout=5\n";
    everywhere(
        &format!("{promise}5.0 server FIN\n5.2 client FIN\n"),
        &["early-idle-close"],
    );
    everywhere(&format!("{promise}6.1 server FIN\n6.2 client FIN\n"), &[]);
    everywhere(
        &format!("{promise}6.2 > GET /b\n6.3 < 204\n"),
        &["reuse-past-timeout"],
    );
    everywhere(&format!("{promise}6.1 > GET /b\n6.3 < 204\n"), &[]);
    everywhere(
        &format!("{OK}1.15 server FIN\n1.3 client FIN\n"),
        &["unannounced-close"],
    );
    everywhere(&format!("{OK}1.25 server FIN\n1.4 client FIN\n"), &[]);
}

#[test]
fn a_close_in_time_and_one_that_is_not() {
    let close = "1.0 > GET /a\n1.1 < 200 | Content-Length: 2 | Connection: close\n";
    everywhere(
        &format!("{close}3.3 client FIN\n3.5 server FIN\n"),
        &["server-kept-open-after-close"],
    );
    everywhere(&format!("{close}3.0 server FIN\n3.5 client FIN\n"), &[]);
}

#[test]
fn messages_that_were_cut() {
    everywhere(
        "1.0 > raw POST / HTTP/1.1\\r\\nContent-Length: 9\\r\\n\\r\\nabc\n2.0 client FIN\n2.2 server FIN\n",
        &["request-truncated"],
    );
    // The answer was on its way when the client gave up.
    everywhere(
        "1.0 > raw POST / HTTP/1.1\\r\\nContent-Length: 9\\r\\n\\r\\nabc\n1.98 < 413 | Content-Length: 0 | Connection: close\n2.0 client FIN\n2.2 server FIN\n",
        &[],
    );
    everywhere(
        "1.0 > GET /a\n1.1 < raw HTTP/1.1 200 A\\r\\nContent-Length: 9\\r\\n\\r\\nabc\n2.0 server FIN\n2.2 client FIN\n",
        &["response-truncated"],
    );
    // The closes crossed: the server had not the client's FIN.
    everywhere(
        "1.0 > GET /a\n1.1 < raw HTTP/1.1 200 A\\r\\nContent-Length: 9\\r\\n\\r\\nabc\n2.0 server FIN\n2.01 client FIN\n",
        &["response-truncated"],
    );
}
