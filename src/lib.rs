//! keepcap reads recorded packet captures and tells, for every TCP connection that carries HTTP/1, whether
//! persistence (keep-alive) worked as promised.
//!
//! This page is the map. A capture goes through these modules from left to right, once, front to back, in memory that
//! does not grow with its length; each module may use those before it and none behind it:
//!
//! ```text
//! file ─▶ Packet ─▶ Segment ─▶ octets in order, or a hole ─▶ messages ─▶ Connection ─▶ findings ─▶ text
//!      capture   packet     tcp                           http        connection    rules      audit, report
//! ```
//!
//! | where | what is decided there |
//! |---|---|
//! | [`capture`] | what in a file is a packet, and when it was captured; what is damaged, and where to go on |
//! | [`packet`] | whether a packet is a TCP segment, behind whatever link layer, tunnel or fragmentation |
//! | [`tcp`] | which connection (`tcp::table`, `tcp::numbering`), which octets in which order (`tcp::assembler`), when a hole is given up (`tcp::half`), what a late segment had acknowledged (`tcp::acknowledging`), what comes before what between the two directions (`tcp::flow`), who closed first (`tcp::close`), what is remembered of connections that are over (`tcp::remembered`), how much is kept over all (`tcp::bounds`), which of the tables it is in (`tcp::shard`) |
//! | [`http`] | what begins here (`http::recognise`), where a message ends (`http::framing`), what it says of persistence (`http::persistence`), how a head is read (`http::head`) |
//! | [`connection`] | which response answers which request, how long the connection idled (`connection::log`), how exchanges are kept in few octets (`connection::record`, and where they are not as they mostly are, `connection::packed`); the record that rules and reports see |
//! | [`rules`] | what is right and wrong: one file a rule, the verdict over them |
//! | [`audit`] | what is kept of a connection once it is judged, and what was read of each capture; what runs side by side (`audit::pool`, `audit::crew`) |
//! | [`report`] | how a person or a program reads it: one file a format |
//! | [`partial`] | what of it goes to another machine, to be united with others' |
//!
//! [`time`] holds what all of them share. What comes off the wire is hostile: no packet reaches a panic, every buffer
//! that a packet can fill has a bound, and nothing is printed raw.
//!
//! From a file to judged connections:
//!
//! ```no_run
//! use keepcap::{capture::Capture, connection::Tracker, rules};
//!
//! let mut capture = Capture::open("server.pcap".as_ref())?;
//! let mut tracker = Tracker::default();
//! let mut finished = |connection: keepcap::connection::Connection| {
//!     let judgement = rules::judge(&connection, &rules::Settings::default());
//!     println!("{}: {}", connection.facts.stream, judgement.verdict.name());
//! };
//! while let Some(packet) = capture.next_packet() {
//!     tracker.take(&packet, &mut finished);
//! }
//! tracker.finish(&mut finished);
//! for damage in capture.finish().damage {
//!     eprintln!("{damage}");
//! }
//! # Ok::<(), keepcap::capture::OpenError>(())
//! ```

pub mod capture;
pub mod packet;
pub mod tcp;

pub mod http;

pub mod connection;
pub mod rules;

pub mod audit;
pub mod report;

pub mod partial;

mod digits;
mod fetch;
mod slab;
pub mod time;
mod written;

#[cfg(test)]
#[allow(
    clippy::string_slice,
    reason = "scripts are ASCII, and only tests play them"
)]
mod script;
