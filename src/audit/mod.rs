//! What does it mean over many connections and captures?
//!
//! In: captures. Out: a compact [`Row`] for each connection that was asked for, a [`Reading`] for each capture, and
//! the [`Totals`] over all rows; where it is asked for, a [`Survey`] of what each server did. How they are shown is the
//! business of [`report`](crate::report).
//!
//! [`audit()`] does it on one thread, or on several by `pool`: a `hand` reads a capture and keeps some of its connections,
//! `crew` knows what its hands can do next, `merge` puts together what came of them.

mod captures;

mod crew;
mod hand;
mod merge;
mod numbers;
mod pool;

mod account;
mod finished;
mod judged;
mod reading;
mod row;
mod rows;
mod selection;
mod totals;
mod twice;

pub mod histogram;
pub mod least;

pub mod again;
pub mod client;
pub mod conclusions;
pub mod defaults;
pub mod event;
pub mod idle_timeout;
pub mod loss;
pub mod mismatch;
pub mod server;
mod sighting;
mod survey;

pub use captures::{Outcome, Plan, Surveying, Tell, Text, audit};
pub use reading::{BoundMet, Reading};
pub use row::{Extent, Row};
pub use rows::{Rows, SHARE};
pub use selection::{Selection, ServerFilter};
pub use sighting::Sighting;
pub use survey::{Survey, Watch};
pub use totals::Totals;
pub use twice::{Print, Twice};

pub use crate::written::Written;
