//! How a request is answered: what a test sets, and what that means on the wire.

use serde::{Deserialize, Serialize};

use crate::http::Response;

/// What becomes of an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It is kept, and answered with 200.
    #[default]
    Ok,
    /// 429 with `Retry-After` and `X-Sentry-Rate-Limits`, where they are set.
    #[serde(alias = "429")]
    RateLimit,
    /// 500.
    #[serde(alias = "500")]
    ServerError,
    /// The status that is set, 400 otherwise.
    Status,
    /// Accepted and never answered; not kept.
    Hang,
    /// The connection is reset once the request was read.
    #[serde(alias = "reset")]
    Refuse,
    /// Nobody listens on the port; only the control address answers.
    Down,
    /// Kept and answered with 200, after `delay_ms` (1 s when that is 0).
    Slow,
    /// Kept, and the connection is reset before the answer: the sender can't know.
    Lost,
}

/// A mode with its details.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Answer {
    /// What becomes of an envelope.
    pub mode: Mode,
    /// Seconds in `Retry-After`.
    pub retry_after: Option<u64>,
    /// `X-Sentry-Rate-Limits`, such as `60:error;transaction:organization`. Sent with every status, as Sentry does.
    pub rate_limits: Option<String>,
    /// The status of [`Mode::Status`].
    pub status: Option<u16>,
    /// How long every answer takes.
    pub delay_ms: u64,
    /// So many requests, then [`Mode::Ok`] again; `None` until it is changed.
    pub times: Option<u64>,
}

impl Answer {
    /// The mode alone.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            ..Self::default()
        }
    }

    /// Reads `{"mode": "hang", …}`, `"hang"` or the bare word.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.starts_with('{') {
            return serde_json::from_str(text).map_err(|error| error.to_string());
        }
        let word = text.trim_matches('"');
        serde_json::from_value(serde_json::Value::String(word.to_string()))
            .map(Self::new)
            .map_err(|error| error.to_string())
    }

    /// Whether the items of a request answered so are kept.
    pub(crate) fn keeps(&self) -> bool {
        matches!(self.mode, Mode::Ok | Mode::Slow | Mode::Lost)
    }

    pub(crate) fn delay_ms(&self) -> u64 {
        match self.mode {
            Mode::Slow if self.delay_ms == 0 => 1_000,
            _ => self.delay_ms,
        }
    }

    /// What goes out, for the modes that answer.
    pub(crate) fn response(&self, event_id: Option<&str>) -> Response {
        let (status, reason) = match self.mode {
            Mode::RateLimit => (429, "Too Many Requests"),
            Mode::ServerError => (500, "Internal Server Error"),
            Mode::Status => (self.status.unwrap_or(400), "As Asked"),
            _ => (200, "OK"),
        };
        let body = match (status, event_id) {
            (200, Some(id)) => serde_json::json!({ "id": id }).to_string(),
            (200, None) => "{}".to_string(),
            _ => serde_json::json!({ "detail": reason }).to_string(),
        };
        let mut response = Response::new(status, "application/json", body);
        response.reason = reason.to_string();
        if let Some(seconds) = self.retry_after {
            response.headers.add("Retry-After", seconds.to_string());
        }
        if let Some(limits) = &self.rate_limits {
            response
                .headers
                .add("X-Sentry-Rate-Limits", limits.as_str());
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_read_as_a_word_and_as_an_object() {
        assert_eq!(Answer::parse("429\n").unwrap().mode, Mode::RateLimit);
        assert_eq!(Answer::parse("\"hang\"").unwrap().mode, Mode::Hang);
        let answer = Answer::parse(r#"{"mode": "429", "retry_after": 60, "times": 2}"#).unwrap();
        assert_eq!(
            (answer.mode, answer.retry_after, answer.times),
            (Mode::RateLimit, Some(60), Some(2))
        );
        assert!(Answer::parse("sulk").is_err());
        assert!(Answer::parse(r#"{"mood": "hang"}"#).is_err());
    }
}
