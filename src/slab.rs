//! Room for many values of one kind, of which some go and others come.
//!
//! In: values. Out: places to find them by. There is no piece of memory for each of them, to be found, led to and given
//! back; room that became free is used again, or given back where much of it lies together.

use crate::fetch;

/// How large one piece of memory is at most, in octets. To get it, or to give it back, may take a call of the system.
const OCTETS: usize = 1 << 14;

/// The values, by their places.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    chunks: Vec<Chunk<T>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Chunk<T> {
    /// Of all chunks but the last there is all room, or none while nothing lies there.
    room: Vec<Option<T>>,
    /// How many values lie there.
    len: usize,
}

/// Where a value lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot(u32);

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

    /// Keeps it. There is room for 2 to the power of 32.
    pub(crate) fn add(&mut self, value: T) -> Spot {
        if let Some(free) = self.free.pop() {
            self.fill(free, value);
            return Spot(free);
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
                Spot((before + last.room.len() - 1) as u32)
            }
            None => Spot(0),
        }
    }

    /// Puts it where another one lay.
    fn fill(&mut self, free: u32, value: T) {
        let free = free as usize;
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
    pub(crate) fn get(&self, Spot(spot): Spot) -> Option<&T> {
        let spot = spot as usize;
        let chunk = self.chunks.get(spot / Self::CHUNK)?;
        chunk.room.get(spot % Self::CHUNK)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, Spot(spot): Spot) -> Option<&mut T> {
        let spot = spot as usize;
        let chunk = self.chunks.get_mut(spot / Self::CHUNK)?;
        chunk.room.get_mut(spot % Self::CHUNK)?.as_mut()
    }

    /// Has it fetched: it will be looked at.
    pub(crate) fn fetch(&self, Spot(spot): Spot) {
        let spot = spot as usize;
        if let Some(chunk) = self.chunks.get(spot / Self::CHUNK) {
            fetch::value(&chunk.room, spot % Self::CHUNK);
        }
    }

    /// Gives it up.
    pub(crate) fn take(&mut self, Spot(spot): Spot) -> Option<T> {
        let place = spot as usize;
        let chunk = self.chunks.get_mut(place / Self::CHUNK)?;
        let value = chunk.room.get_mut(place % Self::CHUNK)?.take()?;
        self.free.push(spot);
        chunk.len -= 1;
        if chunk.len == 0 && chunk.is_used_up() {
            chunk.room = Vec::new();
        }
        Some(value)
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
    use std::collections::HashMap;

    use super::*;

    /// So large that a few lie in one piece of memory.
    type Large = [u32; 100];
    const CHUNK: usize = Slab::<Large>::CHUNK;

    #[test]
    fn what_was_added_is_there_until_it_is_taken() {
        let mut slab = Slab::default();
        let mut model = HashMap::new();
        let mut random = fastrand::Rng::with_seed(4);
        let mut most = 0;
        for number in 0..20_000_u32 {
            let value = [number; 100];
            let Spot(spot) = slab.add(value);
            assert_eq!(model.insert(spot, value), None);
            most = most.max(model.len());
            while random.u8(..5) > 2 {
                let spot = random.u32(..300);
                assert_eq!(slab.take(Spot(spot)), model.remove(&spot));
            }
        }
        assert!(most > 200 && slab.chunks.len() <= most.div_ceil(CHUNK));
        let there: usize = slab.chunks.iter().map(|chunk| chunk.len).sum();
        assert_eq!(there, model.len());
        for (&spot, value) in &mut model {
            assert_eq!(slab.get(Spot(spot)), Some(&*value));
            assert_eq!(slab.get_mut(Spot(spot)), Some(value));
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
