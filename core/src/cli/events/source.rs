//! Where the commands on events find them: the spool and the local store, by the core's reader.

use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{fs, io};

use serde_json::{Value, json};

use super::args::{Kind, Which};
use super::summary::{Summary, line};
use crate::cli::output::{Failure, Level};
use crate::cli::say;
use crate::config::Config;
use crate::errors::store::{self, Stored, StoredState};
use crate::errors::{ErrorsConfig, enrich};

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
}

impl State {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Held => "held",
            Self::Sent => "sent",
            Self::Kept => "kept",
        }
    }

    pub(super) fn level(self) -> Level {
        match self {
            Self::Waiting | Self::Held => Level::Warning,
            Self::Sent | Self::Kept => Level::Good,
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
        say::object([
            ("id", json!(self.id)),
            ("kind", json!(self.kind.name())),
            ("level", json!(summary.level)),
            ("title", json!(summary.title)),
            ("place", json!(summary.place)),
            ("capturedAt", say::stamp(Some(self.captured_at))),
            ("state", json!(self.state.word())),
            ("copies", json!(self.copies)),
            ("attempts", json!(self.attempts)),
            ("to", json!(self.to)),
            ("attachments", json!(self.attachments)),
        ])
    }
}

/// The folder that the commands look at.
pub(super) struct Spool {
    base: PathBuf,
    kinds: Vec<Kind>,
    config: ErrorsConfig,
}

impl Spool {
    /// The folder that the arguments or the environment name, which need not exist: nothing was
    /// captured then.
    pub(super) fn open(which: &Which) -> Result<Self, Failure> {
        let mut config = Config::from_env()
            .map_err(|error| {
                Failure::usage(say::clean(&error.to_string())).hint(
                    "the environment's settings are wrong: a service here would not start either",
                )
            })?
            .errors;
        if let Some(folder) = &which.dir {
            config.spool_dir = Some(folder.clone());
        }
        Ok(Self {
            base: store::base(&config),
            kinds: which.kind.clone(),
            config,
        })
    }

    /// The folder, fit to print.
    pub(super) fn folder(&self) -> String {
        line(&self.base.to_string_lossy(), 300)
    }

    /// What is there, the newest first.
    pub(super) fn events(&self) -> Result<Vec<Found>, Failure> {
        let mut all = Vec::new();
        for (folder, to) in self.folders()? {
            let stored = store::list(&folder, usize::MAX).map_err(|error| {
                Failure::new(say::clean(&error.to_string())).hint(
                    "--dir names another folder; TALLYLIGHT_SPOOL_DIR does so for all commands",
                )
            })?;
            all.extend(
                stored
                    .into_iter()
                    .map(|stored| Found::of(stored, to.clone())),
            );
        }
        all.retain(|found| self.kinds.is_empty() || self.kinds.contains(&found.kind));
        all.sort_by(|a, b| (b.captured_at, &b.id).cmp(&(a.captured_at, &a.id)));
        Ok(all)
    }

    /// The folders of events, and the server that each is for.
    fn folders(&self) -> Result<Vec<(PathBuf, Option<String>)>, Failure> {
        let own = store::folder_of(&self.config);
        let local = store::folder_of(&ErrorsConfig {
            dsn: None,
            ..self.config.clone()
        });
        let to = |folder: &Path| match &self.config.dsn {
            _ if folder == local => None,
            Some(dsn) if folder == own => Some(dsn.to_string()),
            // A folder's name tells nothing of the DSN it is made of.
            _ => Some("another DSN".to_owned()),
        };
        let folders = below(&self.base)?;
        Ok(folders
            .into_iter()
            .map(|folder| {
                let to = to(&folder);
                (folder, to)
            })
            .collect())
    }

    /// The same event with what only files tell: the source around each frame.
    pub(super) fn whole(&self, mut found: Found) -> Found {
        let text = found.event.to_string();
        if let Some(whole) = enrich::enrich_json(&text, found.captured_at, &self.config)
            && let Ok(event) = serde_json::from_str(&whole)
        {
            found.event = event;
        }
        found
    }
}

impl Found {
    fn of(stored: Stored, to: Option<String>) -> Self {
        let mut event: Value = serde_json::from_str(&stored.payload).unwrap_or_default();
        // What is true of the process is added at delivery only; the event's own words win.
        if let (Some(own), Ok(Value::Object(facts))) = (
            event.as_object_mut(),
            serde_json::from_str::<Value>(&stored.facts),
        ) {
            for (field, fact) in facts {
                own.entry(field).or_insert(fact);
            }
        }
        Self {
            id: stored.id.to_string(),
            kind: Kind::of(stored.category),
            captured_at: stored.captured_at,
            state: match stored.state {
                StoredState::Waiting => State::Waiting,
                StoredState::Held => State::Held,
                _ if to.is_some() => State::Sent,
                _ => State::Kept,
            },
            copies: stored.copies.into(),
            attempts: stored.attempts.into(),
            to,
            event,
            attachments: stored
                .attachments
                .into_iter()
                .map(|file| file.filename)
                .collect(),
        }
    }
}

/// The folders in it; none where there is none.
fn below(base: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = match fs::read_dir(base) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(Failure::new(format!(
                "{} cannot be read: {error}",
                line(&base.to_string_lossy(), 300)
            ))
            .hint(
                "run it as the user whose services capture events, or name another folder by --dir",
            ));
        }
    };
    let folders = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.is_dir());
    Ok(folders.collect())
}
