//! Values in few octets: one description of how something is laid out for both ways, to write and to read it.
//!
//! In: a [`Layout`] over a [`Writer`] or a [`Reader`], and what is laid out, part by part. Out: octets, or what was
//! written. Places and times of a connection lie close together: what is kept is how far each is from the one before it,
//! in as few octets as that takes. Parts are written as they are, or are read over what is there, which may be anything.

use std::mem::discriminant;

use crate::tcp::{Acked, FIRST_OCTET, Peer, PerPeer};
use crate::time::{At, Time};

/// Numbers from here on do not fit into eight octets with two bits that tell how many octets there are.
const LARGE: u64 = u64::MAX >> 2;

/// How many octets all choices of a group take.
const CHOICES: usize = 5;

/// Nothing that is laid out has more than 64 numbers and eight groups.
const MOST: usize = 64 * 16 + 8 * CHOICES;

/// What is written to or read from: what is written comes back as it is, what is read is told.
pub(super) trait Wire {
    /// A group begins.
    fn begin(&mut self);

    /// One of a few values, so many bits of it; it is worked out only where it is written.
    fn choice(&mut self, bits: u32, value: impl FnOnce() -> u64) -> u64;

    fn number(&mut self, value: u64) -> u64;

    fn end(&mut self) {}
}

pub(super) struct Writer {
    choices: u64,
    bits: u32,
    /// Where the choices go.
    at: usize,
    octets: [u8; MOST],
    len: usize,
}

impl Default for Writer {
    fn default() -> Self {
        Writer {
            choices: 0,
            bits: 0,
            at: 0,
            octets: [0; MOST],
            len: 0,
        }
    }
}

impl Writer {
    /// What was written.
    pub(super) fn octets(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }

    #[inline(always)]
    fn put<const N: usize>(&mut self, at: usize, octets: [u8; N]) {
        let place = self.octets.get_mut(at..).and_then(<[u8]>::first_chunk_mut);
        if let Some(place) = place {
            *place = octets;
        }
    }
}

impl Wire for Writer {
    #[inline(always)]
    fn begin(&mut self) {
        (self.choices, self.bits, self.at) = (0, 0, self.len);
        self.len += CHOICES;
    }

    #[inline(always)]
    fn choice(&mut self, bits: u32, value: impl FnOnce() -> u64) -> u64 {
        let value = value();
        self.choices |= value << self.bits;
        self.bits += bits;
        value
    }

    #[inline(always)]
    fn end(&mut self) {
        let [a, b, c, d, e, ..] = self.choices.to_le_bytes();
        self.put(self.at, [a, b, c, d, e]);
    }

    /// Eight octets are written, whatever the number: what it does not need is written over.
    #[inline(always)]
    fn number(&mut self, value: u64) -> u64 {
        if value >= LARGE {
            self.put(self.len, u64::MAX.to_le_bytes());
            self.put(self.len + 8, value.to_le_bytes());
            self.len += 16;
            return value;
        }
        let kind =
            u64::from(value >= 0x40) + u64::from(value >= 0x4000) + u64::from(value >= 0x4000_0000);
        self.put(self.len, (value << 2 | kind).to_le_bytes());
        self.len += 1 << kind;
        value
    }
}

pub(super) struct Reader<'a> {
    choices: u64,
    octets: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(octets: &'a [u8]) -> Self {
        Reader { choices: 0, octets }
    }

    fn skip(&mut self, octets: usize) {
        self.octets = self.octets.get(octets..).unwrap_or_default();
    }

    /// The next eight octets, those that are not there being zero.
    #[inline(always)]
    fn peek(&self) -> u64 {
        if let Some(octets) = self.octets.first_chunk() {
            return u64::from_le_bytes(*octets);
        }
        let mut word = [0; 8];
        let octets = word.iter_mut().zip(self.octets);
        octets.for_each(|(to, from)| *to = *from);
        u64::from_le_bytes(word)
    }
}

impl Wire for Reader<'_> {
    #[inline(always)]
    fn begin(&mut self) {
        self.choices = self.peek() & ((1 << (8 * CHOICES)) - 1);
        self.skip(CHOICES);
    }

    #[inline(always)]
    fn choice(&mut self, bits: u32, _: impl FnOnce() -> u64) -> u64 {
        let value = self.choices & ((1 << bits) - 1);
        self.choices >>= bits;
        value
    }

    #[inline(always)]
    fn number(&mut self, _: u64) -> u64 {
        let word = self.peek();
        if word == u64::MAX {
            self.skip(8);
            let value = self.peek();
            self.skip(8);
            return value;
        }
        let octets = 1 << (word & 3);
        self.skip(octets);
        (word & u64::MAX >> (64 - 8 * octets)) >> 2
    }
}

/// How something is laid out.
pub(super) struct Layout<'a, W> {
    wire: &'a mut W,
    /// The place before.
    at: At,
    /// The offset before, of each side.
    offsets: PerPeer<u64>,
}

impl<'a, W: Wire> Layout<'a, W> {
    pub(super) fn over(wire: &'a mut W) -> Self {
        Layout {
            wire,
            at: At::default(),
            offsets: PerPeer {
                client: FIRST_OCTET,
                server: FIRST_OCTET,
            },
        }
    }

    /// Lays out what has no more than 40 bits of choices.
    #[inline(always)]
    pub(super) fn group<T>(&mut self, parts: impl FnOnce(&mut Self) -> T) -> T {
        self.wire.begin();
        let told = parts(self);
        self.wire.end();
        told
    }

    pub(super) fn number(&mut self, number: &mut u64) {
        *number = self.wire.number(*number);
    }

    /// The same of a narrower one.
    pub(super) fn narrow<T: Copy + Into<u64> + TryFrom<u64>>(&mut self, number: &mut T) {
        *number = T::try_from(self.wire.number((*number).into())).unwrap_or(*number);
    }

    /// By the other side of `peer`, which had sent so much by then.
    pub(super) fn acked(&mut self, peer: Peer, acked: &mut Option<Acked>) {
        let blank = || Acked {
            at: At::default(),
            offset: 0,
        };
        if let Some(acked) = self.option(acked, blank) {
            self.at(&mut acked.at);
            self.offset(peer.other(), &mut acked.offset);
        }
    }

    /// Where an offset of this side is expected that comes next.
    pub(super) fn expect(&mut self, peer: Peer, offset: u64) {
        self.offsets[peer] = offset;
    }

    pub(super) fn at(&mut self, at: &mut At) {
        let mut same = self.at == *at;
        self.flag(&mut same);
        if same {
            *at = self.at;
            return;
        }
        at.frame = self.way(self.at.frame, at.frame);
        let (before, now) = (self.at.time.nanos(), at.time.nanos());
        let nanos = self.way(before.cast_unsigned(), now.cast_unsigned());
        at.time = Time::from_nanos(nanos.cast_signed().into());
        self.at = *at;
    }

    pub(super) fn offset(&mut self, peer: Peer, offset: &mut u64) {
        *offset = self.distance(self.offsets[peer], *offset);
        self.offsets[peer] = *offset;
    }

    /// A number that is often another one, or else near it.
    pub(super) fn distance(&mut self, from: u64, to: u64) -> u64 {
        let mut same = from == to;
        self.flag(&mut same);
        if same { from } else { self.way(from, to) }
    }

    /// A number that is near another one: the way to it is short, in either direction.
    fn way(&mut self, from: u64, to: u64) -> u64 {
        let ahead = to.wrapping_sub(from).cast_signed();
        let zigzag = (ahead << 1 ^ ahead >> 63).cast_unsigned();
        let zigzag = self.wire.number(zigzag);
        from.wrapping_add(zigzag >> 1 ^ (zigzag & 1).wrapping_neg())
    }

    #[inline(always)]
    pub(super) fn flag(&mut self, flag: &mut bool) {
        *flag = self.wire.choice(1, || u64::from(*flag)) != 0;
    }

    #[inline(always)]
    pub(super) fn option<'v, T>(
        &mut self,
        value: &'v mut Option<T>,
        blank: impl FnOnce() -> T,
    ) -> Option<&'v mut T> {
        match self.wire.choice(1, || u64::from(value.is_some())) {
            0 => None,
            _ => Some(value.get_or_insert_with(blank)),
        }
    }

    /// Which of these it is, whatever it holds beside that.
    #[inline(always)]
    pub(super) fn one_of<T: Copy>(&mut self, all: &[T], value: &mut T) {
        let bits = usize::BITS - (all.len() - 1).leading_zeros();
        let told = self.wire.choice(bits, || {
            let same = |other: &T| discriminant(other) == discriminant(value);
            all.iter().position(same).unwrap_or_default() as u64
        });
        // What is written stays as it is, with all that it holds.
        if let Some(other) = usize::try_from(told).ok().and_then(|told| all.get(told))
            && discriminant(other) != discriminant(value)
        {
            *value = *other;
        }
    }
}
