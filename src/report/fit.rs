//! Fits the cells of the table to a width: breaks them where they bear it, and shortens the paths.
//!
//! In: cells as they are. Out: cells with line feeds, and the blanks between columns. What is still too wide then is
//! broken anywhere by whoever draws the table.

use super::columns::{Break, CAPTURE, Head};

/// The cells of a table, and the blanks behind each column.
pub(super) struct Fitted {
    pub(super) cells: Vec<Vec<String>>,
    pub(super) blanks: u16,
}

/// One way to make a table narrower than the one before it.
struct Measure {
    /// What is broken.
    breaks: &'static [Break],
    /// The least that is left of a path.
    path: usize,
    blanks: u16,
}

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
    measure(
        &[Break::AtBlanks, Break::BehindCommas, Break::BeforePort],
        10,
        1,
    ),
];

const fn measure(breaks: &'static [Break], path: usize, blanks: u16) -> Measure {
    Measure {
        breaks,
        path,
        blanks,
    }
}

/// Takes the first measure with which the table is no wider than `width`, else the last one.
pub(super) fn fit(columns: &[&Head], cells: Vec<Vec<String>>, width: usize) -> Fitted {
    for measure in &MEASURES {
        let fitted = measure.take(columns, &cells, width);
        if total_width(columns, &fitted) <= width {
            return fitted;
        }
    }
    let last = MEASURES
        .last()
        .map(|measure| measure.take(columns, &cells, width));
    last.unwrap_or(Fitted { cells, blanks: 1 })
}

impl Measure {
    fn take(&self, columns: &[&Head], cells: &[Vec<String>], width: usize) -> Fitted {
        let broken = |cells: &Vec<String>| {
            columns
                .iter()
                .zip(cells)
                .map(|(column, text)| self.broken(column, text))
                .collect()
        };
        let mut fitted = Fitted {
            cells: cells.iter().map(broken).collect(),
            blanks: self.blanks,
        };
        let excess = total_width(columns, &fitted).saturating_sub(width);
        if excess > 0
            && columns
                .first()
                .is_some_and(|column| column.heading == CAPTURE)
        {
            self.shorten_paths(&mut fitted.cells, excess);
        }
        fitted
    }

    fn broken(&self, column: &Head, text: &str) -> String {
        match column.breaks {
            breaks if !self.breaks.contains(&breaks) => text.to_owned(),
            Break::Nowhere => text.to_owned(),
            Break::AtBlanks => text.replace(' ', "\n"),
            Break::BehindCommas => text.replace(", ", ",\n"),
            Break::BeforePort => match text.rsplit_once(':') {
                Some((ip, port)) => format!("{ip}\n:{port}"),
                None => text.to_owned(),
            },
        }
    }

    /// Takes what the table is too wide from the front of the paths: their ends tell more.
    fn shorten_paths(&self, cells: &mut [Vec<String>], excess: usize) {
        let paths = cells.iter().filter_map(|cells| cells.first());
        let longest = paths
            .map(|path| path.chars().count())
            .max()
            .unwrap_or_default();
        let kept = longest.saturating_sub(excess).max(self.path);
        for path in cells.iter_mut().filter_map(|cells| cells.first_mut()) {
            let length = path.chars().count();
            if length > kept {
                let end = path.chars().skip(length - kept + 1);
                *path = std::iter::once('…').chain(end).collect();
            }
        }
    }
}

fn total_width(columns: &[&Head], fitted: &Fitted) -> usize {
    let mut widths: Vec<usize> = columns
        .iter()
        .map(|column| text_width(column.heading))
        .collect();
    for cells in &fitted.cells {
        for (width, text) in widths.iter_mut().zip(cells) {
            *width = text_width(text).max(*width);
        }
    }
    widths
        .iter()
        .map(|width| width + usize::from(fitted.blanks))
        .sum()
}

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
        let fitted = fit(&columns, vec![cells.map(str::to_owned).into()], width);
        let total = total_width(&columns, &fitted);
        (fitted.cells.into_iter().flatten().collect(), total)
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
