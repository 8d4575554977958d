//! Several who read the same.

/// What each of those has who read the same at once, of whom the first must be ahead of the others: what the others
/// have not read yet of what it has read may be kept in memory.
#[derive(Debug)]
pub struct Readers<T> {
    /// Of the first.
    pub leader: T,
    /// Of the others.
    pub followers: Vec<T>,
}

impl<T> Readers<T> {
    /// Makes something else of it for each, the first before the others.
    pub(super) fn map<U>(self, mut make: impl FnMut(T) -> U) -> Readers<U> {
        Readers {
            leader: make(self.leader),
            followers: self.followers.into_iter().map(make).collect(),
        }
    }
}

impl<T, E> Readers<Result<T, E>> {
    /// An error is one of all.
    pub(super) fn all(self) -> Result<Readers<T>, E> {
        Ok(Readers {
            leader: self.leader?,
            followers: self.followers.into_iter().collect::<Result<_, _>>()?,
        })
    }
}
