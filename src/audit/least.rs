//! A map that keeps the entries with the least keys, so that its size has a bound.
//!
//! Whatever is kept in the end was kept all along, and so is exact, in whatever order entries came and parts were
//! united. What was not kept shows only in sums that stand elsewhere.

use std::collections::BTreeMap;

/// The entries with the `MOST` least keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Least<K, V, const MOST: usize>(BTreeMap<K, V>);

impl<K, V, const MOST: usize> Default for Least<K, V, MOST> {
    fn default() -> Self {
        Least(BTreeMap::new())
    }
}

impl<K: Ord + Clone, V: Default, const MOST: usize> Least<K, V, MOST> {
    /// The entry of this key, made if need be; `None` where it is not among the least.
    pub fn entry(&mut self, key: &K) -> Option<&mut V> {
        if !self.0.contains_key(key) {
            self.0.insert(key.clone(), V::default());
            if self.0.len() > MOST {
                self.0.pop_last();
            }
        }
        self.0.get_mut(key)
    }

    /// The entries, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter()
    }

    /// Adds the entries of another one, those with the same key by `unite`.
    pub fn merge(&mut self, other: Self, mut unite: impl FnMut(&mut V, V)) {
        for (key, value) in other.0 {
            if let Some(entry) = self.entry(&key) {
                unite(entry, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Few = Least<u32, u64, 3>;

    fn of(keys: &[u32]) -> Few {
        let mut few = Few::default();
        for key in keys {
            if let Some(count) = few.entry(key) {
                *count += 1;
            }
        }
        few
    }

    #[test]
    fn what_is_kept_is_exact_however_it_was_put_together() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..200 {
            let mut keys: Vec<u32> = (0..20).map(|_| random.u32(0..8)).collect();
            let whole = of(&keys);
            random.shuffle(&mut keys);
            let (one, other) = keys.split_at(random.usize(0..20));
            let mut united = of(one);
            united.merge(of(other), |entry, count| *entry += count);
            assert_eq!(united, whole);
        }
        let kept: Vec<_> = of(&[7, 3, 3, 5, 1, 7])
            .iter()
            .map(|(&k, &v)| (k, v))
            .collect();
        assert_eq!(kept, [(1, 1), (3, 2), (5, 1)]);
    }
}
