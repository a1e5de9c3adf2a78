//! Lays a table out in the columns there are: less important columns go first, numbers never break.
//!
//! The live view and the plain text share it, so both show the same cells.

use super::output::Level;
use super::text::{cut_middle, fit, width};

/// Space between two columns.
const GAP: usize = 2;
/// What the first column keeps before others are left out for it: a third of the line, up to this.
const COMFORTABLE: usize = 28;
/// What it keeps at the very least.
const LEAST: usize = 6;

/// A column's heading and its behaviour when space is short.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) title: &'static str,
    /// Numbers stand at the right.
    pub(crate) right: bool,
    /// The highest goes first.
    pub(crate) drop: u8,
}

impl Column {
    /// A column of numbers.
    pub(crate) const fn number(title: &'static str, drop: u8) -> Self {
        Self {
            title,
            right: true,
            drop,
        }
    }

    /// A column of text.
    pub(crate) const fn text(title: &'static str, drop: u8) -> Self {
        Self {
            title,
            right: false,
            drop,
        }
    }
}

/// What stands in one cell.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) level: Level,
}

impl Cell {
    pub(crate) fn new(text: impl Into<String>, level: Level) -> Self {
        Self {
            text: text.into(),
            level,
        }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::new(text, Level::Plain)
    }
}

/// Rows under columns; the first column names the row and is the flexible one.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) columns: &'static [Column],
    pub(crate) rows: Vec<Vec<Cell>>,
}

/// A table whose every line has the same width.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Laid {
    pub(crate) header: Vec<Cell>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Lays it out in `columns` columns. With `fill`, the first column takes all that is left.
    pub(crate) fn lay(&self, columns: usize, fill: bool) -> Laid {
        let mut widths = self.natural_widths();
        let mut kept: Vec<usize> = (0..widths.len()).collect();
        let natural = widths.first().copied().unwrap_or(0);
        squeeze(&mut widths, &kept, columns, COMFORTABLE.min(columns / 3));
        while needed(&widths, &kept) > columns && kept.len() > 2 {
            let last = (1..kept.len()).max_by_key(|&place| self.columns[kept[place]].drop);
            kept.remove(last.unwrap_or(1));
        }
        if let Some(first) = widths.first_mut() {
            // What the dropped columns freed is the name's.
            *first = natural;
        }
        squeeze(&mut widths, &kept, columns, LEAST);
        let spare = columns.saturating_sub(needed(&widths, &kept));
        if fill && let Some(first) = widths.first_mut() {
            *first += spare;
        }
        let laid = |index: usize, text: &str| {
            fit(
                &shorten(index, text, widths[index]),
                widths[index],
                self.columns[index].right,
            )
        };
        Laid {
            header: kept
                .iter()
                .map(|&index| Cell::new(laid(index, self.columns[index].title), Level::Faint))
                .collect(),
            rows: self
                .rows
                .iter()
                .map(|row| {
                    kept.iter()
                        .filter_map(|&index| {
                            row.get(index)
                                .map(|cell| Cell::new(laid(index, &cell.text), cell.level))
                        })
                        .collect()
                })
                .collect(),
        }
    }

    fn natural_widths(&self) -> Vec<usize> {
        let widest = |index: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(index))
                .map(|cell| width(&cell.text))
                .max()
                .unwrap_or(0)
        };
        self.columns
            .iter()
            .enumerate()
            .map(|(index, column)| widest(index).max(width(column.title)))
            .collect()
    }
}

/// A name is cut in its middle.
fn shorten(index: usize, text: &str, columns: usize) -> String {
    if index == 0 {
        cut_middle(text, columns)
    } else {
        text.to_owned()
    }
}

/// Makes the first column narrower, down to `least`, as far as the line is too long.
fn squeeze(widths: &mut [usize], kept: &[usize], columns: usize, least: usize) {
    let over = needed(widths, kept).saturating_sub(columns);
    if let Some(first) = widths.first_mut() {
        *first -= over.min(first.saturating_sub(least));
    }
}

fn needed(widths: &[usize], kept: &[usize]) -> usize {
    kept.iter().map(|&index| widths[index]).sum::<usize>() + GAP * kept.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    static COLUMNS: [Column; 3] = [
        Column::text("name", 0),
        Column::number("count", 1),
        Column::number("max", 2),
    ];

    fn table(name: &str) -> Table {
        let row = [name, "1,234", "2.00 s"].map(|text| Cell::from(text.to_owned()));
        Table {
            columns: &COLUMNS,
            rows: vec![row.to_vec()],
        }
    }

    fn line(cells: &[Cell]) -> String {
        cells
            .iter()
            .map(|cell| cell.text.as_str())
            .collect::<Vec<_>>()
            .join("  ")
    }

    #[test]
    fn numbers_stand_right_and_names_left() {
        let laid = table("analyze").lay(80, false);
        assert_eq!(line(&laid.header), "name     count     max");
        assert_eq!(line(&laid.rows[0]), "analyze  1,234  2.00 s");
        assert_eq!(
            line(&table("analyze").lay(30, true).rows[0]),
            "analyze          1,234  2.00 s"
        );
    }

    #[test]
    fn the_name_gives_way_first_then_the_least_important_column() {
        let name = "a very long name of an operation";
        assert_eq!(
            line(&table(name).lay(34, false).rows[0]),
            "a very lo…operation  1,234  2.00 s"
        );
        assert_eq!(
            line(&table(name).lay(23, false).rows[0]),
            "a ve…ion  1,234  2.00 s"
        );
        assert_eq!(
            line(&table(name).lay(20, false).rows[0]),
            "a very…ration  1,234"
        );
        assert_eq!(line(&table(name).lay(12, false).rows[0]), "a ver…  1,234");
    }

    #[test]
    fn no_line_is_wider_than_asked_while_two_columns_fit() {
        for columns in 13..90 {
            for name in [
                "x",
                "分析分析分析分析分析分析",
                "a very long name of an operation",
            ] {
                let laid = table(name).lay(columns, true);
                assert_eq!(width(&line(&laid.rows[0])), columns, "{columns} {name}");
            }
        }
    }
}
