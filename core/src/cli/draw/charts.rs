//! The curves: latency quantiles and throughput over the recent past.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Color;
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Chart, Dataset, GraphType, Sparkline};

use super::super::format::{duration, rate, span};
use super::super::light::P95_LIMITS;
use super::super::model::Picture;
use super::super::output::Level;
use super::{Look, section};

const NAMES: [&str; 3] = ["p50", "p95", "p99"];
const COLOURS: [Color; 3] = [Color::Cyan, Color::LightBlue, Color::Magenta];
/// Without colour each curve has its own sign.
const SIGNS: [char; 3] = ['.', 'o', '^'];
/// Rates are drawn in thousandths: the widget takes whole numbers.
const SCALE: f64 = 1_000.0;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, picture: &Picture, look: Look) {
    let [left, _, right] = Layout::horizontal([
        Constraint::Percentage(65),
        Constraint::Length(1),
        Constraint::Min(0),
    ])
    .areas(area);
    latency(frame, left, picture, look);
    throughput(frame, right, picture, look);
}

fn latency(frame: &mut Frame<'_>, area: Rect, picture: &Picture, look: Look) {
    let mut parts = vec![Span::styled("latency", look.style(Level::Strong))];
    parts.extend((0..3).map(|which| {
        let sign = if look.colour {
            String::new()
        } else {
            format!("{} ", SIGNS[which])
        };
        Span::styled(
            format!("  {sign}{} {}", NAMES[which], picture.quantiles[which]),
            look.colour(COLOURS[which]),
        )
    }));
    parts.push(Span::styled(
        format!("  {}", picture.trend.basis),
        look.style(Level::Faint),
    ));
    let title = as_many_as_fit(parts, area);
    let inner = section(frame, area, title, look);
    let slowest = picture.trend.slowest();
    if slowest <= 0.0 {
        frame.render_widget(
            Line::styled("no requests yet", look.style(Level::Faint)).centered(),
            inner,
        );
        return;
    }
    let trend = &picture.trend;
    let inner = time_axis(frame, inner, trend.span, look);
    let scale = Scale::around(trend.fastest(), slowest);
    let limits: Vec<Vec<(f64, f64)>> = P95_LIMITS
        .iter()
        .map(|limit| across(trend.span, scale.place(*limit), inner.width))
        .collect();
    let placed = trend.latency.each_ref().map(|curve| {
        let place =
            |piece: &Vec<(f64, f64)>| piece.iter().map(|(x, y)| (*x, scale.place(*y))).collect();
        curve.iter().map(place).collect::<Vec<Vec<(f64, f64)>>>()
    });
    let mut datasets = Vec::new();
    for ((limit, points), colour) in P95_LIMITS
        .iter()
        .zip(&limits)
        .zip([Color::Yellow, Color::Red])
    {
        // A limit far from every curve would only squeeze them, so the scale does not reach for it.
        if scale.contains(*limit) {
            datasets.push(curve(
                points,
                Marker::Custom('┄'),
                GraphType::Scatter,
                look.colour(colour),
            ));
        }
    }
    for which in [2, 1, 0] {
        let marker = if look.colour {
            Marker::Braille
        } else {
            Marker::Custom(SIGNS[which])
        };
        for piece in &placed[which] {
            datasets.push(curve(
                piece,
                marker,
                GraphType::Line,
                look.colour(COLOURS[which]),
            ));
        }
    }
    let faint = look.style(Level::Faint);
    let label = |place: f64| Span::styled(duration(Some(10_f64.powf(place))), faint);
    let mut labels = vec![label(scale.bottom), label(scale.top)];
    if inner.height >= 6 {
        labels.insert(1, label(f64::midpoint(scale.bottom, scale.top)));
    }
    let chart = Chart::new(datasets)
        .legend_position(None)
        .x_axis(Axis::default().bounds([-trend.span, 0.0]))
        .y_axis(
            Axis::default()
                .bounds([scale.bottom, scale.top])
                .style(faint)
                .labels(labels),
        );
    frame.render_widget(chart, inner);
}

fn curve<'a>(
    points: &'a [(f64, f64)],
    marker: Marker,
    kind: GraphType,
    style: ratatui::style::Style,
) -> Dataset<'a> {
    Dataset::default()
        .data(points)
        .marker(marker)
        .graph_type(kind)
        .style(style)
}

/// Points for a dashed line at `y`.
fn across(span: f64, y: f64, columns: u16) -> Vec<(f64, f64)> {
    let count = u32::from(columns.max(2));
    (0..count)
        .step_by(2)
        .map(|index| (-span * f64::from(index) / f64::from(count), y))
        .collect()
}

fn throughput(frame: &mut Frame<'_>, area: Rect, picture: &Picture, look: Look) {
    let trend = &picture.trend;
    let columns = trend.throughput_in(usize::from(area.width));
    let peak = columns.iter().flatten().copied().fold(0.0, f64::max);
    let parts = vec![
        Span::styled("requests/s", look.style(Level::Strong)),
        Span::raw(format!("  {}", picture.throughput)),
        Span::styled(
            if peak > 0.0 {
                format!("  peak {}", rate(Some(peak)))
            } else {
                String::new()
            },
            look.style(Level::Faint),
        ),
    ];
    let title = as_many_as_fit(parts, area);
    let inner = section(frame, area, title, look);
    if peak <= 0.0 {
        let why = if trend.throughput.is_empty() {
            "from the next poll on"
        } else {
            "no requests yet"
        };
        frame.render_widget(
            Line::styled(why, look.style(Level::Faint)).centered(),
            inner,
        );
        return;
    }
    let scaled = |value: f64| (value.clamp(0.0, 1e15) * SCALE) as u64;
    let bars = columns.iter().map(|value| value.map(scaled));
    let bars_area = time_axis(frame, inner, trend.span, look);
    let sparkline = Sparkline::default()
        .data(bars.collect::<Vec<Option<u64>>>())
        .max(scaled(peak).max(1))
        .absent_value_symbol(" ")
        .style(look.colour(Color::Blue));
    frame.render_widget(sparkline, bars_area);
}

/// A title of whole parts only.
fn as_many_as_fit(parts: Vec<Span<'_>>, area: Rect) -> Line<'_> {
    let mut title = Line::default();
    for part in parts {
        if title.width() + part.width() + 3 > usize::from(area.width) {
            break;
        }
        title.push_span(part);
    }
    title
}

/// Writes from when to when below a curve, where there is room for it. Answers with the curve's area.
fn time_axis(frame: &mut Frame<'_>, area: Rect, seconds: f64, look: Look) -> Rect {
    if area.height < 5 {
        return area;
    }
    let [above, axis] = Layout::vertical([Constraint::Min(1), Constraint::Length(1)]).areas(area);
    let faint = look.style(Level::Faint);
    frame.render_widget(Line::styled(format!("{} ago", span(seconds)), faint), axis);
    frame.render_widget(Line::styled("now", faint).right_aligned(), axis);
    above
}

/// A logarithmic axis between round numbers: the tail of a latency is many times its middle, and both are of interest.
struct Scale {
    bottom: f64,
    top: f64,
}

impl Scale {
    /// Holds both values, in milliseconds.
    fn around(least: f64, most: f64) -> Self {
        let least = least.clamp(1e-6, 1e15);
        let most = most.clamp(least, 1e15);
        let power = |value: f64| 10_f64.powf(value.log10().floor());
        let steps = |value: f64| [1.0, 2.0, 5.0, 10.0].map(|step| step * power(value));
        // A hair's breadth, since powers of ten are not exact.
        let below = steps(least)
            .into_iter()
            .rfind(|step| *step <= least * (1.0 + 1e-9))
            .unwrap_or(least);
        let above = steps(most)
            .into_iter()
            .find(|step| *step > most * (1.0 + 1e-9))
            .unwrap_or(most * 10.0);
        Self {
            bottom: below.log10(),
            top: above.log10(),
        }
    }

    fn place(&self, millis: f64) -> f64 {
        millis
            .max(f64::MIN_POSITIVE)
            .log10()
            .clamp(self.bottom, self.top)
    }

    fn contains(&self, millis: f64) -> bool {
        (self.bottom..self.top).contains(&millis.log10())
    }
}

#[cfg(test)]
mod tests {
    use super::Scale;

    #[test]
    fn axes_lie_between_round_numbers() {
        for (least, most, bottom, top) in [
            (210.0, 1424.0, 200.0, 2000.0),
            (200.0, 500.0, 200.0, 1000.0),
            (0.7, 15_000.0, 0.5, 20_000.0),
            (300.0, 300.0, 200.0, 500.0),
            (1000.0, 1000.0, 1000.0, 2000.0),
        ] {
            let scale = Scale::around(least, most);
            let close = |place: f64, millis: f64| (place - f64::log10(millis)).abs() < 1e-9;
            assert!(
                close(scale.bottom, bottom) && close(scale.top, top),
                "{least} {most}"
            );
        }
        let wild = Scale::around(0.0, 1e300);
        assert!(
            wild.bottom < wild.top
                && wild.place(0.0) == wild.bottom
                && wild.place(1e300) == wild.top
        );
    }
}
