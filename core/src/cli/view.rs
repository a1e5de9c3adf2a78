//! What the command knows at a moment: the last good document, what went wrong since, and what the
//! user asked to see. It decides whether the picture can still be trusted.

use std::time::{Duration, Instant};

use super::document::Document;
use super::format::span;
use super::output::Failure;
use super::poll::Outcome;
use super::time::Moment;
use super::trend::Samples;

/// A document this much older than our clock is taken for stale until the next one proves otherwise.
const OLD: f64 = 120.0;
/// The same document again, this often and for this long, comes from a cache.
const REPEATS: u32 = 3;
const REPEATED_FOR: Duration = Duration::from_secs(5);

/// The order of the operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sort {
    #[default]
    Traffic,
    Errors,
    Latency,
    Name,
}

impl Sort {
    pub(crate) fn next(self) -> Self {
        match self {
            Self::Traffic => Self::Errors,
            Self::Errors => Self::Latency,
            Self::Latency => Self::Name,
            Self::Name => Self::Traffic,
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Traffic => "count",
            Self::Errors => "error rate",
            Self::Latency => "p95",
            Self::Name => "name",
        }
    }
}

/// Everything a picture is made from.
#[derive(Debug)]
pub(crate) struct View {
    /// The URL, as it may be shown.
    pub(crate) source: String,
    pub(crate) interval: Duration,
    pub(crate) document: Option<Document>,
    pub(crate) failure: Option<Failure>,
    pub(crate) samples: Samples,
    pub(crate) paused: bool,
    pub(crate) sort: Sort,
    /// The first operation shown.
    pub(crate) scroll: usize,
    started: Instant,
    received: Option<Instant>,
    /// When the document was new for the last time, and how often it came again since.
    changed: Option<Instant>,
    repeats: u32,
    /// Age of the only document seen so far, by this machine's clock.
    age_at_first: Option<f64>,
}

impl View {
    pub(crate) fn new(source: String, interval: Duration) -> Self {
        Self {
            source,
            interval,
            document: None,
            failure: None,
            samples: Samples::default(),
            paused: false,
            sort: Sort::default(),
            scroll: 0,
            started: Instant::now(),
            received: None,
            changed: None,
            repeats: 0,
            age_at_first: None,
        }
    }

    /// Takes in a poll's outcome. A failure leaves the last document where it is.
    pub(crate) fn receive(&mut self, outcome: Outcome, now: Instant, clock: Moment) {
        let document = match outcome {
            Ok(answer) => answer.document,
            Err(failure) => {
                self.failure = Some(failure);
                return;
            }
        };
        self.failure = None;
        self.received = Some(now);
        let before = self.document.as_ref().map(|document| document.time);
        match before {
            None => {
                self.changed = Some(now);
                self.age_at_first = document.time.map(|time| clock.seconds_since(time));
            }
            // No timestamp to compare: nothing can be said.
            Some(time) if time != document.time || time.is_none() => {
                self.changed = Some(now);
                self.repeats = 0;
                // A document that moves on is alive, whatever the two clocks think of each other.
                self.age_at_first = None;
            }
            Some(_) => self.repeats = self.repeats.saturating_add(1),
        }
        self.samples.add(&document);
        self.document = Some(document);
    }

    /// Why the picture cannot be taken for the present, if so.
    pub(crate) fn staleness(&self, now: Instant) -> Option<String> {
        let received = self.received?;
        let silent = now.saturating_duration_since(received);
        if let Some(failure) = &self.failure {
            return Some(format!(
                "no new data for {}: {}",
                span(silent.as_secs_f64()),
                failure.message
            ));
        }
        if !self.paused && silent > self.interval * 2 + Duration::from_secs(2) {
            return Some(format!("no answer for {}", span(silent.as_secs_f64())));
        }
        let unchanged = self.changed.map_or(Duration::ZERO, |changed| {
            received.saturating_duration_since(changed)
        });
        if self.repeats >= REPEATS && unchanged >= REPEATED_FOR {
            return Some(format!(
                "the same document has come for {}: a cache answers for the service",
                span(unchanged.as_secs_f64())
            ));
        }
        let age = self.age_at_first.filter(|age| *age > OLD)?;
        Some(format!(
            "by this machine's clock the document is {} old: a cache, or clocks that differ",
            span(age)
        ))
    }

    /// How long nothing has come at all, for a view that still waits for its first document.
    pub(crate) fn waiting_for(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.started)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fetch::Answer;
    use crate::cli::samples::{self, Mood};

    fn answer(second: i64) -> Outcome {
        let body = samples::document(Mood::Green);
        let mut document = Document::parse(&body).unwrap();
        document.time = Some(Moment(second * 1000));
        Ok(Answer { body, document })
    }

    fn view() -> (View, Instant) {
        (
            View::new("http://x".to_owned(), Duration::from_secs(1)),
            Instant::now(),
        )
    }

    #[test]
    fn a_fresh_document_is_not_stale_and_a_failed_poll_makes_it_so() {
        let (mut view, start) = view();
        assert_eq!(view.staleness(start), None);
        view.receive(answer(100), start, Moment(100_500));
        assert_eq!(view.staleness(start), None);
        view.receive(
            Err(Failure::new("connection refused")),
            start,
            Moment(101_000),
        );
        let later = start + Duration::from_secs(12);
        assert_eq!(
            view.staleness(later).unwrap(),
            "no new data for 12 s: connection refused"
        );
        assert!(view.document.is_some(), "the last picture stays");
        view.receive(answer(112), later, Moment(112_000));
        assert_eq!(view.staleness(later), None);
    }

    #[test]
    fn silence_is_stale_unless_the_user_asked_for_it() {
        let (mut view, start) = view();
        view.receive(answer(100), start, Moment(100_000));
        let later = start + Duration::from_secs(6);
        assert_eq!(view.staleness(later).unwrap(), "no answer for 6 s");
        view.paused = true;
        assert_eq!(view.staleness(later), None);
    }

    #[test]
    fn a_document_that_never_moves_on_is_stale() {
        let (mut view, start) = view();
        let at = |second| start + Duration::from_secs(second);
        for second in 0..6 {
            view.receive(answer(100), at(second), Moment(100_000));
        }
        assert!(
            view.staleness(at(5))
                .unwrap()
                .contains("a cache answers for the service")
        );
        view.receive(answer(106), at(6), Moment(100_000));
        assert_eq!(view.staleness(at(6)), None);
    }

    #[test]
    fn an_old_first_document_is_stale_until_the_next_one_proves_that_clocks_differ() {
        let (mut view, start) = view();
        view.receive(answer(0), start, Moment(3_600_000));
        assert!(view.staleness(start).unwrap().contains("1 h 00 m old"));
        view.receive(answer(1), start, Moment(3_601_000));
        assert_eq!(view.staleness(start), None);
    }
}
