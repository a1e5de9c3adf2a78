//! Release health: the session of this process, from its start to its end.
//!
//! Source: <https://develop.sentry.dev/sdk/telemetry/sessions/>. There is one session a process, as a job
//! or a server has one run. It tells the server when it starts, when its first error comes and when it
//! ends; further errors are a number that goes along. Without a release the server has nothing to count
//! it for, and none is started. A forked child has none of its own until it starts one.

use std::time::Duration;

use serde_json::{Map, json};

use super::ids::random;
use super::{Facts, Traces};
use crate::clock::rfc3339;
use crate::errors::{Category, EventId, Item};
use crate::fork;

/// How a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEnd {
    /// As it should.
    Exited,
    /// By an error that nobody handled.
    Crashed,
    /// Nobody knows how.
    Abnormal,
}

impl SessionEnd {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exited => "exited",
            Self::Crashed => "crashed",
            Self::Abnormal => "abnormal",
        }
    }

    /// The end of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Exited, Self::Crashed, Self::Abnormal]
            .into_iter()
            .find(|end| end.name() == name)
    }
}

/// The session under way.
pub(super) struct Session {
    fork: u32,
    id: EventId,
    user: Option<String>,
    release: String,
    environment: String,
    started: Duration,
    /// Of the monotonic clock.
    since: Duration,
    errors: u64,
    updates: u64,
}

impl Session {
    /// The whole state of the session, as each update tells it; only the first is its `init`.
    fn update(&mut self, status: &str, wall: Duration, now: Duration) -> String {
        self.updates += 1;
        let mut payload = Map::new();
        let mut insert = |key: &str, value| {
            payload.insert(key.to_owned(), value);
        };
        insert("sid", json!(dashed(self.id)));
        if let Some(user) = &self.user {
            insert("did", json!(user));
        }
        insert("init", json!(self.updates == 1));
        insert("seq", json!(self.updates - 1));
        insert("started", json!(rfc3339(self.started)));
        insert("timestamp", json!(rfc3339(wall)));
        insert("status", json!(status));
        insert("errors", json!(self.errors));
        if status != "ok" {
            let took = now.saturating_sub(self.since);
            insert("duration", json!(took.as_secs_f64()));
        }
        let attributes = json!({ "release": self.release, "environment": self.environment });
        insert("attrs", attributes);
        serde_json::Value::Object(payload).to_string()
    }
}

impl Traces {
    /// Starts the session of this process, ending the one under way; `user` is the id of whom it is
    /// for, if it is for one. Whether there is one now: without a release there is none.
    pub fn start_session(&self, user: Option<&str>) -> bool {
        self.end_session(SessionEnd::Exited);
        let facts = self.shared.facts.load();
        let Some(release) = facts.release.clone() else {
            return false;
        };
        let clock = &self.shared.clock;
        let mut session = Session {
            fork: fork::generation(),
            // A session's id is a UUID, whose version the server checks.
            id: EventId(uuid_v4()),
            user: user.map(str::to_owned).filter(|user| !user.is_empty()),
            release,
            environment: Facts::clone(&facts).environment,
            started: clock.wall(),
            since: clock.now(),
            errors: 0,
            updates: 0,
        };
        let payload = self.update(&mut session, "ok");
        let id = session.id;
        // Captured outside the gate: whoever captures inside it is taken for a signal handler.
        let is_kept = fork::enter().map(|_inside| {
            *self.shared.session.lock() = Some(session);
        });
        if is_kept.is_some() {
            self.send_session(id, &payload);
        }
        is_kept.is_some()
    }

    /// Ends the session of this process; whether there was one.
    pub fn end_session(&self, end: SessionEnd) -> bool {
        let taken = fork::enter().and_then(|_inside| self.shared.session.lock().take());
        let Some(mut session) = taken.filter(|session| session.fork == fork::generation()) else {
            return false;
        };
        if end == SessionEnd::Crashed {
            session.errors = session.errors.max(1);
        }
        let payload = self.update(&mut session, end.name());
        self.send_session(session.id, &payload);
        true
    }

    /// Counts an error into the session of this process. The first is told at once.
    pub fn session_errored(&self) {
        let told = fork::enter().and_then(|_inside| {
            let mut known = self.shared.session.lock();
            let session = known
                .as_mut()
                .filter(|session| session.fork == fork::generation())?;
            session.errors += 1;
            (session.errors == 1).then(|| (session.id, self.update(session, "ok")))
        });
        if let Some((id, payload)) = told {
            self.send_session(id, &payload);
        }
    }

    fn update(&self, session: &mut Session, status: &str) -> String {
        let clock = &self.shared.clock;
        session.update(status, clock.wall(), clock.now())
    }

    fn send_session(&self, id: EventId, payload: &str) {
        self.shared.errors.capture(&Item {
            category: Category::Session,
            id,
            payload,
            trace: None,
            attachments: &[],
            profile: None,
        });
    }
}

fn uuid_v4() -> u128 {
    let bits = u128::from_ne_bytes(random());
    (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62)
}

fn dashed(id: EventId) -> String {
    let text = id.to_string();
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
    parts
        .map(|range| text.get(range).unwrap_or_default().to_owned())
        .join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_update_tells_the_whole_session() {
        let mut session = Session {
            fork: 0,
            id: EventId(0x0123_4567_89ab_4def_8123_4567_89ab_cdef),
            user: Some("7".to_owned()),
            release: "app@1".to_owned(),
            environment: "test".to_owned(),
            started: Duration::from_secs(1_705_314_600),
            since: Duration::from_secs(100),
            errors: 0,
            updates: 0,
        };
        let mut read = |errors, status| -> serde_json::Value {
            session.errors = errors;
            let (wall, now) = (Duration::from_secs(1_705_314_660), Duration::from_secs(160));
            serde_json::from_str(&session.update(status, wall, now)).unwrap()
        };
        let mut expected = json!({
            "sid": "01234567-89ab-4def-8123-456789abcdef",
            "did": "7",
            "init": true,
            "seq": 0,
            "started": "2024-01-15T10:30:00.000Z",
            "timestamp": "2024-01-15T10:31:00.000Z",
            "status": "ok",
            "errors": 0,
            "attrs": { "release": "app@1", "environment": "test" },
        });
        assert_eq!(read(0, "ok"), expected);
        expected["init"] = json!(false);
        expected["seq"] = json!(1);
        expected["errors"] = json!(2);
        expected["status"] = json!("crashed");
        expected["duration"] = json!(60.0);
        assert_eq!(read(2, "crashed"), expected);
    }

    #[test]
    fn a_session_id_is_a_random_uuid() {
        let text = dashed(EventId(uuid_v4()));
        assert_eq!(text.len(), 36);
        assert_eq!(text.as_bytes()[14], b'4');
        assert!(
            matches!(text.as_bytes()[19], b'8' | b'9' | b'a' | b'b'),
            "{text}"
        );
    }
}
