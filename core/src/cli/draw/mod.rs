//! Draws a picture on a terminal of any size.
//!
//! Space is given out by importance: the light first, then the figures, the operations, the curves.
//! Nothing here decides what is shown as true; that is the model's.

mod charts;
mod panels;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph};

use super::format::span;
use super::light::Light;
use super::model::Picture;
use super::output::Level;
use super::table::Cell;
use super::text::{cut, width, wrap};
use super::view::View;

/// How it looks, and what the last frame had room for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) colour: bool,
    /// Operations visible in the last frame: a page of scrolling.
    pub(crate) rows: usize,
}

impl Look {
    /// The style of a level. Without colour, what matters is bold or reversed.
    fn style(self, level: Level) -> Style {
        let plain = Style::new();
        let (colour, modifier) = match level {
            Level::Plain => return plain,
            Level::Faint => return plain.add_modifier(Modifier::DIM),
            Level::Strong => return plain.add_modifier(Modifier::BOLD),
            Level::Good => (Color::Green, Modifier::BOLD),
            Level::Warning => (Color::Yellow, Modifier::BOLD),
            Level::Critical => (Color::Red, Modifier::BOLD),
        };
        if self.colour {
            plain.fg(colour).add_modifier(modifier)
        } else if level == Level::Critical {
            plain.add_modifier(Modifier::REVERSED)
        } else {
            plain.add_modifier(modifier)
        }
    }

    fn colour(self, colour: Color) -> Style {
        if self.colour {
            Style::new().fg(colour)
        } else {
            Style::new()
        }
    }

    /// A word on a ground of its colour.
    fn badge(self, light: Light) -> Span<'static> {
        let text = format!(" {} {} ", light.symbol(), light.word());
        let style = match light.level() {
            level if !self.colour => {
                let _ = level;
                Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD)
            }
            Level::Good => Style::new().fg(Color::Black).bg(Color::Green),
            Level::Warning => Style::new().fg(Color::Black).bg(Color::Yellow),
            Level::Critical => Style::new()
                .fg(Color::White)
                .bg(Color::Red)
                .add_modifier(Modifier::BOLD),
            _ => Style::new().add_modifier(Modifier::REVERSED),
        };
        Span::styled(text, style)
    }

    fn cells(self, cells: Vec<Cell>) -> Line<'static> {
        let mut line = Line::default();
        for (index, cell) in cells.into_iter().enumerate() {
            if index > 0 {
                line.push_span(Span::raw("  "));
            }
            line.push_span(Span::styled(cell.text, self.style(cell.level)));
        }
        line
    }
}

/// Draws one frame, and notes in `look` how many operations it had room for.
pub(crate) fn draw(frame: &mut Frame<'_>, picture: &Picture, view: &View, look: &mut Look) {
    let area = frame.area();
    if area.width < 24 || area.height < 4 {
        frame.render_widget(Line::from(look.badge(picture.light)), area);
        return;
    }
    let top = header(picture, *look, usize::from(area.width), area.height);
    let bottom = footer(picture, view, *look, usize::from(area.width));
    let rows = Layout::vertical([
        Constraint::Length(lines(&top)),
        Constraint::Min(0),
        Constraint::Length(lines(&bottom)),
    ]);
    let [head, body, foot] = rows.areas(area);
    frame.render_widget(Paragraph::new(top), head);
    frame.render_widget(Paragraph::new(bottom), foot);
    if picture.has_document {
        look.rows = document(frame, body, picture, view, *look).max(1);
    }
}

fn lines(text: &[Line<'_>]) -> u16 {
    u16::try_from(text.len()).unwrap_or(u16::MAX)
}

/// Who it is, the light, and what is wrong with the picture.
fn header(picture: &Picture, look: Look, columns: usize, height: u16) -> Vec<Line<'static>> {
    let mut text = Vec::new();
    if picture.has_document {
        text.push(identity(picture, look, columns));
    } else {
        let source = cut(&format!("tallylight status  {}", picture.source), columns);
        text.push(Line::styled(source, look.style(Level::Strong)));
    }
    if height >= 28 {
        text.push(Line::default());
    }
    let badge = look.badge(picture.light);
    let indent = badge.width() + 1;
    let most = if height >= 20 { 3 } else { 1 };
    let mut headline = wrap(&picture.headline, columns.saturating_sub(indent), most).into_iter();
    let first = headline.next().unwrap_or_default();
    text.push(Line::from(vec![badge, Span::raw(" "), Span::raw(first)]));
    text.extend(headline.map(|line| Line::raw(" ".repeat(indent) + &line)));
    if let Some((trouble, hint)) = &picture.trouble {
        for line in wrap(trouble, columns, most) {
            text.push(Line::styled(line, look.style(Level::Warning)));
        }
        if let Some(hint) = hint.as_ref().filter(|_| height >= 16) {
            text.extend(
                wrap(&format!("hint: {hint}"), columns, most)
                    .into_iter()
                    .map(Line::raw),
            );
        }
    }
    if height >= 28 {
        text.push(Line::default());
    }
    text
}

fn identity(picture: &Picture, look: Look, columns: usize) -> Line<'static> {
    let service = cut(
        &picture.service,
        columns.saturating_sub(width(&picture.clock) + 2),
    );
    let about: usize = picture.about.iter().map(|part| width(part) + 3).sum();
    let both = format!("{}  {}", picture.host, picture.clock);
    let clock = if width(&service) + about + width(&both) + 3 <= columns {
        &both
    } else {
        &picture.clock
    };
    let room = columns.saturating_sub(width(clock) + 2);
    let mut used = width(&service);
    let mut line = Line::from(Span::styled(service, look.style(Level::Strong)));
    for part in &picture.about {
        let part = format!(" · {part}");
        if used + width(&part) > room {
            break;
        }
        used += width(&part);
        line.push_span(Span::raw(part));
    }
    if columns > width(clock) + used {
        line.push_span(Span::raw(" ".repeat(columns - used - width(clock))));
        line.push_span(Span::styled(clock.clone(), look.style(Level::Faint)));
    }
    line
}

/// The keys, and Tallylight's own troubles if it has some.
fn footer(picture: &Picture, view: &View, look: Look, columns: usize) -> Vec<Line<'static>> {
    let mut text = Vec::new();
    if !picture.warnings.is_empty() {
        let warning = format!("! telemetry: {}", picture.warnings.join(" · "));
        text.push(Line::styled(
            cut(&warning, columns),
            look.style(Level::Warning),
        ));
    }
    let pause = if view.paused { "p go on" } else { "p pause" };
    let keys = cut(
        &format!("q quit  {pause}  s sort  ↑↓ scroll  r refresh"),
        columns,
    );
    let every = format!("every {}", period(view));
    let mut line = Line::styled(keys.clone(), look.style(Level::Faint));
    let candidates = [format!("{} · {every}", picture.footprint), every];
    let right = candidates
        .iter()
        .find(|text| !text.starts_with(' ') && width(text) + width(&keys) + 3 <= columns);
    if let Some(right) = right {
        line.push_span(Span::raw(" ".repeat(columns - width(&keys) - width(right))));
        line.push_span(Span::styled(right.clone(), look.style(Level::Faint)));
    }
    text.push(line);
    text
}

fn period(view: &View) -> String {
    if view.interval.subsec_millis() == 0 {
        span(view.interval.as_secs_f64())
    } else {
        format!("{} ms", view.interval.as_millis())
    }
}

/// Figures, curves, operations and errors. Answers with the number of operations visible.
fn document(
    frame: &mut Frame<'_>,
    area: Rect,
    picture: &Picture,
    view: &View,
    look: Look,
) -> usize {
    let figures = u16::try_from(picture.figures.rows.len() + 1)
        .unwrap_or(7)
        .min(area.height);
    let rest = area.height - figures;
    // Curves need five lines to say something. Beyond that they take what the tables do not need.
    let tables = panels::wanted(picture, area.width);
    let curves = if rest >= 10 {
        (rest * 2 / 5).max(rest.saturating_sub(tables)).clamp(5, 18)
    } else {
        0
    };
    let rows = Layout::vertical([
        Constraint::Length(figures),
        Constraint::Length(curves),
        Constraint::Min(0),
    ]);
    let [figures_area, curves_area, lower] = rows.areas(area);
    panels::figures(frame, figures_area, picture, look);
    if curves > 0 {
        charts::draw(frame, curves_area, picture, look);
    }
    panels::lower(frame, lower, picture, view, look)
}

/// A titled area: its title stands in a line across the top. Answers with what is below the line.
fn section(frame: &mut Frame<'_>, area: Rect, title: Line<'_>, look: Look) -> Rect {
    let mut spans = vec![Span::raw("─ ")];
    spans.extend(title.spans);
    spans.push(Span::raw(" "));
    let block = Block::new()
        .borders(Borders::TOP)
        .border_style(look.style(Level::Faint))
        .title_style(Style::new().remove_modifier(Modifier::DIM))
        .title(Line::from(spans));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    inner
}

#[cfg(test)]
mod tests;
