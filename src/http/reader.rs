//! The machine that reads the messages of one direction.
//!
//! In: octets in order, in pieces of any size; holes; the end. Out: to a [`Sink`], what begins and ends. The pieces
//! do not matter: the same octets give the same messages, whole or one at a time.

use serde::{Deserialize, Serialize};

use super::chunked::{self, Chunked, MAX_LINE};
use super::framing::Framing;
use super::head::{self, Head, MAX_HEAD_OCTETS, StartLine, Unreadable};
use super::lines::OpenLine;
use super::plain;
use super::recognise::{Beginning, Foreign, beginning, start_line_within, whole_start_line};
use crate::tcp::{Ahead, FIRST_OCTET, Hole, Octets, Origin, Stamp};
use crate::time::At;

/// How far into a connection that the capture has from its SYN the first message may begin, in octets: room for what
/// SOCKS or the PROXY protocol put before it. Behind that it is another protocol.
pub const MAX_PREAMBLE: u64 = 4096;

/// The longest rest of a line that is kept while looking for the next message, in octets.
const MAX_LOST_LINE: usize = 16 * 1024;

/// Which messages a direction carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Requests.
    Request,
    /// Responses.
    Response,
}

impl Kind {
    fn of(start: &StartLine<'_>) -> Self {
        match start {
            StartLine::Request { .. } => Kind::Request,
            StartLine::Response { .. } => Kind::Response,
        }
    }
}

/// Where a message begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The offset of its first octet.
    pub offset: u64,
    /// The packet that carried this octet.
    pub stamp: Stamp,
}

/// Why the end of a message cannot be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Octets are missing where they matter.
    Hole,
    /// The head cannot be read, or the framing makes no sense.
    Malformed,
    /// A bound was met: octets of a head or a line, or the number of fields.
    TooLarge(usize),
}

/// Who takes notice of the messages of one direction.
pub trait Sink {
    /// A start line is complete.
    fn started(&mut self, line: &StartLine<'_>, place: Place);

    /// A head is complete with the packet `at`, its last octet before offset `end`; the answer says where its body
    /// ends.
    fn head(&mut self, head: &Head, at: At, end: u64) -> Framing;

    /// A start line is complete, and so is the head behind it, and the message if it ends there: who answers has taken
    /// notice of all of that. Who does not is told of one after the other.
    fn started_with_head(
        &mut self,
        _line: &StartLine<'_>,
        _place: Place,
        _head: &Head,
        _at: At,
        _end: u64,
    ) -> Option<Framing> {
        None
    }

    /// The message is complete, its last octet before offset `end`; `at` is `None` where a hole swallowed that octet.
    fn ended(&mut self, at: Option<At>, end: u64);

    /// The end of the message will not be found.
    fn broken(&mut self, why: Broken);

    /// Something that is no message begins where one could.
    fn stray(&mut self, place: Place);

    /// From `offset` on messages may have gone by unseen.
    fn lost(&mut self, offset: u64);
}

/// Reads one direction.
#[derive(Debug)]
pub struct Reader {
    state: State,
    kind: Option<Kind>,
    /// Whether it is known where the first message must begin, if this direction carries messages.
    preamble: Preamble,
    /// Boxed, since most lines and heads come in one piece.
    begun: Option<Box<Begun>>,
}

/// What came in earlier pieces.
#[derive(Debug, Default)]
struct Begun {
    /// The part of a line, or of a head's fields.
    octets: Vec<u8>,
    /// Where the pieces of a line that may hold a message began.
    pieces: Vec<Place>,
}

impl Begun {
    /// All of a line or head that `last` ends, and where its earlier pieces began.
    fn and<'a>(begun: Option<&'a Begun>, last: &'a [u8]) -> (&'a [u8], &'a [Place]) {
        begun.map_or((last, &[]), |begun| (&begun.octets, &begun.pieces))
    }
}

/// What comes before the first message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Preamble {
    /// No more than [`MAX_PREAMBLE`].
    Bounded,
    /// Nobody knows how much.
    Unbounded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// At a place where a message may begin.
    Between,
    /// In the line that begins there.
    StartLine,
    /// In the fields of a head.
    Fields(OpenLine),
    Length(u64),
    Chunked(Chunked),
    UntilClose,
    Tunnel,
    /// Looking for the next start line.
    Lost,
    Foreign(Foreign),
}

impl<'a> Octets<'a> {
    /// Takes the next `len` octets, or all.
    fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self
            .octets
            .split_at_checked(len)
            .unwrap_or((self.octets, &[]));
        self.offset += taken.len() as u64;
        self.octets = rest;
        taken
    }

    /// Takes as many octets as there are, up to `most`; says how many.
    fn take_up_to(&mut self, most: u64) -> u64 {
        let len = usize::try_from(most)
            .unwrap_or(usize::MAX)
            .min(self.octets.len());
        self.take(len).len() as u64
    }

    fn place(&self) -> Place {
        Place {
            offset: self.offset,
            stamp: self.stamp,
        }
    }
}

impl Reader {
    /// For a direction of a connection with this origin.
    pub fn new(origin: Origin) -> Self {
        Reader {
            state: State::Between,
            kind: None,
            preamble: match origin {
                Origin::Syn => Preamble::Bounded,
                Origin::Inside => Preamble::Unbounded,
            },
            begun: None,
        }
    }

    /// Which messages it carries, once that is known.
    pub fn kind(&self) -> Option<Kind> {
        self.kind
    }

    /// From now on only messages of this kind are looked for.
    pub fn expect(&mut self, kind: Kind) {
        self.kind = Some(kind);
    }

    /// From now on the connection carries something else.
    pub fn become_tunnel(&mut self) {
        self.become_state(State::Tunnel);
    }

    /// The other protocol that it carries, if it does.
    pub fn foreign(&self) -> Option<Foreign> {
        match self.state {
            State::Foreign(foreign) => Some(foreign),
            _ => None,
        }
    }

    /// How many of the next octets it only counts, being inside a body.
    pub fn counts(&self) -> u64 {
        match self.state {
            State::Length(left) | State::Chunked(Chunked::Data(left)) => left,
            State::UntilClose | State::Tunnel | State::Foreign(_) => u64::MAX,
            State::Between | State::StartLine | State::Fields(_) => 0,
            State::Chunked(_) | State::Lost => 0,
        }
    }

    /// What stands ahead, inside the body that it is in, where that is certain: `octets` are those behind what it only
    /// counts, or behind what it was told of before.
    pub fn ahead(&self, octets: &[u8]) -> Option<Ahead> {
        match self.state {
            State::Chunked(_) => chunked::behind_data(octets),
            _ => None,
        }
    }

    /// The memory that it has taken beside its own size, in octets.
    pub fn weight(&self) -> usize {
        let weight = |begun: &Begun| {
            size_of::<Begun>()
                + begun.octets.capacity()
                + begun.pieces.capacity() * size_of::<Place>()
        };
        self.begun.as_deref().map_or(0, weight)
    }

    /// Gives back what it has taken and needs no more.
    pub fn shrink(&mut self) {
        if let Some(begun) = &mut self.begun {
            begun.octets.shrink_to_fit();
            begun.pieces.shrink_to_fit();
        }
    }

    /// Takes the next octets.
    pub fn octets(&mut self, mut piece: Octets<'_>, sink: &mut impl Sink) {
        while !piece.octets.is_empty() {
            match self.state {
                State::Between => self.between(&mut piece, sink),
                State::StartLine => self.start_line(&mut piece, sink),
                State::Fields(open) => self.fields(open, &mut piece, sink),
                State::Length(left) => self.length(left, &mut piece, sink),
                State::Chunked(Chunked::Data(left)) => self.chunk_data(left, &mut piece),
                State::Chunked(chunked) => self.chunk_line(chunked, &mut piece, sink),
                State::Lost => self.look_for_message(&mut piece, sink),
                State::UntilClose | State::Tunnel | State::Foreign(_) => return,
            }
        }
    }

    /// Takes notice that the next octets are not there.
    pub fn hole(&mut self, hole: Hole, sink: &mut impl Sink) {
        let Hole {
            offset,
            len,
            carried,
        } = hole;
        match self.state {
            State::Length(left) if len < left => self.state = State::Length(left - len),
            State::Length(left) => {
                self.ended(carried, offset.saturating_add(left), sink);
                if len > left {
                    self.lose(offset.saturating_add(left), sink);
                }
            }
            State::Chunked(Chunked::Data(left)) if len <= left => {
                self.state = after_chunk_data(left - len);
            }
            State::Fields(_) | State::Chunked(_) => {
                sink.broken(Broken::Hole);
                self.lose(offset, sink);
            }
            State::Between | State::StartLine | State::Lost => self.lose(offset, sink),
            State::UntilClose | State::Tunnel | State::Foreign(_) => {}
        }
    }

    /// Takes notice that the sender closed its direction.
    pub fn end(&mut self, at: At, offset: u64, sink: &mut impl Sink) {
        if self.state == State::UntilClose {
            self.ended(Some(at), offset, sink);
        }
    }

    fn become_state(&mut self, state: State) {
        self.state = state;
        self.begun = None;
    }

    fn ended(&mut self, at: Option<At>, end: u64, sink: &mut impl Sink) {
        self.state = State::Between;
        sink.ended(at, end);
    }

    fn lose(&mut self, offset: u64, sink: &mut impl Sink) {
        self.become_state(State::Lost);
        self.preamble = Preamble::Unbounded;
        sink.lost(offset);
    }

    /// Empty lines before a start line are passed over (RFC 9112 2.2).
    fn between(&mut self, piece: &mut Octets<'_>, sink: &mut impl Sink) {
        let blank = piece
            .octets
            .iter()
            .take_while(|octet| matches!(octet, b'\r' | b'\n'))
            .count();
        if blank > 0 {
            piece.take(blank);
        }
        // Most heads come in one piece and are plain: then they are read without a search for their end.
        if self.begun.is_none()
            && let Some((start, len)) = plain::leading_start_line(piece.octets)
            && self
                .kind
                .is_none_or(|expected| expected == Kind::of(&start))
        {
            return self.plain_head(&start, len, piece, sink);
        }
        if !piece.octets.is_empty() {
            self.start_line(piece, sink);
        }
    }

    fn begun(&mut self) -> &mut Begun {
        self.begun.get_or_insert_default()
    }

    /// Takes octets up to and with the next line feed; says whether the line is complete. It is in `begun` then,
    /// unless all of it came in this piece.
    fn line<'a>(&mut self, piece: &mut Octets<'a>) -> Option<&'a [u8]> {
        let Some(end) = memchr::memchr(b'\n', piece.octets) else {
            self.begun()
                .octets
                .extend_from_slice(piece.take(usize::MAX));
            return None;
        };
        let line = piece.take(end + 1);
        if let Some(begun) = &mut self.begun {
            begun.octets.extend_from_slice(line);
        }
        Some(line)
    }

    fn start_line(&mut self, piece: &mut Octets<'_>, sink: &mut impl Sink) {
        let here = piece.place();
        let line = self.line(piece);
        let mut begun = self.begun.take();
        let place = begun.as_ref().and_then(|begun| begun.pieces.first());
        let place = place.copied().unwrap_or(here);
        let Some(line) = line else {
            let octets = begun.as_deref().map_or(&[][..], |begun| &begun.octets);
            self.state = match beginning(octets) {
                Beginning::Plausible
                    if self.may_take(octets) && octets.len() <= MAX_HEAD_OCTETS =>
                {
                    State::StartLine
                }
                Beginning::Named(foreign) if self.kind.is_none() => {
                    return self.become_state(State::Foreign(foreign));
                }
                _ => {
                    sink.stray(place);
                    State::Lost
                }
            };
            if let Some(begun) = &mut begun {
                begun.pieces.push(here);
            }
            self.begun = begun;
            return;
        };
        let (line, pieces) = Begun::and(begun.as_deref(), line);
        if self.takes(line)
            && let Some(start) = whole_start_line(line)
        {
            return self.started(&start, place, sink);
        }
        if let (Beginning::Named(foreign), None) = (beginning(line), self.kind) {
            return self.become_state(State::Foreign(foreign));
        }
        // It is none: but a message may still begin inside it.
        self.state = State::Lost;
        sink.stray(place);
        self.lost_line(line, pieces, here, piece.offset, sink);
    }

    /// Whether a line would begin a message of the kind that this direction carries.
    fn takes(&self, line: &[u8]) -> bool {
        let kind = if line.starts_with(b"HTTP/") {
            Kind::Response
        } else {
            Kind::Request
        };
        self.kind.is_none_or(|expected| expected == kind)
    }

    /// The same of a line that is not complete.
    fn may_take(&self, begun: &[u8]) -> bool {
        let mut same = begun.iter().zip(b"HTTP/");
        self.kind != Some(Kind::Response) || same.all(|(octet, expected)| octet == expected)
    }

    fn started(&mut self, start: &StartLine<'_>, place: Place, sink: &mut impl Sink) {
        self.kind = Some(Kind::of(start));
        self.state = State::Fields(OpenLine::default());
        sink.started(start, place);
    }

    /// Takes a start line of so many octets, and the fields behind it, if all of them are there and plain. Else they are
    /// read as those of any other head are.
    fn plain_head(
        &mut self,
        start: &StartLine<'_>,
        len: usize,
        piece: &mut Octets<'_>,
        sink: &mut impl Sink,
    ) {
        let place = piece.place();
        let mut head = Head::default();
        let Some(end) = plain::fields_from(piece.octets, len, &mut head) else {
            piece.take(len);
            return self.started(start, place, sink);
        };
        piece.take(end);
        self.kind = Some(Kind::of(start));
        let (at, end) = (piece.completed, piece.offset);
        match sink.started_with_head(start, place, &head, at, end) {
            Some(framing) => self.go_on_behind(framing, piece, sink),
            None => {
                sink.started(start, place);
                self.head(&head, piece, sink);
            }
        }
    }

    fn fields(&mut self, mut open: OpenLine, piece: &mut Octets<'_>, sink: &mut impl Sink) {
        if self.begun.is_none()
            && let Some((head, len)) = head::leading_fields(piece.octets)
        {
            piece.take(len);
            return self.head(&head, piece, sink);
        }
        let Some(end) = open.find_empty_line(piece.octets) else {
            let begun = &mut self.begun().octets;
            begun.extend_from_slice(piece.take(usize::MAX));
            let len = begun.len();
            self.state = State::Fields(open);
            if len > MAX_HEAD_OCTETS {
                sink.broken(Broken::TooLarge(len));
                self.lose(piece.offset, sink);
            }
            return;
        };
        let octets = piece.take(end);
        let mut begun = self.begun.take();
        if let Some(begun) = &mut begun {
            begun.octets.extend_from_slice(octets);
        }
        let (octets, _) = Begun::and(begun.as_deref(), octets);
        match head::fields(octets) {
            Ok(head) => self.head(&head, piece, sink),
            Err(unreadable) => {
                sink.broken(match unreadable {
                    Unreadable::TooManyFields => Broken::TooLarge(head::MAX_FIELDS),
                    Unreadable::Malformed => Broken::Malformed,
                });
                self.lose(piece.offset, sink);
            }
        }
    }

    fn head(&mut self, head: &Head, piece: &Octets<'_>, sink: &mut impl Sink) {
        let framing = sink.head(head, piece.completed, piece.offset);
        if framing.ends_with_head() {
            sink.ended(Some(piece.completed), piece.offset);
        }
        self.go_on_behind(framing, piece, sink);
    }

    fn go_on_behind(&mut self, framing: Framing, piece: &Octets<'_>, sink: &mut impl Sink) {
        match framing {
            Framing::None | Framing::Length(0) => self.state = State::Between,
            Framing::Length(octets) => self.state = State::Length(octets),
            Framing::Chunked => self.state = State::Chunked(Chunked::Size),
            Framing::Close => self.state = State::UntilClose,
            Framing::Tunnel => self.become_tunnel(),
            Framing::Unknown => {
                sink.broken(Broken::Malformed);
                self.lose(piece.offset, sink);
            }
        }
    }

    fn length(&mut self, left: u64, piece: &mut Octets<'_>, sink: &mut impl Sink) {
        let left = left - piece.take_up_to(left);
        self.state = State::Length(left);
        if left == 0 {
            self.ended(Some(piece.completed), piece.offset, sink);
        }
    }

    fn chunk_data(&mut self, left: u64, piece: &mut Octets<'_>) {
        self.state = after_chunk_data(left - piece.take_up_to(left));
    }

    fn chunk_line(&mut self, chunked: Chunked, piece: &mut Octets<'_>, sink: &mut impl Sink) {
        let Some(line) = self.line(piece) else {
            let len = self.begun().octets.len();
            if len > MAX_LINE {
                sink.broken(Broken::TooLarge(len));
                self.lose(piece.offset, sink);
            }
            return;
        };
        let begun = self.begun.take();
        let (line, _) = Begun::and(begun.as_deref(), line);
        match chunked.after_line(line) {
            Some(Chunked::Over) => self.ended(Some(piece.completed), piece.offset, sink),
            Some(next) => self.state = State::Chunked(next),
            None => {
                sink.broken(Broken::Malformed);
                self.lose(piece.offset, sink);
            }
        }
    }

    /// Goes through the octets line by line until one ends with a start line.
    fn look_for_message(&mut self, piece: &mut Octets<'_>, sink: &mut impl Sink) {
        let here = piece.place();
        let Some(line) = self.line(piece) else {
            self.begun().pieces.push(here);
            return self.keep_end_of_line(piece.offset);
        };
        let begun = self.begun.take();
        let (line, pieces) = Begun::and(begun.as_deref(), line);
        self.lost_line(line, pieces, here, piece.offset, sink);
    }

    /// Looks for a start line in a line that came in `pieces` and at last `here`, and ends before offset `end`.
    fn lost_line(
        &mut self,
        line: &[u8],
        pieces: &[Place],
        here: Place,
        end: u64,
        sink: &mut impl Sink,
    ) {
        let line = line
            .get(line.len().saturating_sub(MAX_LOST_LINE)..)
            .unwrap_or(line);
        let Some((at, start)) = start_line_within(line, self.kind) else {
            return self.give_up_behind_preamble(end);
        };
        let offset = end - (line.len() - at) as u64;
        if self.kind.is_none() && self.is_behind_preamble(offset) {
            return self.become_state(State::Foreign(Foreign::Other));
        }
        let carrier = pieces
            .iter()
            .chain([&here])
            .rev()
            .find(|piece| piece.offset <= offset);
        let stamp = carrier.map_or(here.stamp, |piece| piece.stamp);
        self.started(&start, Place { offset, stamp }, sink);
    }

    fn keep_end_of_line(&mut self, offset: u64) {
        let Begun { octets, pieces } = self.begun();
        // Not at every octet: what is moved has to be in proportion to what came.
        if octets.len() > 2 * MAX_LOST_LINE {
            octets.drain(..octets.len() - MAX_LOST_LINE);
        }
        let start = offset - octets.len() as u64;
        if pieces.len() > 2 * MAX_LOST_LINE {
            let before = pieces.partition_point(|piece| piece.offset <= start);
            pieces.drain(..before.saturating_sub(1));
        }
        self.give_up_behind_preamble(offset);
    }

    /// Where nothing that is still kept could begin a message early enough, the connection carries something else.
    fn give_up_behind_preamble(&mut self, offset: u64) {
        let last_kept = offset.saturating_sub(MAX_LOST_LINE as u64);
        if self.kind.is_none() && self.is_behind_preamble(last_kept) {
            self.become_state(State::Foreign(Foreign::Other));
        }
    }

    fn is_behind_preamble(&self, offset: u64) -> bool {
        self.preamble == Preamble::Bounded && offset >= FIRST_OCTET + MAX_PREAMBLE
    }
}

fn after_chunk_data(left: u64) -> State {
    State::Chunked(if left == 0 {
        Chunked::DataEnd
    } else {
        Chunked::Data(left)
    })
}
