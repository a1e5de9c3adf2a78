//! The recent past as curves: from the document's own history, or, while that is still short, from
//! what this command has seen itself.

use std::collections::VecDeque;

use super::document::{Document, Figures, Point};
use super::format::span;
use super::time::Moment;

/// The document's history is drawn once it has this many points (2 minutes in steps of 10 s).
const ENOUGH_HISTORY: usize = 12;
/// What is remembered of our own polls, in seconds and in number.
const OWN_SPAN: f64 = 300.0;
const OWN_MOST: usize = 3_000;
/// Seconds that a step must have lasted before it is drawn: counts come in ticks, a few of them say nothing.
const LEAST_OF_STEP: f64 = 5.0;
/// The narrowest stretch of time that is drawn.
const LEAST_SPAN: f64 = 30.0;

/// One poll.
#[derive(Clone, Copy, Debug)]
struct Sample {
    time: Moment,
    count: Option<f64>,
    per_second: Option<f64>,
    quantiles: [Option<f64>; 3],
}

/// What the polls have shown so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples(VecDeque<Sample>);

impl Samples {
    /// Remembers a document. One that is no newer than the last is nothing new.
    pub(crate) fn add(&mut self, document: &Document) {
        let Some(time) = document.time else { return };
        let count = document
            .requests
            .total
            .as_ref()
            .and_then(|total| total.count);
        let last = self.0.back().copied();
        if last.is_some_and(|last| time < last.time || count < last.count) {
            // The service restarted: what was before is another process's curve.
            self.0.clear();
        }
        let last = self.0.back();
        if last.is_some_and(|last| time == last.time) {
            return;
        }
        let per_second =
            last.and_then(|last| Some((count? - last.count?) / time.seconds_since(last.time)));
        self.0.push_back(Sample {
            time,
            count,
            per_second,
            quantiles: quantiles(document.requests.minute.as_ref()),
        });
        while self.0.len() > OWN_MOST
            || self
                .0
                .front()
                .is_some_and(|first| time.seconds_since(first.time) > OWN_SPAN)
        {
            self.0.pop_front();
        }
    }
}

fn quantiles(figures: Option<&Figures>) -> [Option<f64>; 3] {
    match figures {
        Some(figures) if figures.count.is_none_or(|count| count > 0.0) => {
            [figures.p50, figures.p95, figures.p99]
        }
        _ => [None; 3],
    }
}

/// A curve in pieces: where nothing was served there is a gap, not a zero.
pub(crate) type Curve = Vec<Vec<(f64, f64)>>;

/// Curves over time; x is seconds before now, so never positive.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Trend {
    /// What one point stands for.
    pub(crate) basis: String,
    /// How far back the drawing reaches, in seconds.
    pub(crate) span: f64,
    /// Seconds between two points.
    pub(crate) step: f64,
    /// Latencies in milliseconds: p50, p95, p99.
    pub(crate) latency: [Curve; 3],
    /// Requests per second.
    pub(crate) throughput: Vec<(f64, f64)>,
}

impl Trend {
    pub(crate) fn new(document: &Document, samples: &Samples) -> Self {
        let step = document.history_step.unwrap_or(10.0);
        let own =
            document.history.len() < ENOUGH_HISTORY && samples.0.len() > document.history.len();
        let mut points: Vec<Sample> = if own {
            samples.0.iter().copied().collect()
        } else {
            let seen = |point: &Point| {
                document
                    .time
                    .map_or(step, |now| now.seconds_since(point.time))
                    .min(step)
            };
            document
                .history
                .iter()
                // The step under way has its rate so far; one that has just begun has none yet.
                .filter(|point| seen(point) >= LEAST_OF_STEP)
                .map(|point| Sample {
                    time: point.time,
                    count: None,
                    per_second: point.requests.map(|requests| requests / seen(point)),
                    quantiles: if point.requests == Some(0.0) {
                        [None; 3]
                    } else {
                        [point.p50, point.p95, point.p99]
                    },
                })
                .collect()
        };
        points.sort_by_key(|point| point.time);
        let (Some(first), Some(last)) = (points.first(), points.last()) else {
            return Self::default();
        };
        let (first, last) = (first.time, last.time);
        let x = |point: &Sample| point.time.seconds_since(last);
        Self {
            basis: if own {
                "last minute, at each poll".to_owned()
            } else {
                format!("in steps of {}", span(step))
            },
            span: last.seconds_since(first).max(LEAST_SPAN),
            step: if own {
                last.seconds_since(first) / (points.len().max(2) - 1) as f64
            } else {
                step
            },
            latency: [0, 1, 2].map(|which| {
                let known = points.split(|point| point.quantiles[which].is_none());
                known
                    .filter(|piece| !piece.is_empty())
                    .map(|piece| {
                        piece
                            .iter()
                            .map(|point| (x(point), point.quantiles[which].unwrap_or(0.0)))
                            .collect()
                    })
                    .collect()
            }),
            throughput: points
                .iter()
                .filter_map(|point| Some((x(point), point.per_second?)))
                .collect(),
        }
    }

    /// The highest latency drawn.
    pub(crate) fn slowest(&self) -> f64 {
        self.latency
            .iter()
            .flatten()
            .flatten()
            .map(|(_, y)| *y)
            .fold(0.0, f64::max)
    }

    /// The lowest latency drawn that is one.
    pub(crate) fn fastest(&self) -> f64 {
        let drawn = self.latency.iter().flatten().flatten().map(|(_, y)| *y);
        drawn.filter(|y| *y > 0.0).fold(f64::INFINITY, f64::min)
    }

    /// Requests per second spread over `columns` columns, the newest last; `None` where nothing is known.
    pub(crate) fn throughput_in(&self, columns: usize) -> Vec<Option<f64>> {
        let width = self.span / columns.max(1) as f64;
        let mut sums = vec![(0.0, 0_u32); columns];
        for &(x, y) in &self.throughput {
            let column = ((self.span + x) / width) as usize;
            if let Some((sum, count)) = sums.get_mut(column.min(columns.saturating_sub(1))) {
                *sum += y;
                *count += 1;
            }
        }
        let mut held: Option<(f64, f64)> = None;
        let columns = sums.iter().enumerate().map(|(index, &(sum, count))| {
            let at = index as f64 * width;
            if count > 0 {
                held = Some((sum / f64::from(count), at));
            }
            // A point stands for its whole step, which may be several columns wide.
            held.filter(|(_, since)| at - since <= self.step * 1.5)
                .map(|(value, _)| value)
        });
        columns.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(second: i64, count: f64, p50: f64) -> Document {
        let mut document = Document {
            time: Some(Moment(second * 1000)),
            ..Document::default()
        };
        document.requests.total = Some(Figures {
            count: Some(count),
            ..Figures::default()
        });
        document.requests.minute = Some(Figures {
            count: Some(count),
            p50: Some(p50),
            ..Figures::default()
        });
        document
    }

    #[test]
    fn polls_are_drawn_until_the_service_has_a_history() {
        let mut samples = Samples::default();
        for second in 0..5 {
            samples.add(&document(second, second as f64 * 10.0, 100.0));
        }
        samples.add(&document(4, 40.0, 100.0));
        let mut now = document(4, 40.0, 100.0);
        let trend = Trend::new(&now, &samples);
        assert_eq!(
            trend.throughput,
            [(-3.0, 10.0), (-2.0, 10.0), (-1.0, 10.0), (0.0, 10.0)]
        );
        assert_eq!(
            trend.latency[0].len(),
            1,
            "the first document had no traffic and no latency"
        );
        assert_eq!(trend.latency[0][0].len(), 4);
        now.history = (0..20)
            .map(|step| Point {
                time: Moment(step * 10_000),
                requests: Some(if step == 7 { 0.0 } else { 50.0 }),
                p50: Some(1.0),
                p95: Some(2.0),
                p99: Some(3.0),
            })
            .collect();
        now.time = Some(Moment(200_000));
        let trend = Trend::new(&now, &samples);
        assert_eq!(trend.span, 190.0);
        assert_eq!(
            trend.latency[0].iter().map(Vec::len).collect::<Vec<_>>(),
            [7, 12],
            "a gap, not a zero"
        );
        assert_eq!(trend.throughput[0], (-190.0, 5.0));
        assert_eq!(trend.slowest(), 3.0);
    }

    #[test]
    fn the_step_under_way_has_its_rate_so_far() {
        let at = |millis| Document {
            time: Some(Moment(millis)),
            history_step: Some(10.0),
            history: [0, 10_000]
                .map(|time| Point {
                    time: Moment(time),
                    requests: Some(40.0),
                    p50: None,
                    p95: None,
                    p99: None,
                })
                .to_vec(),
            ..Document::default()
        };
        let rates = |millis| {
            Trend::new(&at(millis), &Samples::default())
                .throughput
                .iter()
                .map(|(_, y)| *y)
                .collect::<Vec<_>>()
        };
        assert_eq!(rates(20_000), [4.0, 4.0]);
        assert_eq!(rates(15_000), [4.0, 8.0]);
        assert_eq!(rates(14_000), [4.0]);
    }

    #[test]
    fn a_restart_begins_a_new_curve() {
        let mut samples = Samples::default();
        samples.add(&document(0, 100.0, 1.0));
        samples.add(&document(1, 110.0, 1.0));
        samples.add(&document(2, 3.0, 1.0));
        assert_eq!(samples.0.len(), 1);
        assert_eq!(samples.0[0].per_second, None, "never a negative rate");
    }

    #[test]
    fn throughput_fills_the_columns_its_points_stand_for() {
        let trend = Trend {
            span: 40.0,
            step: 10.0,
            throughput: vec![(-20.0, 4.0), (-10.0, 6.0), (0.0, 8.0)],
            ..Trend::default()
        };
        let columns = trend.throughput_in(8);
        assert_eq!(columns[..4], [None; 4]);
        assert_eq!(columns[4..], [Some(4.0), Some(4.0), Some(6.0), Some(8.0)]);
        assert_eq!(trend.throughput_in(0), []);
        assert!(
            Trend::default()
                .throughput_in(5)
                .iter()
                .all(Option::is_none)
        );
    }

    #[test]
    fn without_anything_there_is_no_curve() {
        assert_eq!(
            Trend::new(&Document::default(), &Samples::default()),
            Trend::default()
        );
    }
}
