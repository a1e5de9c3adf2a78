//! The light: how well a service does in one word, judged on its last five minutes of requests served.
//!
//! Model calls and other operations have no part in it: their ordinary seconds are no trouble.

use super::document::Windows;
use super::format::{duration, percent, span};
use super::output::Level;

/// Limits of the light. Above the first it is yellow, above the second red.
pub(crate) const ERROR_RATE_LIMITS: [f64; 2] = [0.5, 2.0];
pub(crate) const P95_LIMITS: [f64; 2] = [1500.0, 3000.0];

/// Seconds of the window that the light judges.
const JUDGED: f64 = 300.0;

/// The state of the service in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Light {
    Green,
    Yellow,
    Red,
    NoTraffic,
    /// The document lacks what the light is judged on.
    Unknown,
    Stale,
    Paused,
    /// No document yet.
    Waiting,
}

impl Light {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Green => "GREEN",
            Self::Yellow => "YELLOW",
            Self::Red => "RED",
            Self::NoTraffic => "NO TRAFFIC",
            Self::Unknown => "UNKNOWN",
            Self::Stale => "STALE",
            Self::Paused => "PAUSED",
            Self::Waiting => "WAITING",
        }
    }

    /// A full light is a judgement, a hollow one is none.
    pub(crate) fn symbol(self) -> &'static str {
        if matches!(self, Self::Green | Self::Yellow | Self::Red) {
            "●"
        } else {
            "○"
        }
    }

    pub(crate) fn level(self) -> Level {
        match self {
            Self::Green => Level::Good,
            Self::Yellow | Self::Stale | Self::Paused => Level::Warning,
            Self::Red => Level::Critical,
            Self::NoTraffic | Self::Unknown | Self::Waiting => Level::Strong,
        }
    }
}

/// The light by the figures alone, and why.
pub(crate) fn judge(requests: &Windows) -> (Light, String) {
    let Some(figures) = &requests.five_minutes else {
        return (
            Light::Unknown,
            "the document has no window of 5 min to judge".to_owned(),
        );
    };
    let over = match requests.five_minutes_covered {
        Some(seconds) if seconds < JUDGED - 5.0 => format!("the {} since the start", span(seconds)),
        _ => "the last 5 min".to_owned(),
    };
    if figures.count == Some(0.0) {
        return (Light::NoTraffic, format!("no requests in {over}"));
    }
    let signals = [
        (
            "error rate",
            figures.error_rate,
            ERROR_RATE_LIMITS,
            limit_percent as fn(f64) -> String,
        ),
        ("p95", figures.p95, P95_LIMITS, limit_duration),
    ];
    let mut light = Light::Green;
    let mut above = Vec::new();
    for (name, value, limits, shown) in signals {
        let limit = match level_of(value, limits) {
            Level::Critical => limits[1],
            Level::Warning => limits[0],
            _ => continue,
        };
        let value = if name == "p95" {
            duration(value)
        } else {
            percent(value)
        };
        light = if limit == limits[1] || light == Light::Red {
            Light::Red
        } else {
            Light::Yellow
        };
        above.push(format!("{name} {value} is over {}", shown(limit)));
    }
    if !above.is_empty() {
        return (light, format!("{}, in {over}", above.join(", ")));
    }
    if signals.iter().any(|(_, value, ..)| value.is_none()) {
        return (
            Light::Unknown,
            "the document lacks the error rate or the p95 of the last 5 min".to_owned(),
        );
    }
    let (rate, p95) = (percent(figures.error_rate), duration(figures.p95));
    (
        Light::Green,
        format!("error rate {rate}, p95 {p95} in {over}: within limits"),
    )
}

fn limit_percent(limit: f64) -> String {
    format!("{limit} %")
}

fn limit_duration(limit: f64) -> String {
    format!("{} s", limit / 1000.0)
}

/// How a value stands to its limits.
pub(crate) fn level_of(value: Option<f64>, limits: [f64; 2]) -> Level {
    match value {
        Some(value) if value > limits[1] => Level::Critical,
        Some(value) if value > limits[0] => Level::Warning,
        _ => Level::Plain,
    }
}
