//! Fits the cells of the table to a width: breaks them where they bear it, and shortens the paths.
//!
//! In: the cells as they are, a row at a time, twice: once for the widths, and again to be fitted. No more than a row
//! is kept. Out: the cells with line feeds, the widths of the columns, and the blanks between them. What is still too
//! wide then is broken anywhere by whoever draws the table.

use super::columns::{Break, CAPTURE, Head};

/// How a table is drawn.
pub(super) struct Fit {
    /// Of the columns, without blanks.
    pub(super) widths: Vec<usize>,
    /// Behind each column.
    pub(super) blanks: u16,
    breaks: &'static [Break],
    /// How many characters are kept of a path.
    path: usize,
}

/// How wide the cells of a column are.
#[derive(Clone, Copy, Debug, Default)]
struct Width {
    /// As they are.
    whole: usize,
    /// Broken where they bear it.
    broken: usize,
}

/// One way to make a table narrower than the one before it.
struct Measure {
    /// What is broken.
    breaks: &'static [Break],
    /// The least that is left of a path.
    path: usize,
    blanks: u16,
}

/// The narrowest.
const LAST: Measure = measure(
    &[Break::AtBlanks, Break::BehindCommas, Break::BeforePort],
    10,
    1,
);

const MEASURES: [Measure; 6] = [
    measure(&[], 16, 2),
    measure(&[Break::AtBlanks], 16, 2),
    measure(&[Break::AtBlanks, Break::BehindCommas], 16, 2),
    measure(
        &[Break::AtBlanks, Break::BehindCommas, Break::BeforePort],
        16,
        2,
    ),
    measure(
        &[Break::AtBlanks, Break::BehindCommas, Break::BeforePort],
        16,
        1,
    ),
    LAST,
];

const fn measure(breaks: &'static [Break], path: usize, blanks: u16) -> Measure {
    Measure {
        breaks,
        path,
        blanks,
    }
}

/// The first measure with which the table is no wider than `width`, else the last one, with columns made narrower.
/// Without a width, nothing is changed.
pub(super) fn fit(
    heads: &[&Head],
    rows: impl Iterator<Item = Vec<String>>,
    width: Option<usize>,
    blanks: u16,
) -> Fit {
    let widths = measured(heads, rows);
    let Some(width) = width else {
        return Fit {
            widths: widths.iter().map(|width| width.whole).collect(),
            blanks,
            breaks: &[],
            path: usize::MAX,
        };
    };
    let mut fits = MEASURES
        .iter()
        .map(|measure| measure.take(heads, &widths, width));
    let first = fits.find(|fit| fit.total() <= width);
    let mut fit = first.unwrap_or_else(|| LAST.take(heads, &widths, width));
    fit.narrow(width);
    fit
}

fn measured(heads: &[&Head], rows: impl Iterator<Item = Vec<String>>) -> Vec<Width> {
    let of_heading = |head: &&Head| {
        let width = text_width(head.heading);
        Width {
            whole: width,
            broken: width,
        }
    };
    let mut widths: Vec<Width> = heads.iter().map(of_heading).collect();
    for cells in rows {
        for ((width, head), text) in widths.iter_mut().zip(heads).zip(&cells) {
            width.whole = width.whole.max(text_width(text));
            width.broken = width.broken.max(text_width(&head.breaks.within(text)));
        }
    }
    widths
}

impl Measure {
    fn take(&self, heads: &[&Head], measured: &[Width], width: usize) -> Fit {
        let of_column = |(head, width): (&&Head, &Width)| {
            if self.breaks.contains(&head.breaks) {
                width.broken
            } else {
                width.whole
            }
        };
        let mut fit = Fit {
            widths: heads.iter().zip(measured).map(of_column).collect(),
            blanks: self.blanks,
            breaks: self.breaks,
            path: usize::MAX,
        };
        let excess = fit.total().saturating_sub(width);
        let has_paths = heads.first().is_some_and(|head| head.heading == CAPTURE);
        if excess > 0
            && has_paths
            && let Some(longest) = fit.widths.first_mut()
        {
            // What the table is too wide is taken from the paths.
            fit.path = longest.saturating_sub(excess).max(self.path);
            *longest = fit.path.min(*longest);
        }
        fit
    }
}

impl Fit {
    /// The cells of a row as they are drawn.
    pub(super) fn cells(&self, heads: &[&Head], cells: Vec<String>) -> Vec<String> {
        let fitted = |(head, text): (&&Head, String)| {
            if head.heading == CAPTURE {
                self.path_end(text)
            } else if self.breaks.contains(&head.breaks) {
                head.breaks.within(&text)
            } else {
                text
            }
        };
        heads.iter().zip(cells).map(fitted).collect()
    }

    /// The end of a path: it tells more than its front.
    fn path_end(&self, path: String) -> String {
        let length = path.chars().count();
        if length <= self.path {
            return path;
        }
        let end = path.chars().skip(length - self.path + 1);
        std::iter::once('…').chain(end).collect()
    }

    fn total(&self) -> usize {
        let blanks = usize::from(self.blanks) * self.widths.len();
        self.widths.iter().sum::<usize>() + blanks
    }

    /// Takes from the widest columns what the table is still too wide.
    fn narrow(&mut self, width: usize) {
        for _ in width..self.total() {
            if let Some(widest) = self.widths.iter_mut().max()
                && *widest > NARROWEST
            {
                *widest -= 1;
            }
        }
    }
}

/// A column is not made narrower than this.
const NARROWEST: usize = 4;

/// Of its widest line.
fn text_width(text: &str) -> usize {
    text.split('\n')
        .map(textwrap::core::display_width)
        .max()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Reading, Totals};
    use crate::report::columns::columns;
    use crate::report::document::Document;

    /// A row of this capture, fitted to a width: its lines per cell, and the width that it takes.
    fn fitted(path: &str, width: usize) -> (Vec<String>, usize) {
        let document = Document {
            readings: &[Reading::default(), Reading::default()],
            rows: &[],
            totals: &Totals::default(),
        };
        let columns: Vec<&Head> = columns(&document).map(|column| &column.head).collect();
        let cells = [
            path,
            "0",
            "192.168.100.100:50860",
            "10.0.0.1:8080",
            "1.1",
            "1/1",
            "timeout=5, max=100",
            "-",
            "5.005 s",
            "server FIN",
            "violation",
        ];
        let cells: Vec<String> = cells.map(str::to_owned).into();
        let fit = fit(&columns, std::iter::once(cells.clone()), Some(width), 2);
        let total = fit.total();
        (fit.cells(&columns, cells), total)
    }

    #[test]
    fn where_there_is_room_nothing_is_changed() {
        let (cells, _) = fitted("captures/a-long-name.pcap", 200);
        assert_eq!(cells[0], "captures/a-long-name.pcap");
        assert!(cells.iter().all(|cell| !cell.contains('\n')));
    }

    #[test]
    fn the_ends_of_paths_are_kept() {
        let (cells, total) = fitted("captures/a-long-name.pcap", 140);
        assert_eq!((cells[0].as_str(), total), ("…s/a-long-name.pcap", 140));
        assert_eq!(cells[9], "server FIN");
    }

    #[test]
    fn cells_are_broken_where_they_bear_it() {
        let (cells, total) = fitted("a.pcap", 100);
        assert!(total <= 100);
        assert_eq!(cells[2], "192.168.100.100\n:50860");
        assert_eq!(cells[6], "timeout=5,\nmax=100");
        assert_eq!(cells[9], "server\nFIN");
    }

    #[test]
    fn what_fits_with_no_measure_gets_the_last() {
        let (cells, total) = fitted("captures/a-long-name.pcap", 40);
        assert!(total > 40);
        assert_eq!(cells[0], "…name.pcap");
    }
}
