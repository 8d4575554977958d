//! Scripts of connections and what is to be known of them.

use super::{Bounded, Connection, MAX_KEPT_TARGET, Protocol, Versions};
use crate::http::{Framing, Says, Version};
use crate::rules::Verdict;
use crate::script::{Played, play, play_all};
use crate::tcp::{CloseKind, CloseOrder, Peer};
use crate::time::Span;

fn statuses(connection: &Connection) -> Vec<Option<u16>> {
    let answered = connection
        .exchanges
        .iter()
        .filter(|exchange| exchange.request.is_some());
    answered
        .map(|exchange| exchange.response.map(|response| response.status))
        .collect()
}

fn counts(connection: &Connection) -> (u64, u64, u64) {
    (
        connection.tally.requests,
        connection.tally.responses,
        connection.tally.unanswered(),
    )
}

fn closed(connection: &Connection) -> (Peer, CloseKind, u64) {
    let close = connection.facts.close.unwrap();
    (close.by, close.kind, close.at.frame)
}

const LENGTH: &str = "< 200 | Content-Length: 5\n";

#[test]
fn a_plain_kept_connection() {
    let Played { connection, judgement } = play(
        "> GET /a\n< 200 | Content-Length: 5 | Connection: keep-alive | Keep-Alive: timeout=5, max=100\n~ 2s
         > GET /b\n< 404 | Content-Length: 0\n~ 5s\nserver FIN\nclient FIN\n",
    );
    assert_eq!(connection.protocol, Protocol::Http1);
    assert_eq!(counts(&connection), (2, 2, 0));
    assert_eq!(statuses(&connection), [Some(200), Some(404)]);
    assert_eq!(
        connection.idle_gaps().collect::<Vec<_>>(),
        [Span::from_secs(2)]
    );
    assert_eq!(connection.tally.idle_max, Some(Span::from_secs(2)));
    assert_eq!(connection.idle_last, Some(Span::from_secs(5)));
    // Three packets of the handshake, four of each exchange, then the FIN.
    assert_eq!(closed(&connection), (Peer::Server, CloseKind::Fin, 12));
    assert_eq!(
        (connection.tally.timeout, connection.tally.max),
        (Some(5), Some(100))
    );
    assert_eq!(
        connection.tally.version,
        Some(Versions::All(Version::Http11))
    );
    assert_eq!(connection.tally.server_says, Some(Says::Default));
    assert!(connection.is_whole());
    assert_eq!(judgement.verdict, Verdict::Ok);
}

#[test]
fn framing_of_all_kinds_on_one_connection() {
    let played = play(
        "> HEAD /\n< raw HTTP/1.1 200 OK\\r\\nContent-Length: 5000\\r\\n\\r\\n
         > GET /304\n< raw HTTP/1.1 304 Not Modified\\r\\nContent-Length: 9\\r\\n\\r\\n
         > POST /chunked | Transfer-Encoding: chunked\n< 200 | Transfer-Encoding: chunked
         > POST /length | Content-Length: 3\n< 204
         > GET /close\n< 200\n< raw until the end\nserver FIN\nclient FIN\n",
    );
    let connection = &played.connection;
    assert_eq!(counts(connection), (5, 5, 0));
    assert_eq!(connection.tally.complete, 5);
    let framings: Vec<_> = connection
        .exchanges
        .iter()
        .map(|e| e.response.unwrap().message.framing().unwrap())
        .collect();
    assert_eq!(
        framings,
        [
            Framing::None,
            Framing::None,
            Framing::Chunked,
            Framing::None,
            Framing::Close
        ]
    );
    let fin = connection.facts.close.unwrap().at;
    assert_eq!(
        connection.exchanges[4].response.unwrap().message.end_at(),
        Some(fin),
        "a body until close ends with the FIN"
    );
    assert_eq!(
        connection.idle_last, None,
        "nothing was idle when the FIN ended the response"
    );
}

#[test]
fn pipelined_requests_meet_their_responses_in_order() {
    let played = play(
        "> raw GET /1 HTTP/1.1\\r\\n\\r\\nHEAD /2 HTTP/1.1\\r\\n\\r\\n\\r\\nGET /3 HTTP/1.1\\r\\n\\r\\n
         < raw HTTP/1.1 200 A\\r\\nContent-Length: 2\\r\\n\\r\\nxxHTTP/1.1 201 B\\r\\nContent-Length: 9\\r\\n\\r\\nHTTP/1.1 202 C\\r\\nContent-Length: 0\\r\\n\\r\\n",
    );
    assert_eq!(
        statuses(&played.connection),
        [Some(200), Some(201), Some(202)]
    );
    assert_eq!(
        played.connection.idle_gaps().count(),
        0,
        "sent ahead of the response: no gap"
    );
}

#[test]
fn interim_responses_belong_to_the_exchange_and_end_nothing() {
    let played = play(
        "> raw POST / HTTP/1.1\\r\\nExpect: 100-continue\\r\\nContent-Length: 4\\r\\n\\r\\n
         < raw HTTP/1.1 100 Continue\\r\\n\\r\\n\n> raw body\n< raw HTTP/1.1 103 Early Hints\\r\\nLink: x\\r\\n\\r\\n\n< 201 | Content-Length: 0\n",
    );
    assert_eq!(counts(&played.connection), (1, 1, 0));
    assert_eq!(statuses(&played.connection), [Some(201)]);
}

#[test]
fn an_early_response_ends_before_its_request() {
    let played = play(
        "> raw POST / HTTP/1.1\\r\\nContent-Length: 4\\r\\n\\r\\nbo\n< 413 | Content-Length: 0\n~ 1s\n> raw dy\n~ 1s\n> GET /next\n",
    );
    let connection = &played.connection;
    assert_eq!(
        connection.exchanges[0].end().unwrap().frame,
        8,
        "the later of the two ends"
    );
    assert_eq!(
        connection.idle_gaps().collect::<Vec<_>>(),
        [Span::from_secs(1)]
    );
}

#[test]
fn a_408_on_an_idle_connection_belongs_to_no_exchange() {
    let played = play(&format!(
        "> GET /\n{LENGTH}~ 3s\n< raw HTTP/1.1 408 Timeout\\r\\nConnection: close\\r\\nContent-Length: 0\\r\\n\\r\\n unseen\n> GET /crossed\nserver FIN\n"
    ));
    assert_eq!(counts(&played.connection), (2, 2, 1));
    assert_eq!(
        statuses(&played.connection),
        [Some(200), None],
        "the request crossed the 408"
    );
}

#[test]
fn after_101_and_after_connect_nothing_is_read_any_more() {
    for script in [
        "> GET /chat | Connection: upgrade | Upgrade: websocket\n< 101 | Connection: upgrade\n> raw GET /x HTTP/1.1\\r\\n\\r\\n\n< raw HTTP/1.1 500 X\\r\\n\\r\\n\n~ 9s\nserver FIN\nclient FIN\n",
        "> CONNECT example.com:443\n< 200\n> raw GET /x HTTP/1.1\\r\\n\\r\\n\n< raw HTTP/1.1 500 X\\r\\n\\r\\n\n~ 9s\nserver FIN\nclient FIN\n",
    ] {
        let played = play(script);
        assert_eq!(counts(&played.connection), (1, 1, 0), "{script}");
        assert_eq!(played.connection.idle_last, None, "{script}");
        assert!(
            played.connection.tunnel.is_some() && played.found().is_empty(),
            "{script}"
        );
    }
}

#[test]
fn retransmissions_and_probes_do_not_end_idleness_and_are_counted_once() {
    let played = play(&format!(
        "> GET /a\nagain client\n{LENGTH}~ 1s\nagain server\nprobe client\n~ 1s\nprobe client\n~ 1s\n> GET /b\n{LENGTH}"
    ));
    let connection = &played.connection;
    assert_eq!(counts(connection), (2, 2, 0));
    assert_eq!(
        connection.idle_gaps().collect::<Vec<_>>(),
        [Span::from_secs(3)]
    );
    assert_eq!(connection.facts.sides.client.keepalives, 2);
    let request = "GET /a HTTP/1.1\r\n\r\n".len() as u64;
    assert_eq!(connection.facts.sides.client.octets, 2 * request);
}

#[test]
fn a_response_captured_before_its_request_still_answers_it() {
    // The request, its ACK and the response are there in the order response, request, ACK.
    let played = play_all(
        "> HEAD /\n< raw HTTP/1.1 200 OK\\r\\nContent-Length: 5000\\r\\n\\r\\n unseen\nearlier 2\n> GET /b\n< 204\n",
    );
    let connection = &played[0].connection;
    assert_eq!(statuses(connection), [Some(200), Some(204)]);
    assert_eq!(connection.missing(), 0);
}

#[test]
fn segments_out_of_order_complete_the_message_with_the_packet_that_fills_the_hole() {
    let played = play_all(
        "> GET /\n< raw HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\nabc unseen\n< raw def unseen\n< raw ghi unseen\nearlier 2\n",
    );
    let end = played[0].connection.exchanges[0]
        .response
        .unwrap()
        .message
        .end_at()
        .unwrap();
    // The handshake and the request with its ACK are frames 1 to 5; the last piece came first, as frame 6.
    assert_eq!(end.frame, 8);
    assert_eq!(played[0].connection.missing(), 0);
}

#[test]
fn a_hole_inside_a_body_of_known_length_hides_nothing_else() {
    let played = play(
        "> GET /a\n< raw HTTP/1.1 200 OK\\r\\nContent-Length: 1000\\r\\n\\r\\nabc\nhole server 900\n~ 2s\n< raw bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n~ 1s\n> GET /b\n< 204\nserver FIN\nclient FIN\n",
    );
    let connection = &played.connection;
    assert_eq!(connection.missing(), 900);
    assert_eq!(statuses(connection), [Some(200), Some(204)]);
    assert_eq!(
        connection.idle_gaps().collect::<Vec<_>>(),
        [Span::from_secs(1)]
    );
    assert_eq!(played.judgement.verdict, Verdict::Unknown);
    assert!(!connection.is_whole());
}

#[test]
fn behind_a_hole_in_the_responses_the_next_one_answers_the_request_that_had_seen_it() {
    let played = play(&format!(
        "> GET /a\n{LENGTH}> GET /b\nhole server 300\n~ 2s\n> GET /c\n< 203 | Content-Length: 0\n"
    ));
    assert_eq!(statuses(&played.connection), [Some(200), None, Some(203)]);
}

#[test]
fn behind_a_hole_in_the_requests_a_response_answers_nobody() {
    let played = play(&format!(
        "> GET /a\n{LENGTH}hole client 60\n~ 2s\n< 203 | Content-Length: 0\n~ 1s\n> GET /c\n< 204\n"
    ));
    assert_eq!(statuses(&played.connection), [Some(200), Some(204)]);
    assert_eq!(counts(&played.connection), (2, 3, 0));
}

#[test]
fn behind_a_lost_message_each_response_answers_its_own_request_however_much_waits() {
    let body = "x".repeat(60_000);
    let exchanges = |large_requests: bool, lost: &str| {
        let each = (1..=10).map(|n| match large_requests {
            true => format!(
                "> raw POST /{n} HTTP/1.1\\r\\nContent-Length: 60000\\r\\n\\r\\n{body}\n< {} | Content-Length: 0\n",
                400 + n
            ),
            false => format!("> GET /{n}\n< {} | Content-Length: 60000\n", 400 + n),
        });
        play_all(&(lost.to_owned() + &each.collect::<String>()))
            .remove(0)
            .connection
    };
    let own: Vec<_> = (401..=410).map(Some).collect();
    let connection = exchanges(
        false,
        "> GET /lost unseen\nlost\n< 200 | Content-Length: 5\n",
    );
    assert_eq!(statuses(&connection), own);
    assert_eq!(counts(&connection), (10, 11, 0));
    let connection = exchanges(true, "> GET /0\nhole server 100\n");
    assert_eq!(statuses(&connection)[1..], own);
    assert_eq!(counts(&connection), (11, 10, 1));
}

#[test]
fn a_request_captured_after_its_own_acknowledgement_fills_the_hole() {
    let played = play_all("> GET /a\n< 200 | Content-Length: 5\n> GET /b unseen\nlost\n< 204\n");
    assert_eq!(
        counts(&played[0].connection).0,
        1,
        "never captured: not counted"
    );
    let played = play_all("> GET /a\n< 200 | Content-Length: 5\n> GET /b\nearlier 1\n< 204\n");
    assert_eq!(statuses(&played[0].connection), [Some(200), Some(204)]);
    assert_eq!(played[0].connection.missing(), 0);
}

#[test]
fn a_late_segment_answers_no_request_that_it_cannot_have_acknowledged() {
    // How far the 408 acknowledged the first request is not certain, since its end was captured before its beginning;
    // but the second request lies beyond that in any case.
    let played = play_all(
        "> raw POST / HTTP/1.1\\r\\nContent-Length: 5\\r\\n\\r\\n\n< 200 | Content-Length: 0\n> raw hello\nlost\n\
         < raw HTTP/1.1 408 X\\r\\n unseen\n< raw Content-Length: 0\\r\\n\\r\\n unseen\nearlier 1\n> GET /crossed unseen\nlost\nearlier 1\n",
    );
    let connection = &played[0].connection;
    assert_eq!(statuses(connection), [Some(200), None]);
    assert_eq!(counts(connection), (2, 2, 1));
}

#[test]
fn a_target_that_is_too_long_is_cut_and_nothing_else_is_less_known() {
    let kept = "a".repeat(MAX_KEPT_TARGET - "GET /".len());
    let ask = |target: &str| {
        let played = play(&format!("> GET /{target}\n< 204\nclient FIN\nserver FIN\n"));
        assert_eq!(played.judgement.verdict, Verdict::Ok);
        played.connection
    };
    let connection = ask(&kept);
    assert!(connection.limits.is_empty());
    let connection = ask(&format!("{kept}bcd"));
    let line = &connection.exchanges[0].request.as_ref().unwrap().line;
    assert_eq!(**line, format!("GET /{kept}"));
    assert_eq!(connection.limits.len(), 1);
    let limit = connection.limits[0];
    assert_eq!(limit.what, Bounded::Target);
    assert_eq!(limit.amount, MAX_KEPT_TARGET as u64 + 3);
}

#[test]
fn a_capture_that_begins_inside_the_connection() {
    let played = play(&format!(
        "inside\n> raw rest of a body\\r\\nGET /a HTTP/1.1\\r\\n\\r\\n\n{LENGTH}~ 1s\n> GET /b\n< 204\n"
    ));
    let connection = &played.connection;
    assert_eq!(statuses(connection), [Some(200), Some(204)]);
    assert_eq!(connection.facts.ends.client.port(), 40_000);
    assert!(!connection.facts.handshake.is_complete());
    assert_eq!(
        played.judgement.unknown_because.unwrap(),
        "the capture starts inside the connection"
    );
}

#[test]
fn without_a_handshake_the_side_that_sends_requests_is_the_client() {
    // By the ports the other side would be the client.
    let played =
        play("inside\n< raw GET / HTTP/1.1\\r\\n\\r\\n\n> raw HTTP/1.1 204 X\\r\\n\\r\\n\n");
    assert_eq!(played.connection.facts.ends.client.port(), 80);
    assert_eq!(counts(&played.connection), (1, 1, 0));
}

#[test]
fn requests_from_the_side_that_accepted_make_it_the_client_of_the_rules() {
    let played = play(
        "< raw GET / HTTP/1.1\\r\\nConnection: close\\r\\n\\r\\n\n> raw HTTP/1.1 204 X\\r\\n\\r\\n\nclient FIN\nserver FIN\n",
    );
    let connection = &played.connection;
    assert_eq!(connection.facts.ends.client.port(), 80);
    assert_eq!(connection.as_opened(Peer::Client), Peer::Server);
    assert_eq!(
        connection.as_opened(connection.facts.close.unwrap().by),
        Peer::Client
    );
    assert!(connection.facts.handshake.is_complete() && connection.is_whole());
}

#[test]
fn half_close_simultaneous_close_and_repeated_fins() {
    let played = play(&format!("> GET /\nclient FIN\n~ 1s\n{LENGTH}server FIN\n"));
    assert_eq!(
        (
            closed(&played.connection).0,
            played.connection.tally.complete
        ),
        (Peer::Client, 1)
    );
    assert_eq!(
        played.connection.facts.close.unwrap().order,
        CloseOrder::OneFirst
    );
    let played = play(&format!("> GET /\n{LENGTH}server FIN unseen\nclient FIN\n"));
    assert_eq!(
        played.connection.facts.close.unwrap().order,
        CloseOrder::Simultaneous
    );
    let played = play(&format!(
        "> GET /\n{LENGTH}server FIN\n~ 1s\nserver FIN\nclient FIN\n"
    ));
    assert_eq!(closed(&played.connection).2, 8, "the first of them");
}

#[test]
fn a_fin_ahead_of_data_ends_the_direction_only_behind_it() {
    let played = play_all(
        "> GET /\n< raw HTTP/1.0 200 OK\\r\\n\\r\\nbody unseen\nserver FIN unseen\nearlier 1\n",
    );
    let connection = &played[0].connection;
    assert_eq!(closed(connection).2, 6, "by arrival");
    assert_eq!(
        connection.exchanges[0]
            .response
            .unwrap()
            .message
            .end_at()
            .unwrap()
            .frame,
        7,
        "in sequence"
    );
}

#[test]
fn a_reset_that_the_connection_survives_closes_nothing() {
    let played = play(&format!(
        "> GET /a\nserver RST\n~ 1s\n{LENGTH}> GET /b\n< 204\nserver FIN\nclient FIN\n"
    ));
    assert_eq!(closed(&played.connection).1, CloseKind::Fin);
    let played = play(&format!("> GET /a\n{LENGTH}~ 1s\nserver RST\n"));
    assert_eq!(closed(&played.connection).1, CloseKind::Rst);
}

#[test]
fn the_same_endpoints_again_are_another_connection() {
    let played = play_all(&format!(
        "> GET /a\n{LENGTH}server FIN\nclient FIN\nreopen\n> GET /b\n{LENGTH}"
    ));
    assert_eq!(played.len(), 2);
    assert_eq!([0, 1].map(|n| played[n].connection.facts.stream), [0, 1]);
    let quiet = play_all(&format!(
        "> GET /a\n{LENGTH}server FIN\nclient FIN\n~ 121s\n> GET /late\n"
    ));
    assert_eq!(
        quiet.len(),
        2,
        "a closed connection is remembered for 120 s"
    );
    let soon = play_all(&format!(
        "> GET /a\n{LENGTH}server FIN\nclient FIN\n~ 119s\nprobe client\n"
    ));
    assert_eq!(soon.len(), 1);
    let open = play_all(&format!("> GET /a\n{LENGTH}~ 500s\n> GET /b\n"));
    assert_eq!(open.len(), 1, "an open one is not forgotten");
}

#[test]
fn what_the_snap_length_cut_counts_as_sent() {
    // Ethernet, IP and TCP take 54 octets, so that 40 of the message remain: its head, and one octet of its body.
    let played = play_all(
        "> GET /a\n< 200 | Content-Length: 100\n~ 1s\n> GET /b\nsnap 94\n< 200 | Content-Length: 100\nclient FIN\n",
    );
    let connection = &played[0].connection;
    assert_eq!(connection.missing(), 0);
    assert_eq!(counts(connection), (2, 2, 0));
    let whole = "HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n".len() as u64 + 100;
    assert_eq!(connection.facts.sides.server.octets, 2 * whole);
    let end = connection.exchanges[1].response.unwrap().message.end_at();
    assert_eq!(
        end.map(|at| at.frame),
        Some(10),
        "the head was there, the body was cut: its packet is known"
    );
}

#[test]
fn other_protocols_are_named_and_not_guessed_at() {
    for (script, protocol) in [
        (
            "> raw \\x16\\x03\\x01\\x02\\x00hello\n< raw \\x16\\x03\\x03\\x00\\x05HTTP/1.1 200 OK\\r\\n\\r\\n\n",
            Protocol::Tls,
        ),
        (
            "> raw PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n\n",
            Protocol::Http2,
        ),
        (
            "< raw SSH-2.0-x\\r\\n\n> raw SSH-2.0-y\\r\\n\n",
            Protocol::Other,
        ),
        ("~ 1s\nclient FIN\nserver FIN\n", Protocol::None),
    ] {
        let played = play(script);
        assert_eq!(played.connection.protocol, protocol, "{script}");
        assert_eq!(counts(&played.connection), (0, 0, 0), "{script}");
    }
}

#[test]
fn http_behind_a_proxy_protocol_or_socks_is_found() {
    for preamble in [
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 80\\r\\n",
        "\\x05\\x01\\x00\\x05\\x01\\x00\\x01abcd\\x00\\x50",
    ] {
        let played = play(&format!("> raw {preamble}\n> GET /\n{LENGTH}"));
        assert_eq!(counts(&played.connection), (1, 1, 0), "{preamble}");
        let joined = play(&format!(
            "> raw {preamble}GET / HTTP/1.1\\r\\n\\r\\n\n{LENGTH}"
        ));
        assert_eq!(counts(&joined.connection), (1, 1, 0), "{preamble}");
    }
}

#[test]
fn a_request_to_something_that_is_no_http_server() {
    let played = play("> GET /\n< raw SSH-2.0-OpenSSH_9\\r\\n\nserver RST\n");
    assert_eq!(counts(&played.connection), (1, 0, 1));
    assert_eq!(played.judgement.verdict, Verdict::Unknown);
}

#[test]
fn a_head_that_httparse_refuses_is_read_all_the_same() {
    let played = play(
        "> GET /\n< raw HTTP/1.1 200 OK\\r\\nConnection : close\\r\\nX: a\\r\\n b\\r\\nContent-Length: 2\\r\\n\\r\\nok\nserver FIN\nclient FIN\n",
    );
    assert_eq!(played.connection.tally.server_says, Some(Says::Close));
    assert_eq!(played.connection.tally.complete, 1);
}

#[test]
fn a_slow_head_counts_as_a_request_once_its_start_line_is_there() {
    let played =
        play("> raw GET /slow HTTP/1.1\\r\\nHost: x\\r\\n\n~ 10s\n> raw X-a: b\\r\\n\n~ 10s\n");
    assert_eq!(counts(&played.connection), (1, 0, 1));
    let played = play("> raw GET /slow HTT\n");
    assert_eq!(counts(&played.connection), (0, 0, 0));
}

#[test]
fn the_last_idle_ends_at_the_close_or_with_the_capture() {
    let open = play(&format!("> GET /\n{LENGTH}~ 3s\nelsewhere\n"));
    assert_eq!(open.connection.idle_last, Some(Span::from_secs(3)));
    let pending = play(&format!(
        "> GET /\n{LENGTH}~ 3s\n> GET /b\n~ 1s\nserver FIN\n"
    ));
    assert_eq!(
        pending.connection.idle_last, None,
        "a request was left unanswered"
    );
    let crossed = play(&format!(
        "> GET /\n{LENGTH}~ 3s\nserver FIN unseen\n> GET /b\nserver RST bare\n"
    ));
    assert_eq!(
        crossed.connection.idle_last,
        Some(Span::from_secs(3)),
        "the request crossed the FIN"
    );
}

#[test]
fn a_keep_alive_field_that_connection_does_not_name_is_ignored() {
    let played = play("> GET /\n< 200 | Content-Length: 0 | Keep-Alive: timeout=5\n");
    assert_eq!(played.connection.tally.timeout, None);
}

#[test]
fn packets_behind_the_end_of_a_connection_are_counted_and_change_nothing_else() {
    let whole = "> GET /\n< 204\n~ 5s\nserver FIN\nclient FIN\nserver ACK\n";
    let over = play_all(whole).remove(0).connection;
    assert_eq!(over.exchanges.len(), 1);
    let late = [
        ("again server", 1),
        ("client ACK", 1),
        ("server RST", 1),
        // It is answered.
        ("probe client", 2),
    ];
    for (late, packets) in late {
        let script = format!("{whole}~ 20s\n{late}\nelsewhere\n");
        let played = play_all(&script).remove(0).connection;
        let facts = &played.facts;
        assert_eq!(facts.packets, over.facts.packets + packets, "{late}");
        let after = facts.last.time.since(over.facts.last.time);
        assert!(after >= Span::from_secs(20), "{late}: {after}");
        assert_eq!(facts.close, over.facts.close, "{late}");
        assert_eq!(played.idle_last, over.idle_last, "{late}");
        let same = format!("{:?}", played.exchanges) == format!("{:?}", over.exchanges);
        assert!(same && played.is_whole(), "{late}");
    }
}
