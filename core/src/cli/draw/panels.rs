//! The tables: figures, operations, errors by type and the other instruments.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::super::model::Picture;
use super::super::output::Level;
use super::super::rows::ErrorBar;
use super::super::table::{Laid, Table};
use super::super::text::{cut, cut_middle, fit, width};
use super::super::view::View;
use super::{Look, section};

/// From this width on, errors stand beside the operations instead of below them.
const BESIDE: u16 = 116;

pub(super) fn figures(frame: &mut Frame<'_>, area: Rect, picture: &Picture, look: Look) {
    let laid = picture.figures.lay(usize::from(area.width), false);
    rows(frame, area, laid, 0, look);
}

/// The lines that operations, errors and instruments would fill.
pub(super) fn wanted(picture: &Picture, columns: u16) -> u16 {
    let operations = picture.operations.rows.len().max(1) + 2;
    let errors = picture.errors.len().max(1) + 1;
    let lines = if columns >= BESIDE {
        let instruments = picture.instruments.rows.len();
        operations.max(errors + if instruments > 0 { instruments + 2 } else { 0 })
    } else {
        operations + errors
    };
    u16::try_from(lines).unwrap_or(u16::MAX)
}

/// Operations and errors. Answers with the number of operations visible.
pub(super) fn lower(
    frame: &mut Frame<'_>,
    area: Rect,
    picture: &Picture,
    view: &View,
    look: Look,
) -> usize {
    if area.height < 2 {
        return 0;
    }
    let wanted = |rows: usize| u16::try_from(rows + 1).unwrap_or(u16::MAX);
    let errors = wanted(picture.errors.len().max(1));
    if area.width >= BESIDE {
        let widths = [
            Constraint::Percentage(62),
            Constraint::Length(2),
            Constraint::Min(0),
        ];
        let [left, _, right] = Layout::horizontal(widths).areas(area);
        let others = !picture.instruments.rows.is_empty() && right.height >= 7;
        let most = if others {
            right.height.saturating_sub(4).min(errors)
        } else {
            right.height
        };
        let [upper, lower] =
            Layout::vertical([Constraint::Length(most), Constraint::Min(0)]).areas(right);
        self::errors(frame, upper, picture, look);
        if others {
            instruments(frame, lower, picture, look);
        }
        return operations(frame, left, picture, view, look);
    }
    let below = if picture.errors.is_empty() || area.height < 6 {
        0
    } else {
        errors.min(area.height / 3).max(2)
    };
    let [upper, lower] =
        Layout::vertical([Constraint::Min(0), Constraint::Length(below)]).areas(area);
    if below > 0 {
        self::errors(frame, lower, picture, look);
    }
    operations(frame, upper, picture, view, look)
}

fn operations(
    frame: &mut Frame<'_>,
    area: Rect,
    picture: &Picture,
    view: &View,
    look: Look,
) -> usize {
    let all = picture.operations.rows.len();
    let room = usize::from(area.height).saturating_sub(2);
    let first = view.scroll.min(all.saturating_sub(room));
    let mut title = Line::from(Span::styled("operations", look.style(Level::Strong)));
    title.push_span(Span::raw(format!(
        "  last 5 min, by {}",
        picture.sort.word()
    )));
    if all > room && room > 0 {
        title.push_span(Span::styled(
            format!("  {}-{} of {all}", first + 1, first + room),
            look.style(Level::Faint),
        ));
    }
    let inner = section(frame, area, title, look);
    if all == 0 {
        frame.render_widget(Line::styled("none yet", look.style(Level::Faint)), inner);
    } else {
        table(frame, inner, &picture.operations, first, look);
    }
    room
}

fn instruments(frame: &mut Frame<'_>, area: Rect, picture: &Picture, look: Look) {
    let title = Line::from(Span::styled(
        "counters, gauges, histograms",
        look.style(Level::Strong),
    ));
    let inner = section(frame, area, title, look);
    table(frame, inner, &picture.instruments, 0, look);
}

/// Heading and rows from `first` on, as many as there is room for.
fn table(frame: &mut Frame<'_>, area: Rect, table: &Table, first: usize, look: Look) {
    rows(
        frame,
        area,
        table.lay(usize::from(area.width), true),
        first,
        look,
    );
}

fn rows(frame: &mut Frame<'_>, area: Rect, laid: Laid, first: usize, look: Look) {
    let room = usize::from(area.height).saturating_sub(1);
    let mut lines = vec![look.cells(laid.header)];
    lines.extend(
        laid.rows
            .into_iter()
            .skip(first)
            .take(room)
            .map(|row| look.cells(row)),
    );
    frame.render_widget(Paragraph::new(lines), area);
}

fn errors(frame: &mut Frame<'_>, area: Rect, picture: &Picture, look: Look) {
    let mut title = Line::from(Span::styled("errors by type", look.style(Level::Strong)));
    title.push_span(Span::raw("  since start"));
    let legend = "  (last 5 min)";
    if title.width() + legend.len() + 4 <= usize::from(area.width) {
        title.push_span(Span::styled(legend, look.style(Level::Faint)));
    }
    let inner = section(frame, area, title, look);
    if picture.errors.is_empty() {
        frame.render_widget(Line::styled("none", look.style(Level::Faint)), inner);
        return;
    }
    let columns = usize::from(inner.width);
    let shown = &picture.errors[..picture.errors.len().min(usize::from(inner.height))];
    let widest = |of: fn(&ErrorBar) -> &str| {
        shown
            .iter()
            .map(|error| width(of(error)))
            .max()
            .unwrap_or(0)
    };
    let counts = widest(|error| &error.count);
    let recents = widest(|error| &error.recent) + 2;
    let bar = (columns / 6).clamp(4, 24);
    let names = columns.saturating_sub(counts + recents + bar + 4);
    let lines: Vec<Line<'_>> = shown
        .iter()
        .map(|error| {
            let name = cut(&error.name, names);
            let room = names.saturating_sub(width(&name) + 2);
            // A stump of a name tells nothing.
            let operation = if room < 8 && width(&error.operation) > room {
                String::new()
            } else {
                cut_middle(&error.operation, room)
            };
            let pad = names.saturating_sub(width(&name) + width(&operation) + 2);
            Line::from(vec![
                Span::raw(name),
                Span::raw("  "),
                Span::styled(operation, look.style(Level::Faint)),
                Span::raw(" ".repeat(pad)),
                Span::raw(fit(&error.count, counts + 2, true)),
                Span::styled(
                    fit(&format!("({})", error.recent), recents + 1, true),
                    look.style(Level::Faint),
                ),
                Span::raw(" "),
                Span::styled(
                    fit(&blocks(error.share, bar), bar, false),
                    look.colour(ratatui::style::Color::Red),
                ),
            ])
        })
        .collect();
    frame.render_widget(Paragraph::new(lines), inner);
}

/// A bar of at most `columns` columns, exact to an eighth of one; whatever happened at all is visible.
fn blocks(share: f64, columns: usize) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = ((share * columns as f64 * 8.0).round() as usize).clamp(1, columns * 8);
    "█".repeat(eighths / 8) + PARTS[eighths % 8]
}

#[cfg(test)]
mod tests {
    use super::blocks;

    #[test]
    fn bars_are_exact_to_an_eighth() {
        assert_eq!(blocks(1.0, 4), "████");
        assert_eq!(blocks(0.5, 4), "██");
        assert_eq!(blocks(0.53, 4), "██▏");
        assert_eq!(blocks(0.0, 4), "▏");
    }
}
