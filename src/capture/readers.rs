//! Several who read the same.

use std::iter;

/// What each of those has who read the same at once: at least one.
#[derive(Debug)]
pub struct Readers<T> {
    /// Of the first.
    pub first: T,
    /// Of the others.
    pub others: Vec<T>,
}

impl<T> Readers<T> {
    /// What is made of what each has, the first before the others.
    pub fn map<U>(self, mut make: impl FnMut(T) -> U) -> Readers<U> {
        Readers {
            first: make(self.first),
            others: self.others.into_iter().map(make).collect(),
        }
    }

    /// The first, then the others.
    pub fn each(self) -> impl Iterator<Item = T> {
        iter::once(self.first).chain(self.others)
    }

    /// The same for one and so many others.
    pub(super) fn and(others: usize, mut make: impl FnMut() -> T) -> Self {
        Readers {
            first: make(),
            others: iter::repeat_with(make).take(others).collect(),
        }
    }
}

impl<T, E> Readers<Result<T, E>> {
    /// An error is one of all.
    pub(super) fn all(self) -> Result<Readers<T>, E> {
        Ok(Readers {
            first: self.first?,
            others: self.others.into_iter().collect::<Result<_, _>>()?,
        })
    }
}
