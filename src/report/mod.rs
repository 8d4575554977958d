//! How does a person or a program read it?
//!
//! In: the [`Document`], or one [`Row`](crate::audit::Row) of it. Out: text, one file a format. Where it goes is the business of the
//! program.
//!
//! `record` is what other programs rely on and what JSON and CSV are made of; `columns` is what people read, and
//! what the table and Markdown are made of. Each format escapes in one place what comes off the wire.

mod document;
mod object;
mod record;
mod value;

mod csv;
mod json;
mod junit;
#[cfg(feature = "parquet")]
mod parquet;
mod sarif;

mod columns;
mod comments;
mod duration;
mod escape;
mod fit;
mod look;
mod markdown;
mod rules;
mod story;
mod table;
mod unknown;
mod words;

mod advice;
mod by_capture;
mod by_server;
mod listing;

mod page;

pub use self::csv::write_csv;
pub use by_capture::ByCapture;
pub use by_server::ByServer;
pub use comments::comment_on;
pub use document::Document;
pub use escape::for_terminal;
pub use json::{NdjsonLines, SCHEMA, add_ndjson_story, write_json};
pub use junit::write_junit;
pub use listing::{
    Listing, write_listing_csv, write_listing_json, write_listing_markdown, write_listing_ndjson,
    write_listing_table,
};
pub use look::{Colour, Detail, Look, Symbols};
pub use markdown::write_markdown;
pub(crate) use object::write_value;
pub use page::{Shown, write_page};
#[cfg(feature = "parquet")]
pub use parquet::{write_listing_parquet, write_parquet};
pub use rules::{write_explanation, write_rules};
pub use sarif::write_sarif;
pub use story::write_story;
pub use table::write_table;
