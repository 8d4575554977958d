//! What text is fitted to: the width, the colours and the patience of whoever reads it.

use std::borrow::Cow;

use anstyle::{AnsiColor, Style};

use crate::rules::{Level, Verdict};

/// How text for people is to look.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// The width to fit it to; `None` for as wide as it is.
    pub width: Option<u16>,
    /// Whether it has colours.
    pub colour: Colour,
    /// How much is said.
    pub detail: Detail,
    /// What drawings are made of.
    pub symbols: Symbols,
}

/// Which characters can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symbols {
    /// All of them.
    Unicode,
    /// ASCII alone.
    Ascii,
}

impl Symbols {
    /// The text with everything else written out.
    pub(super) fn written(self, text: &str) -> Cow<'_, str> {
        if self == Symbols::Unicode || text.is_ascii() {
            return Cow::Borrowed(text);
        }
        let mut written = String::with_capacity(text.len() + 16);
        for character in text.replace('µ', "u").chars() {
            match character.is_ascii() {
                true => written.push(character),
                false => written.extend(character.escape_unicode()),
            }
        }
        Cow::Owned(written)
    }
}

/// Whether text has colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// It has none.
    Plain,
    /// By ANSI escape sequences.
    Ansi,
}

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// What everybody wants to know.
    Usual,
    /// What helps to look into it, too.
    Verbose,
}

/// Text is not made wider than this, which is as much as the eye follows.
pub(super) const READABLE: u16 = 100;

impl Look {
    /// The lines of a text, each behind this indent.
    pub(super) fn wrapped(&self, text: &str, indent: &str) -> Vec<String> {
        let Some(width) = self.width else {
            return vec![format!("{indent}{text}")];
        };
        wrapped(text, indent, width)
    }
}

/// The lines of a text no wider than this, each behind this indent.
pub(super) fn wrapped(text: &str, indent: &str, width: u16) -> Vec<String> {
    let options = textwrap::Options::new(width.min(READABLE).into())
        .initial_indent(indent)
        .subsequent_indent(indent)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    let lines = textwrap::wrap(text, options);
    lines.into_iter().map(Cow::into_owned).collect()
}

impl Colour {
    /// The text in this style.
    pub(super) fn paint(self, style: Style, text: &str) -> String {
        match self {
            Colour::Plain => text.to_owned(),
            Colour::Ansi => format!("{style}{text}{style:#}"),
        }
    }
}

/// Headings and names.
pub(super) const STRONG: Style = Style::new().bold();

/// What matters least.
pub(super) const FAINT: Style = Style::new().dimmed();

/// The colour of a verdict.
pub(super) fn verdict_colour(verdict: Verdict) -> AnsiColor {
    match verdict {
        Verdict::Ok => AnsiColor::Green,
        Verdict::Unknown => AnsiColor::Cyan,
        Verdict::Warning => AnsiColor::Yellow,
        Verdict::Violation => AnsiColor::Red,
    }
}

/// How the level of a finding looks.
pub(super) fn level_style(level: Level) -> Style {
    match level {
        Level::Note => FAINT,
        Level::Warning => AnsiColor::Yellow.on_default().bold(),
        Level::Violation => AnsiColor::Red.on_default().bold(),
    }
}
