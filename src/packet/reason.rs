//! Why a packet is not a TCP segment: [`Reason`], and [`Ignored`], which counts them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a packet is not a TCP segment. `Display` gives a short name in words, the same in every version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The capture's link type is none that is read here.
    UnknownLink,
    /// Something other than IP: ARP, spanning tree, 802.11 management.
    NotIp,
    /// IP that carries neither TCP nor a tunnel that is read here.
    NotTcp,
    /// A protected 802.11 frame, MACsec or ESP.
    Encrypted,
    /// An 802.11 frame that is a fragment, or that aggregates several.
    PartialFrame,
    /// The snap length cut the packet before the TCP header was complete enough to use.
    Cut,
    /// A header below IP that cannot be, or that is longer than what carries it.
    Malformed,
    /// An IP header that cannot be.
    MalformedIp,
    /// A TCP data offset of less than five words.
    TcpOffset,
    /// A TCP header that is longer than the datagram.
    TcpShort,
    /// A fragment of a datagram that is not complete yet.
    Fragment,
    /// A fragment that the snap length cut, so that the datagram cannot be put together.
    FragmentCut,
    /// A fragment of a datagram whose fragments contradict each other.
    FragmentConflict,
    /// What an ICMP error quotes.
    Quoted,
    /// More IP headers, one inside the other, than are followed.
    TooDeep,
}

impl Reason {
    /// All of them, in the order in which they are reported.
    pub const ALL: [Reason; 15] = [
        Reason::UnknownLink,
        Reason::NotIp,
        Reason::NotTcp,
        Reason::Encrypted,
        Reason::PartialFrame,
        Reason::Cut,
        Reason::Malformed,
        Reason::MalformedIp,
        Reason::TcpOffset,
        Reason::TcpShort,
        Reason::Fragment,
        Reason::FragmentCut,
        Reason::FragmentConflict,
        Reason::Quoted,
        Reason::TooDeep,
    ];
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::UnknownLink => "unknown link type",
            Reason::NotIp => "not IP",
            Reason::NotTcp => "not TCP",
            Reason::Encrypted => "encrypted",
            Reason::PartialFrame => "fragmented or aggregated 802.11 frame",
            Reason::Cut => "cut before the TCP header",
            Reason::Malformed => "malformed header",
            Reason::MalformedIp => "malformed IP header",
            Reason::TcpOffset => "malformed TCP header",
            Reason::TcpShort => "TCP header longer than its datagram",
            Reason::Fragment => "IP fragment",
            Reason::FragmentCut => "cut IP fragment",
            Reason::FragmentConflict => "contradictory IP fragment",
            Reason::Quoted => "quoted in an ICMP error",
            Reason::TooDeep => "nested too deep",
        })
    }
}

/// How many packets were ignored for each [`Reason`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ignored([u64; Reason::ALL.len()]);

impl Ignored {
    /// Counts one more.
    pub fn count(&mut self, reason: Reason) {
        if let Some(packets) = self.0.get_mut(reason as usize) {
            *packets += 1;
        }
    }

    /// Adds what was counted elsewhere.
    pub fn add(&mut self, other: &Ignored) {
        for (packets, more) in self.0.iter_mut().zip(other.0) {
            *packets += more;
        }
    }

    /// The reasons that occurred with their numbers of packets, always in the same order.
    pub fn iter(&self) -> impl Iterator<Item = (Reason, u64)> {
        Reason::ALL
            .into_iter()
            .zip(self.0)
            .filter(|&(_, packets)| packets > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_counted_under_its_own_name() {
        let mut ignored = Ignored::default();
        for (times, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, times);
            for _ in 0..=times {
                ignored.count(reason);
            }
        }
        ignored.add(&ignored.clone());
        let counted: Vec<_> = ignored.iter().collect();
        let expected: Vec<_> = Reason::ALL.into_iter().zip((1..).map(|n| 2 * n)).collect();
        assert_eq!(counted, expected);

        let mut names: Vec<_> = Reason::ALL.iter().map(Reason::to_string).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), Reason::ALL.len());
    }

    #[test]
    fn what_did_not_occur_is_not_listed() {
        let mut ignored = Ignored::default();
        ignored.count(Reason::Quoted);
        assert_eq!(ignored.iter().collect::<Vec<_>>(), [(Reason::Quoted, 1)]);
    }
}
