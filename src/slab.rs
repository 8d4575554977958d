//! Room for many values of one kind, of which some go and others come.
//!
//! In: values. Out: places to find them by. There is no piece of memory for each of them, to be found, led to and given
//! back; room that became free is used again, or given back where much of it lies together.

use std::num::NonZeroU32;

use crate::fetch;

/// How large one piece of memory is at most, in octets. To get it, or to give it back, may take a call of the system.
const OCTETS: usize = 1 << 14;

/// The values, by their places.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    chunks: Vec<Chunk<T>>,
    free: Vec<Spot>,
}

#[derive(Debug)]
struct Chunk<T> {
    /// Of all chunks but the last there is all room, or none while nothing lies there.
    room: Vec<Option<T>>,
    /// How many values lie there.
    len: usize,
}

/// Where a value lies. One that may be missing takes no more room than one that is there: it is one more than the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot(NonZeroU32);

impl Spot {
    fn of(place: usize) -> Self {
        Spot(NonZeroU32::MIN.saturating_add(place as u32))
    }

    fn place(self) -> usize {
        self.0.get() as usize - 1
    }
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Slab {
            chunks: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Slab<T> {
    /// So many values lie in one piece of memory: a power of 2.
    const CHUNK: usize = {
        let count = OCTETS / size_of::<Option<T>>();
        1 << if count == 0 { 0 } else { count.ilog2() }
    };

    /// Keeps it. There is room for nearly 2 to the power of 32.
    pub(crate) fn add(&mut self, value: T) -> Spot {
        if let Some(free) = self.free.pop() {
            self.fill(free, value);
            return free;
        }
        if self.chunks.last().is_none_or(Chunk::is_used_up) {
            self.chunks.push(Chunk {
                room: Vec::with_capacity(Self::CHUNK),
                len: 0,
            });
        }
        let before = (self.chunks.len() - 1) * Self::CHUNK;
        match self.chunks.last_mut() {
            Some(last) => {
                last.room.push(Some(value));
                last.len += 1;
                Spot::of(before + last.room.len() - 1)
            }
            None => Spot::of(0),
        }
    }

    /// Puts it where another one lay.
    fn fill(&mut self, free: Spot, value: T) {
        let free = free.place();
        let Some(chunk) = self.chunks.get_mut(free / Self::CHUNK) else {
            return;
        };
        if chunk.room.is_empty() {
            chunk.room.resize_with(Self::CHUNK, || None);
        }
        if let Some(room) = chunk.room.get_mut(free % Self::CHUNK) {
            *room = Some(value);
            chunk.len += 1;
        }
    }

    #[inline]
    pub(crate) fn get(&self, spot: Spot) -> Option<&T> {
        let place = spot.place();
        let chunk = self.chunks.get(place / Self::CHUNK)?;
        chunk.room.get(place % Self::CHUNK)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, spot: Spot) -> Option<&mut T> {
        let place = spot.place();
        let chunk = self.chunks.get_mut(place / Self::CHUNK)?;
        chunk.room.get_mut(place % Self::CHUNK)?.as_mut()
    }

    /// The places where values may lie, in order.
    pub(crate) fn spots(&self) -> impl DoubleEndedIterator<Item = Spot> + use<T> {
        (0..self.chunks.len() * Self::CHUNK).map(Spot::of)
    }

    /// Takes over all values of another one; they lie in other places then.
    pub(crate) fn append(&mut self, mut other: Slab<T>) {
        let end = self.chunks.len() * Self::CHUNK;
        if let Some(last) = self.chunks.last_mut()
            && !last.room.is_empty()
        {
            let never_filled = end + last.room.len() - Self::CHUNK..end;
            self.free.extend(never_filled.map(Spot::of));
            last.room.resize_with(Self::CHUNK, || None);
        }
        let free = other.free.iter();
        self.free
            .extend(free.map(|spot| Spot::of(end + spot.place())));
        self.chunks.append(&mut other.chunks);
    }

    /// Has it fetched: it will be looked at.
    pub(crate) fn fetch(&self, spot: Spot) {
        let place = spot.place();
        if let Some(chunk) = self.chunks.get(place / Self::CHUNK) {
            fetch::value(&chunk.room, place % Self::CHUNK);
        }
    }

    /// Gives it up.
    pub(crate) fn take(&mut self, spot: Spot) -> Option<T> {
        let place = spot.place();
        let chunk = self.chunks.get_mut(place / Self::CHUNK)?;
        let value = chunk.room.get_mut(place % Self::CHUNK)?.take();
        if value.is_some() {
            self.free.push(spot);
            chunk.len -= 1;
            if chunk.len == 0 && chunk.is_used_up() {
                chunk.room = Vec::new();
            }
        }
        value
    }
}

impl<T> Chunk<T> {
    /// Whether all its room was filled once.
    fn is_used_up(&self) -> bool {
        self.room.len() == Slab::<T>::CHUNK
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// So large that a few lie in one piece of memory.
    type Large = [u32; 100];
    const CHUNK: usize = Slab::<Large>::CHUNK;

    #[test]
    fn what_was_added_is_there_until_it_is_taken() {
        let mut slab = Slab::default();
        let mut model = BTreeMap::new();
        let mut random = fastrand::Rng::with_seed(4);
        let mut most = 0;
        for number in 0..20_000_u32 {
            let value = [number; 100];
            let spot = slab.add(value);
            assert_eq!(model.insert(spot, value), None);
            most = most.max(model.len());
            while random.u8(..5) > 2 {
                let spot = Spot::of(random.usize(..300));
                assert_eq!(slab.take(spot), model.remove(&spot));
            }
        }
        assert!(most > 200 && slab.chunks.len() <= most.div_ceil(CHUNK));
        let there: usize = slab.chunks.iter().map(|chunk| chunk.len).sum();
        assert_eq!(there, model.len());
        let is_there = |&spot: &Spot| slab.get(spot).is_some();
        assert!(slab.spots().filter(is_there).eq(model.keys().copied()));
        for (&spot, value) in &mut model {
            assert_eq!(slab.get(spot), Some(&*value));
            assert_eq!(slab.get_mut(spot), Some(value));
        }
    }

    #[test]
    fn what_another_had_is_taken_over() {
        let mut random = fastrand::Rng::with_seed(5);
        for _ in 0..100 {
            let (mut slab, mut model) = (Slab::default(), Vec::new());
            for _ in 0..4 {
                let mut other = Slab::default();
                for _ in 0..random.usize(..3 * CHUNK) {
                    let value = [random.u32(..); 100];
                    let spot = other.add(value);
                    if random.bool() {
                        other.take(spot);
                    } else {
                        model.push(value);
                    }
                }
                slab.append(other);
                let value = [random.u32(..); 100];
                let spot = slab.add(value);
                assert_eq!(slab.get(spot), Some(&value));
                model.push(value);
            }
            let mut there: Vec<Large> = slab.spots().filter_map(|spot| slab.take(spot)).collect();
            there.sort_unstable();
            model.sort_unstable();
            assert_eq!(there, model);
            assert!(slab.chunks.iter().all(|chunk| chunk.len == 0));
            slab.free.sort_unstable();
            let free = slab.free.iter().copied();
            assert!(free.eq(slab.spots().take(slab.free.len())));
        }
    }

    #[test]
    fn room_where_nothing_lies_is_given_back() {
        let mut slab = Slab::default();
        let spots: Vec<Spot> = (0..10 * CHUNK).map(|_| slab.add([0; 100])).collect();
        let room = |slab: &Slab<Large>| -> usize {
            let chunks = slab.chunks.iter();
            chunks.map(|chunk| chunk.room.capacity()).sum()
        };
        let all = room(&slab);
        for &spot in spots.iter().skip(1) {
            assert!(slab.take(spot).is_some());
        }
        assert_eq!(room(&slab), all / 10);
        let more = (0..10 * CHUNK as u32).map(|number| slab.add([number; 100]));
        let more: Vec<Spot> = more.collect();
        assert_eq!(room(&slab), all + all / 10);
        for (number, &spot) in more.iter().enumerate() {
            assert_eq!(slab.get(spot), Some(&[number as u32; 100]));
        }
    }
}
