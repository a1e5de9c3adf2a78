//! Where the commands on events find them: the spool and the local store, by the core's reader.

use std::path::PathBuf;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::args::{Kind, Which};
use super::summary::{Summary, line};
use crate::cli::output::{Failure, Level};
use crate::cli::say;
use crate::errors::DiscardReason;

/// An event in the spool or the local store.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// 32 hexadecimal digits.
    pub(super) id: String,
    pub(super) kind: Kind,
    pub(super) captured_at: SystemTime,
    pub(super) state: State,
    /// Identical events that it stands for, itself included.
    pub(super) copies: u64,
    /// How often it was tried to be sent.
    pub(super) attempts: u64,
    /// The server without the key; none in the local store.
    pub(super) to: Option<String>,
    pub(super) event: Value,
    /// Names of the files beside it.
    pub(super) attachments: Vec<String>,
}

/// Where an event is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Waiting,
    Held,
    Sent,
    Kept,
    Dropped(DiscardReason),
}

impl State {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Held => "held",
            Self::Sent => "sent",
            Self::Kept => "kept",
            Self::Dropped(_) => "dropped",
        }
    }

    pub(super) fn level(self) -> Level {
        match self {
            Self::Waiting | Self::Held => Level::Warning,
            Self::Sent | Self::Kept => Level::Good,
            Self::Dropped(_) => Level::Critical,
        }
    }
}

impl Found {
    pub(super) fn summary(&self) -> Summary {
        Summary::of(self.kind, &self.event)
    }

    /// What is known of it, for a program; the event itself is left out.
    pub(super) fn document(&self) -> Value {
        let summary = self.summary();
        let reason = match self.state {
            State::Dropped(reason) => json!(reason.name()),
            _ => Value::Null,
        };
        say::object([
            ("id", json!(self.id)),
            ("kind", json!(self.kind.name())),
            ("level", json!(summary.level)),
            ("title", json!(summary.title)),
            ("place", json!(summary.place)),
            ("capturedAt", say::stamp(Some(self.captured_at))),
            ("state", json!(self.state.word())),
            ("reason", reason),
            ("copies", json!(self.copies)),
            ("attempts", json!(self.attempts)),
            ("to", json!(self.to)),
            ("attachments", json!(self.attachments)),
        ])
    }
}

/// The folder that the commands look at.
pub(super) struct Spool {
    folder: PathBuf,
    kinds: Vec<Kind>,
}

impl Spool {
    /// The folder that the arguments or the environment name, which need not exist: nothing was captured then.
    pub(super) fn open(which: &Which) -> Result<Self, Failure> {
        Ok(Self {
            folder: which.dir.clone().unwrap_or_default(),
            kinds: which.kind.clone(),
        })
    }

    /// The folder, fit to print.
    pub(super) fn folder(&self) -> String {
        line(&self.folder.to_string_lossy(), 300)
    }

    /// What is there, the newest first.
    pub(super) fn events(&self) -> Result<Vec<Found>, Failure> {
        let mut all: Vec<Found> = Vec::new();
        all.retain(|found| self.kinds.is_empty() || self.kinds.contains(&found.kind));
        Ok(all)
    }

    /// The same event with what only files tell: the source around each frame.
    pub(super) fn whole(&self, found: Found) -> Found {
        found
    }
}
