//! Room for many values of one kind, of which some go and others come.
//!
//! In: values. Out: places to find them by. There is no piece of memory for each of them, to be found, led to and given
//! back; room that became free is used again.

/// So many values lie in one piece of memory.
const CHUNK: usize = 32;

/// The values, by their places.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    /// All but the last are full.
    chunks: Vec<Vec<Option<T>>>,
    free: Vec<u32>,
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
    /// Keeps it. There is room for 2 to the power of 32.
    pub(crate) fn add(&mut self, value: T) -> Spot {
        if let Some(free) = self.free.pop() {
            let spot = Spot(free);
            if let Some(room) = self.room(spot) {
                *room = Some(value);
            }
            return spot;
        }
        if self.chunks.last().is_none_or(|last| last.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let before = (self.chunks.len() - 1) * CHUNK;
        match self.chunks.last_mut() {
            Some(last) => {
                last.push(Some(value));
                Spot((before + last.len() - 1) as u32)
            }
            None => Spot(0),
        }
    }

    fn room(&mut self, Spot(spot): Spot) -> Option<&mut Option<T>> {
        let spot = spot as usize;
        self.chunks.get_mut(spot / CHUNK)?.get_mut(spot % CHUNK)
    }

    #[inline]
    pub(crate) fn get(&self, Spot(spot): Spot) -> Option<&T> {
        let spot = spot as usize;
        self.chunks.get(spot / CHUNK)?.get(spot % CHUNK)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, spot: Spot) -> Option<&mut T> {
        self.room(spot)?.as_mut()
    }

    /// Drops it where it lies.
    pub(crate) fn remove(&mut self, spot: Spot) {
        if let Some(room) = self.room(spot)
            && room.take().is_some()
        {
            self.free.push(spot.0);
        }
    }

    /// Gives it up.
    pub(crate) fn take(&mut self, spot: Spot) -> Option<T> {
        let value = self.room(spot)?.take()?;
        self.free.push(spot.0);
        Some(value)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Spot, &T)> {
        let places = (0..).map(Spot);
        let all = places.zip(self.chunks.iter().flatten());
        all.filter_map(|(spot, value)| Some((spot, value.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn what_was_added_is_there_until_it_is_taken() {
        let mut slab = Slab::default();
        let mut model = HashMap::new();
        let mut random = fastrand::Rng::with_seed(4);
        let mut most = 0;
        for number in 0..20_000_u32 {
            let Spot(spot) = slab.add(number);
            assert_eq!(model.insert(spot, number), None);
            most = most.max(model.len());
            while random.u8(..5) > 2 {
                let spot = random.u32(..300);
                if random.bool() {
                    assert_eq!(slab.take(Spot(spot)), model.remove(&spot));
                } else {
                    slab.remove(Spot(spot));
                    model.remove(&spot);
                }
            }
        }
        assert!(most > 200 && slab.chunks.len() <= most.div_ceil(CHUNK));
        let all: HashMap<_, _> = slab.iter().map(|(spot, &value)| (spot.0, value)).collect();
        assert_eq!(all, model);
        for (&spot, value) in &mut model {
            assert_eq!(slab.get(Spot(spot)), Some(&*value));
            assert_eq!(slab.get_mut(Spot(spot)), Some(value));
        }
    }
}
