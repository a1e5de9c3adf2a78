//! What readers and the keeper share: the index, the settings, and who is told of changes.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use super::changes::Subscribers;
use super::config::SecretsConfig;
use super::declared::Declarations;
use super::disk::CacheFileStatus;
use super::environment::is_development;
use super::epoch::Epoch;
use super::index::Index;
use super::keeper;
use super::telemetry::Telemetry;
use crate::block_on::block_on;
use crate::clock::Clock;
use crate::coarse;
use crate::config::Environment;
use crate::error::Error;
use crate::fork;
use crate::io::Io;
use crate::metrics::Registry;
use crate::scrub;

/// How long `shutdown` waits for the I/O thread to let go.
const LAST_PATIENCE: Duration = Duration::from_millis(500);

/// Caches of this process that hold values. The scrubber knows the values of all of them, so it
/// forgets when the last one does.
/// Held while it registers or forgets, so that none forgets what another has just registered.
static HOLDING: Mutex<usize> = Mutex::new(0);

/// The settings, with what follows from them.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) config: SecretsConfig,
    pub(super) declarations: Declarations,
    pub(super) environment: String,
    /// Why the settings of the environment cannot be used, where nobody gave others.
    pub(super) broken: Option<String>,
    /// Whether a value may come from the environment.
    pub(super) is_development: bool,
}

pub(super) struct Shared {
    pub(super) clock: Clock,
    pub(super) settings: ArcSwap<Settings>,
    pub(super) index: ArcSwap<Index>,
    /// Held by whoever replaces the index.
    replacing: Mutex<()>,
    pub(super) epoch: Arc<Epoch>,
    pub(super) subscribers: Subscribers,
    pub(super) io: Arc<Io>,
    cache_file: ArcSwap<CacheFileStatus>,
    registry: Arc<Registry>,
    telemetry: OnceLock<Option<Telemetry>>,
    closed: AtomicBool,
    /// Moves when everything is forgotten: a keeper of before may publish no more.
    era: AtomicU32,
    /// The fork generation in which a keeper watches what becomes due.
    watched_in: AtomicU32,
    holds: AtomicBool,
}

impl Shared {
    pub(super) fn new(
        config: SecretsConfig,
        environment: &Environment,
        registry: Arc<Registry>,
        clock: Clock,
        io: Arc<Io>,
    ) -> Result<Self, Error> {
        Ok(Self {
            clock,
            settings: ArcSwap::from_pointee(settings(config, environment)?),
            index: ArcSwap::default(),
            replacing: Mutex::new(()),
            epoch: Arc::default(),
            subscribers: Subscribers::default(),
            io,
            cache_file: ArcSwap::default(),
            registry,
            telemetry: OnceLock::new(),
            closed: AtomicBool::new(false),
            era: AtomicU32::new(0),
            // Without a keeper nothing is published that ever becomes due.
            watched_in: AtomicU32::new(fork::generation()),
            holds: AtomicBool::new(false),
        })
    }

    pub(super) fn now(&self) -> u64 {
        coarse::millis(&self.clock)
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The counters, if anything was ever asked.
    #[inline]
    pub(super) fn telemetry(&self) -> Option<&Telemetry> {
        match self.telemetry.get() {
            Some(known) => known.as_ref(),
            None => self.register_telemetry(),
        }
    }

    #[cold]
    fn register_telemetry(&self) -> Option<&Telemetry> {
        // Inside, so that no forked child inherits a lock that is being filled.
        let _inside = fork::enter()?;
        self.telemetry
            .get_or_init(|| Telemetry::register(&self.registry))
            .as_ref()
    }

    /// Counts how often everything was forgotten.
    pub(super) fn era(&self) -> u32 {
        self.era.load(Ordering::Relaxed)
    }

    /// Replaces the index by one that `change` made of it, and moves the epoch; not for a keeper of
    /// an `era` that is over.
    pub(super) fn publish(&self, era: u32, change: impl FnOnce(&mut Index)) {
        let Some(_inside) = fork::enter() else {
            return;
        };
        let _replacing = self.replacing.lock();
        if self.is_closed() || era != self.era() {
            return;
        }
        let mut index = Index::clone(&self.index.load());
        change(&mut index);
        index.settle();
        self.index.store(Arc::new(index));
        self.epoch.advance();
    }

    /// Has the scrubber know values before anybody has them.
    pub(super) fn register_values<'a>(&self, values: impl IntoIterator<Item = &'a [u8]>) {
        let Some(_inside) = fork::enter() else {
            return;
        };
        let mut holding = HOLDING.lock();
        if !self.holds.swap(true, Ordering::Relaxed) {
            *holding += 1;
        }
        scrub::register_all(values);
    }

    /// Notes how the sealed cache is; the keeper alone does.
    pub(super) fn report_cache_file(&self, note: impl FnOnce(&mut CacheFileStatus)) {
        let mut report = CacheFileStatus::clone(&self.cache_file.load());
        note(&mut report);
        self.cache_file.store(Arc::new(report));
    }

    /// How the sealed cache is, if there is one.
    pub(super) fn cache_file(&self) -> Option<CacheFileStatus> {
        let is_on = self.settings.load().config.cache_file.is_some();
        is_on.then(|| CacheFileStatus::clone(&self.cache_file.load()))
    }

    /// Whether a keeper of this process watches what becomes due. In a forked child none does
    /// until its first job.
    #[inline]
    pub(super) fn is_watched(&self) -> bool {
        self.watched_in.load(Ordering::Relaxed) == fork::generation()
    }

    pub(super) fn watch_begins(&self) {
        self.watched_in.store(fork::generation(), Ordering::Relaxed);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    pub(super) fn configure(
        &self,
        config: SecretsConfig,
        environment: &Environment,
    ) -> Result<(), Error> {
        self.settings
            .store(Arc::new(settings(config, environment)?));
        self.closed.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Has every reading fail with this until [`Self::configure`].
    pub(super) fn refuse_settings(&self, text: String) {
        self.settings.rcu(|known| Settings {
            broken: Some(text.clone()),
            declarations: known.declarations.clone(),
            config: known.config.clone(),
            environment: known.environment.clone(),
            is_development: known.is_development,
        });
    }

    /// Drops every value; the last references to them go as readers let go.
    pub(super) fn forget(&self) {
        if let Some(_inside) = fork::enter() {
            let _replacing = self.replacing.lock();
            self.era.fetch_add(1, Ordering::Relaxed);
            self.index.store(Arc::default());
            self.epoch.advance();
        }
        let Some(_inside) = fork::enter() else {
            return;
        };
        let mut holding = HOLDING.lock();
        if self.holds.swap(false, Ordering::Relaxed) {
            *holding -= 1;
            if *holding == 0 {
                scrub::forget_all();
            }
        }
    }

    pub(super) fn shutdown(self: &Arc<Self>) {
        if !self.is_closed() {
            self.flush(LAST_PATIENCE);
        }
        self.close();
    }

    /// Waits until the sealed cache holds what was read, if there is one.
    pub(super) fn flush(self: &Arc<Self>, limit: Duration) {
        if self.settings.load().config.cache_file.is_none() || self.io.is_this_thread() {
            return;
        }
        let (done, flushed) = tokio::sync::oneshot::channel();
        let shared = Arc::clone(self);
        let sent = self.io.submit_if_running(move || {
            keeper::with(&shared, |keeper, _| keeper.flush(done));
        });
        if sent {
            let _ = block_on(flushed, Some(limit));
        }
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.subscribers.close();
        self.io.stop(LAST_PATIENCE);
        self.forget();
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.close();
    }
}

fn settings(config: SecretsConfig, environment: &Environment) -> Result<Settings, Error> {
    Ok(Settings {
        declarations: Declarations::new(&config.declared, &config.aliases)?,
        broken: None,
        config,
        is_development: is_development(&environment.name),
        environment: environment.name.clone(),
    })
}
