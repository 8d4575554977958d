//! Unites partial results.
//!
//! In: any number of them, in any order. Out: what came of all their captures, each once, in byte order of their paths
//! (of a recording in several files that which comes first): the order in which those of a directory are read.
//!
//! A capture is known by its path. Where several parts have it, they must tell the same of it, octet by octet; where
//! one could not read it and another could, it was read.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::error::{PartError, Reason};
use super::index::{Block, Came, Line, index};
use super::manifest::Manifest;
use crate::audit::{Extent, Outcome, Reading, Selection, Surveying};
use crate::capture::{OpenError, Problem, Source};

/// Partial results that go together.
#[derive(Debug)]
pub struct Union {
    manifest: Manifest,
    /// The part that the manifest is from.
    first: PathBuf,
    /// By the octets of the path.
    blocks: BTreeMap<Vec<u8>, Block>,
}

/// What of it is wanted.
#[derive(Clone, Debug)]
pub struct Replay {
    /// Which connections, of those that are there.
    pub selection: Selection,
    /// How much of each is needed; there may be more.
    pub extent: Extent,
    /// Whether a survey is made of them.
    pub survey: Surveying,
}

/// Looks through these partial results; `None` where there are none.
///
/// # Errors
///
/// Where one is not what it should be, or does not go with the others.
pub fn unite(paths: &[PathBuf]) -> Result<Option<Union>, PartError> {
    let mut union: Option<Union> = None;
    for path in paths {
        let (manifest, blocks) = index(path)?;
        let union = union.get_or_insert_with(|| Union {
            manifest: manifest.clone(),
            first: path.clone(),
            blocks: BTreeMap::new(),
        });
        if let Some(option) = union.manifest.difference(&manifest) {
            let other = Reason::Option(option, union.first.clone());
            return Err(PartError::new(path, other));
        }
        blocks.into_iter().try_for_each(|block| union.add(block))?;
    }
    union.map(Union::without_overlaps).transpose()
}

impl Union {
    /// How many captures there are, also those that could not be read.
    pub fn captures(&self) -> usize {
        self.blocks.len()
    }

    fn add(&mut self, block: Block) -> Result<(), PartError> {
        let mut known = match self.blocks.entry(place(&block.source)) {
            Entry::Vacant(place) => {
                place.insert(block);
                return Ok(());
            }
            Entry::Occupied(known) => known,
        };
        match (&known.get().came, &block.came) {
            (Came::Read, Came::Read) if known.get().is_same(&block)? => {}
            (Came::Read, Came::Read) => return Err(contradiction(known.get(), &block)),
            // A reading goes before the lack of it, and of two reasons it is the same one in any order.
            (came, other) if came <= other => {}
            _ => _ = known.insert(block),
        }
        Ok(())
    }

    /// Each file must be in one capture: else its packets would count twice.
    fn without_overlaps(self) -> Result<Self, PartError> {
        let mut owners: BTreeMap<&Path, &Block> = BTreeMap::new();
        let read = self.blocks.values();
        for block in read.filter(|block| block.came == Came::Read) {
            for path in files(&block.source) {
                if let Some(other) = owners.insert(path, block)
                    && !Rc::ptr_eq(&other.part, &block.part)
                {
                    return Err(contradiction(other, block));
                }
            }
        }
        Ok(self)
    }

    /// Hands on what came of each capture, as an audit does.
    ///
    /// # Errors
    ///
    /// Those of `take`; and where parts lack what is wanted, or are no longer what they were.
    pub fn replay<E: From<PartError>>(
        &self,
        wanted: &Replay,
        take: &mut impl FnMut(&Source, Outcome<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let lacks = self
            .manifest
            .lacks(&wanted.selection.protocols, wanted.extent);
        if let Some(option) = lacks {
            return Err(PartError::new(&self.first, Reason::Lacks(option)).into());
        }
        let mut readings = 0;
        for block in self.blocks.values() {
            match &block.came {
                Came::Read => {
                    let reading = replay(block, readings, wanted, take)?;
                    take(&block.source, Outcome::Read(reading.into(), Box::default()))?;
                    readings += 1;
                }
                Came::Unreadable(why) => {
                    let path = block.source.path().to_owned();
                    let problem = Problem::Told(why.clone());
                    let error = OpenError { path, problem };
                    take(&block.source, Outcome::Unreadable(error))?;
                }
            }
        }
        Ok(())
    }
}

/// Hands on the connections of a capture that was read.
fn replay<E: From<PartError>>(
    block: &Block,
    number: usize,
    wanted: &Replay,
    take: &mut impl FnMut(&Source, Outcome<'_>) -> Result<(), E>,
) -> Result<Reading, E> {
    let mut lines = block.lines()?;
    loop {
        match lines.next()? {
            Line::Row(mut row, sighting) if wanted.selection.includes(&row) => {
                row.capture = number;
                let sighting = sighting.filter(|_| wanted.survey == Surveying::Asked);
                take(&block.source, Outcome::Row(row, sighting))?;
            }
            Line::Row(..) => {}
            Line::Read(mut reading) => {
                reading.path = block.source.path().to_owned();
                return Ok(*reading);
            }
            _ => return Err(lines.wrong("it has no place here").into()),
        }
    }
}

fn files(source: &Source) -> impl Iterator<Item = &Path> {
    let parts = source.parts().iter().map(|part| part.path.as_path());
    let single = source.parts().is_empty().then(|| source.path());
    parts.chain(single)
}

/// Where a capture stands among others.
fn place(source: &Source) -> Vec<u8> {
    let octets = files(source).map(|path| path.as_os_str().as_encoded_bytes());
    octets.min().unwrap_or_default().to_owned()
}

fn contradiction(one: &Block, other: &Block) -> PartError {
    let capture = other.source.path().to_owned();
    let reason = Reason::Contradiction(capture, one.part.to_path_buf());
    PartError::new(&other.part, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Plan;
    use crate::capture::Part;
    use crate::partial::Writer;
    use crate::rules::Settings;
    use std::sync::Arc;

    fn recording(paths: &[&str]) -> Source {
        let part = |(number, path): (usize, &&str)| Part {
            path: path.into(),
            frames_before: number as u64,
        };
        Source::Parts(paths.iter().enumerate().map(part).collect())
    }

    fn written(folder: &Path, name: &str, sources: &[Source]) -> PathBuf {
        let plan = Plan {
            settings: Settings::default(),
            selection: Selection::default(),
            extent: Extent::Connection,
            survey: Surveying::Asked,
            memory: 1 << 20,
            threads: std::num::NonZeroUsize::MIN,
            tell: None,
            monitor: Arc::default(),
        };
        let mut writer = Writer::new(Vec::new(), &Manifest::of(&plan)).unwrap();
        for source in sources {
            writer.read(source, &Reading::default()).unwrap();
        }
        let path = folder.join(name);
        std::fs::write(&path, writer.finish().unwrap()).unwrap();
        path
    }

    fn order(parts: &[PathBuf]) -> Result<Vec<Source>, PartError> {
        let wanted = Replay {
            selection: Selection::default(),
            extent: Extent::Connection,
            survey: Surveying::NotAsked,
        };
        let mut order = Vec::new();
        let union = unite(parts)?.unwrap();
        union.replay(&wanted, &mut |source, outcome| {
            assert!(matches!(outcome, Outcome::Read(reading, _) if reading.path == source.path()));
            order.push(source.clone());
            Ok::<(), PartError>(())
        })?;
        Ok(order)
    }

    #[test]
    fn a_recording_stands_where_the_least_of_its_paths_does() {
        let folder = tempfile::tempdir().unwrap();
        let [b, d] = ["b", "d"].map(|path| Source::File(path.into()));
        // A ring that begins anew is read from its middle on.
        let ring = recording(&["c3", "c1", "c2"]);
        let one = written(folder.path(), "one", &[d.clone(), ring.clone()]);
        let other = written(folder.path(), "other", &[ring.clone(), b.clone()]);
        let expected = [b, ring, d];
        for parts in [[one.clone(), other.clone()], [other, one]] {
            assert_eq!(order(&parts).unwrap(), expected);
        }
    }

    #[test]
    fn a_file_is_in_one_recording() {
        let folder = tempfile::tempdir().unwrap();
        let sources = [
            recording(&["c3", "c1", "c2"]),
            recording(&["c1", "c2"]),
            recording(&["c2", "c4"]),
            Source::File("c2".into()),
        ];
        let parts: Vec<PathBuf> = (0..)
            .zip(&sources)
            .map(|(number, source)| {
                written(
                    folder.path(),
                    &number.to_string(),
                    std::slice::from_ref(source),
                )
            })
            .collect();
        for (number, one) in parts.iter().enumerate() {
            for other in parts.iter().skip(number + 1) {
                let error = order(&[one.clone(), other.clone()]).unwrap_err();
                assert!(error.to_string().contains("something else of the capture"));
            }
        }
    }
}
