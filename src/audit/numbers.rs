//! The numbers of connections that are not finished.
//!
//! In: the frames with which connections begin, in order, and those of connections that are finished, in any. Out:
//! numbers, in the order in which connections began. Mostly those are finished first that began first.

use std::collections::VecDeque;

/// Numbers connections from 0, by the frames with which they began.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// By frame. The first is not finished.
    begun: VecDeque<Begun>,
    next: u64,
    finished: usize,
}

#[derive(Clone, Copy, Debug)]
struct Begun {
    frame: u64,
    /// `None` once it is finished.
    number: Option<u64>,
}

impl Numbers {
    /// A connection begins with this frame, which is higher than all before.
    pub(super) fn give(&mut self, frame: u64) {
        self.begun.push_back(Begun {
            frame,
            number: Some(self.next),
        });
        self.next += 1;
    }

    /// The number of the connection that began with this frame, if that has not been taken yet.
    pub(super) fn take(&mut self, frame: u64) -> Option<u64> {
        let place = self.place(frame);
        let begun = self.begun.get_mut(place)?;
        let number = begun.number.take_if(|_| begun.frame == frame)?;
        self.finished += 1;
        self.drop_finished();
        Some(number)
    }

    /// How many began before this frame. That is looked for from the front on.
    fn place(&self, frame: u64) -> usize {
        let is_before = |place: usize| self.begun.get(place).is_some_and(|one| one.frame < frame);
        let (mut low, mut high) = (0, 0);
        while is_before(high) {
            low = high + 1;
            high = 2 * high + 1;
        }
        while low < high {
            let middle = low + (high - low) / 2;
            match is_before(middle) {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        low
    }

    /// Those that are finished are no more than those that are not, and a few.
    fn drop_finished(&mut self) {
        while self
            .begun
            .pop_front_if(|one| one.number.is_none())
            .is_some()
        {
            self.finished -= 1;
        }
        if self.finished > self.begun.len() / 2 + FEW {
            self.begun.retain(|one| one.number.is_some());
            self.finished = 0;
        }
    }

    /// The frames with which those that are not finished began, in order.
    pub(super) fn frames(&self) -> impl Iterator<Item = u64> {
        let open = self.begun.iter().filter(|one| one.number.is_some());
        open.map(|one| one.frame)
    }
}

/// So many finished ones are no matter.
const FEW: usize = 1024;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn it_does_what_a_map_does_and_stays_as_small() {
        for seed in 0..20 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut numbers = Numbers::default();
            let mut model = BTreeMap::new();
            let (mut frame, mut next) = (0, 0);
            for _ in 0..20_000 {
                frame += random.u64(1..4);
                if random.u8(..100) < 55 {
                    numbers.give(frame);
                    model.insert(frame, next);
                    next += 1;
                    continue;
                }
                // Mostly one of the first, now and then any, or one that never was.
                let few = if random.bool() { 3 } else { model.len() };
                let nth = random.usize(..few.max(1));
                let known = model.keys().nth(nth).copied();
                let asked = known.filter(|_| random.u8(..20) > 0).unwrap_or(frame);
                assert_eq!(numbers.take(asked), model.remove(&asked), "seed {seed}");
                assert!(numbers.begun.len() <= 2 * model.len() + 2 * FEW + 2);
            }
            assert!(numbers.frames().eq(model.keys().copied()));
        }
    }
}
