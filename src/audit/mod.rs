//! What does it mean over many connections and captures?
//!
//! In: captures. Out: a compact [`Row`] for each connection that was asked for, a [`Reading`] for
//! each capture, and the [`Totals`] over all rows. How they are shown is the business of [`report`](crate::report).

mod captures;
mod reading;
mod row;
mod selection;
mod totals;

pub use captures::{Outcome, Plan, audit};
pub use reading::{BoundMet, Reading};
pub use row::{Extent, Row};
pub use selection::{Selection, ServerFilter};
pub use totals::Totals;
