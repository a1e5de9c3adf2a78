//! The picture as plain text: one whole frame, or one line.

use std::fmt::Write as _;

use super::light::Light;
use super::model::Picture;
use super::output::{Level, paint};
use super::table::{Cell, Table};
use super::text::{cut, cut_middle, fit, width};

/// The longest bar of the errors by type.
const BAR: usize = 20;
/// How many operations, instruments and errors a frame lists.
const MOST_OPERATIONS: usize = 20;
const MOST_ERRORS: usize = 20;
/// A column of names is no wider than this, however wide the paper.
const COMFORTABLE: usize = 132;

/// A whole frame of at most `columns` columns.
pub(crate) fn frame(picture: &Picture, columns: usize, colour: bool) -> String {
    let columns = columns.min(COMFORTABLE);
    let mut out = Page {
        text: String::new(),
        columns,
        colour,
    };
    out.line(&[
        Cell::new(
            format!("{} {}", picture.light.symbol(), picture.light.word()),
            picture.light.level(),
        ),
        Cell::new(picture.headline.clone(), Level::Plain),
    ]);
    if let Some((trouble, hint)) = &picture.trouble {
        out.line(&[Cell::new(format!("  {trouble}"), Level::Warning)]);
        if let Some(hint) = hint {
            out.line(&[Cell::new(format!("  hint: {hint}"), Level::Plain)]);
        }
    }
    let mut about = vec![picture.service.clone()];
    about.extend(picture.about.iter().cloned());
    out.line(&[Cell::new(about.join(" · "), Level::Plain)]);
    out.line(&[Cell::new(
        format!("{} · {}", picture.clock, picture.source),
        Level::Faint,
    )]);
    if let Some(reason) = &picture.environment_reason {
        out.line(&[Cell::new(format!("environment: {reason}"), Level::Faint)]);
    }
    out.text.push('\n');
    out.table(&picture.figures, usize::MAX);
    if !picture.operations.rows.is_empty() {
        out.title("operations, last 5 min");
        out.table(&picture.operations, MOST_OPERATIONS);
    }
    if !picture.errors.is_empty() {
        out.title("errors by type, since start");
        out.errors(picture);
    }
    if !picture.instruments.rows.is_empty() {
        out.title("counters, gauges, histograms");
        out.table(&picture.instruments, MOST_OPERATIONS);
    }
    if !picture.warnings.is_empty() {
        out.title("telemetry");
        for warning in &picture.warnings {
            out.line(&[Cell::new(format!("! {warning}"), Level::Warning)]);
        }
    }
    out.text
}

/// One line: time, light, and the figures of the last minute.
pub(crate) fn line(picture: &Picture, colour: bool) -> String {
    let light = format!("{} {}", picture.light.symbol(), picture.light.word());
    let light = paint(&fit(&light, 12, false), picture.light.level(), colour);
    let [p50, p95, p99] = &picture.quantiles;
    let mut text = format!(
        "{} {light} {} req/s, p50 {p50}, p95 {p95}, p99 {p99}",
        picture.clock, picture.throughput
    );
    match picture.light {
        Light::Green => {}
        Light::Stale => {
            let why = picture.trouble.as_ref().map_or("", |(why, _)| why);
            let _ = write!(text, "; {}; {why}", picture.headline);
        }
        _ => {
            let _ = write!(text, "; {}", picture.headline);
        }
    }
    text.push('\n');
    text
}

struct Page {
    text: String,
    columns: usize,
    colour: bool,
}

impl Page {
    fn line(&mut self, cells: &[Cell]) {
        let mut left = self.columns;
        let mut line = String::new();
        for (index, cell) in cells.iter().enumerate() {
            let gap = if index == 0 { "" } else { "  " };
            let text = cut(&cell.text, left.saturating_sub(gap.len()));
            left = left.saturating_sub(width(&text) + gap.len());
            line.push_str(gap);
            line.push_str(&paint(&text, cell.level, self.colour));
        }
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn title(&mut self, title: &str) {
        self.text.push('\n');
        self.line(&[Cell::new(title, Level::Strong)]);
    }

    fn table(&mut self, table: &Table, most: usize) {
        let laid = table.lay(self.columns, false);
        self.line(&laid.header);
        for row in laid.rows.iter().take(most) {
            self.line(row);
        }
        self.more(laid.rows.len(), most);
    }

    fn errors(&mut self, picture: &Picture) {
        let errors = &picture.errors[..picture.errors.len().min(MOST_ERRORS)];
        let widest = |of: fn(&super::rows::ErrorBar) -> &str| {
            errors.iter().map(|e| width(of(e))).max().unwrap_or(0)
        };
        let names = widest(|error| &error.name).min(40);
        let operations = widest(|error| &error.operation).min(40);
        let counts = widest(|error| &error.count);
        for error in errors {
            let bar = "█".repeat(((error.share * BAR as f64).round() as usize).max(1));
            self.line(&[
                Cell::from(fit(&error.name, names, false)),
                Cell::new(
                    fit(&cut_middle(&error.operation, operations), operations, false),
                    Level::Faint,
                ),
                Cell::from(fit(&error.count, counts, true)),
                Cell::new(fit(&bar, BAR, false), Level::Critical),
                Cell::new(format!("{} in the last 5 min", error.recent), Level::Faint),
            ]);
        }
        self.more(picture.errors.len(), MOST_ERRORS);
    }

    fn more(&mut self, all: usize, most: usize) {
        if all > most {
            self.line(&[Cell::new(
                format!("… and {} more (--json has them all)", all - most),
                Level::Faint,
            )]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, Mood};
    use super::*;

    #[test]
    fn a_whole_frame_reads_as_approved() {
        samples::approve(
            "status-once.txt",
            &frame(&samples::picture(Mood::Green), 120, false),
        );
    }

    #[test]
    fn colour_adds_escape_codes_and_nothing_else() {
        for mood in [Mood::Green, Mood::Yellow, Mood::Red, Mood::Empty] {
            let picture = samples::picture(mood);
            let coloured = frame(&picture, 100, true);
            let mut bare = String::new();
            for (index, part) in coloured.split('\x1b').enumerate() {
                bare.push_str(if index == 0 {
                    part
                } else {
                    part.split_once('m').unwrap().1
                });
            }
            let lines = |text: &str| {
                text.lines()
                    .map(|line| line.trim_end().to_owned())
                    .collect::<Vec<_>>()
            };
            assert_eq!(lines(&bare), lines(&frame(&picture, 100, false)));
            assert!(coloured.contains('\x1b'));
        }
    }

    #[test]
    fn no_line_is_wider_than_the_paper_nor_drives_the_terminal() {
        let picture = samples::picture(Mood::Hostile);
        for columns in 20..140 {
            for text in frame(&picture, columns, false).lines() {
                assert!(width(text) <= columns, "{columns}: {text}");
                assert!(!text.contains(|c: char| c.is_control()), "{text:?}");
            }
        }
    }

    #[test]
    fn one_line_says_the_time_the_light_and_why_it_is_not_green() {
        let green = line(&samples::picture(Mood::Green), false);
        assert_eq!(
            green,
            "10:30:00 UTC ● GREEN      80.2 req/s, p50 210 ms, p95 890 ms, p99 1.42 s\n"
        );
        let red = line(&samples::picture(Mood::Red), false);
        assert!(
            red.contains("● RED") && red.contains("error rate 3.50 % is over 2 %"),
            "{red}"
        );
    }
}
