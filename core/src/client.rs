//! An instance: its metrics, its settings, its ticker.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::clock::{self, Clock};
use crate::config::{Config, Environment};
use crate::error::{Error, ErrorKind};
#[cfg(feature = "sentry")]
use crate::errors::{self, Errors};
use crate::fork;
#[cfg(any(feature = "secrets-aws", feature = "sentry"))]
use crate::io::Io;
use crate::metrics::isolate::Isolate;
use crate::metrics::{
    self, Counter, DropReason, Drops, Gauge, Histogram, Instrument, InstrumentOptions, Kind,
    Labels, Limits, Operation, Registry, Snapshot, Tally,
};
use crate::runtime::Ticker;
#[cfg(feature = "secrets-aws")]
use crate::secrets::Secrets;
use crate::status::{self, Status};
#[cfg(feature = "sentry")]
use crate::trace::Traces;
use parking_lot::Mutex;

/// An instance of Tallylight. Cheap to clone: every clone is the same instance.
///
/// Most programs have one, made by [`init`]; [`Tallylight::new`] makes further ones that share
/// nothing with it.
#[derive(Clone)]
pub struct Tallylight {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Arc<Registry>,
    clock: Clock,
    started: Duration,
    ticker: Ticker,
    settings: Mutex<Settings>,
    #[cfg(feature = "sentry")]
    errors: Errors,
    #[cfg(feature = "sentry")]
    traces: Traces,
    #[cfg(feature = "secrets-aws")]
    secrets: Secrets,
}

struct Settings {
    config: Config,
    environment: Environment,
    /// Whether `init` set these, and `shutdown` did not end them since.
    initialised: bool,
}

impl Drop for Inner {
    fn drop(&mut self) {
        #[cfg(feature = "sentry")]
        self.errors.shutdown();
        #[cfg(feature = "secrets-aws")]
        self.secrets.shutdown();
        self.ticker.stop();
    }
}

impl std::fmt::Debug for Tallylight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let config = fork::enter().map(|_inside| self.inner.settings.lock().config.clone());
        f.debug_struct("Tallylight")
            .field("config", &config)
            .finish_non_exhaustive()
    }
}

static GLOBAL: OnceLock<Tallylight> = OnceLock::new();

/// The process-wide instance, made without any thread if nobody called [`init`] yet. What is
/// recorded before `init` is kept.
///
/// # Errors
/// `io` when there is no memory for it.
pub fn global() -> Result<Tallylight, Error> {
    if let Some(known) = GLOBAL.get() {
        return Ok(known.clone());
    }
    // Without `init` secrets and errors go by the environment's settings all the same: what is switched
    // off there must not answer, and an early event has its place to go. Recording stands on the
    // defaults, and never fails for a bad variable.
    #[cfg(any(feature = "secrets-aws", feature = "sentry"))]
    let fresh = {
        let from_env = Config::from_env();
        let known = from_env.as_ref().ok();
        let fresh = Tallylight::new(Config {
            #[cfg(feature = "secrets-aws")]
            secrets: known.map(|c| c.secrets.clone()).unwrap_or_default(),
            #[cfg(feature = "sentry")]
            errors: known.map(|c| c.errors.clone()).unwrap_or_default(),
            ..Config::default()
        })?;
        #[cfg(feature = "secrets-aws")]
        if let Err(error) = from_env {
            fresh.inner.secrets.refuse_settings(error.to_string());
        }
        fresh
    };
    #[cfg(not(any(feature = "secrets-aws", feature = "sentry")))]
    let fresh = Tallylight::new(Config::default())?;
    // Inside, so that no forked child inherits a lock that is being filled.
    let _inside = fork::enter().ok_or_else(fork::unfit)?;
    Ok(GLOBAL.get_or_init(|| fresh).clone())
}

/// Sets the process-wide instance up and starts its ticker thread. A second call with the same
/// settings answers the same instance; after [`Tallylight::shutdown`] a call opens it again.
///
/// # Errors
/// `invalid_config` for settings out of range, `conflict` when it is set up differently already,
/// `io` when there is no memory for it.
pub fn init(config: Config) -> Result<Tallylight, Error> {
    config.check()?;
    let config = config.normalised();
    let instance = global()?;
    let environment = Environment::detect(&config);
    let inside = fork::enter().ok_or_else(fork::unfit)?;
    let mut settings = instance.inner.settings.lock();
    if settings.initialised && settings.config != config {
        return Err(Error::new(
            ErrorKind::Conflict,
            format!(
                "Tallylight is already initialised with other settings ({}); call init once, or shutdown first",
                difference(&settings.config, &config)
            ),
        ));
    }
    let is_fresh = !settings.initialised;
    if is_fresh {
        instance.inner.registry.set_limits(limits(&config));
        instance.inner.registry.set_closed(false);
        #[cfg(feature = "secrets-aws")]
        instance
            .inner
            .secrets
            .configure(config.secrets.clone(), &environment)?;
        #[cfg(feature = "sentry")]
        instance.inner.errors.configure(&config, &environment)?;
        #[cfg(feature = "sentry")]
        instance.inner.traces.configure(&config, &environment);
        *settings = Settings {
            config,
            environment,
            initialised: true,
        };
    }
    instance.start_ticker_every(settings.config.tick);
    drop(settings);
    drop(inside);
    // What it calls takes locks of its own, so none of ours is held any more.
    #[cfg(feature = "sentry")]
    if is_fresh {
        errors::rust::bind(&instance);
    }
    Ok(instance)
}

/// Names the settings that differ, never their values.
fn difference(known: &Config, asked: &Config) -> String {
    let fields = [
        ("environment", known.environment != asked.environment),
        ("service", known.service != asked.service),
        ("release", known.release != asked.release),
        ("max_series", known.max_series != asked.max_series),
        (
            "max_memory_bytes",
            known.max_memory_bytes != asked.max_memory_bytes,
        ),
        (
            "max_window_bytes",
            known.max_window_bytes != asked.max_window_bytes,
        ),
        ("tick", known.tick != asked.tick),
        #[cfg(feature = "sentry")]
        ("errors", known.errors != asked.errors),
        #[cfg(feature = "secrets-aws")]
        ("secrets", known.secrets != asked.secrets),
    ];
    let differing: Vec<&str> = fields
        .into_iter()
        .filter_map(|(name, differs)| differs.then_some(name))
        .collect();
    differing.join(", ")
}

fn limits(config: &Config) -> Limits {
    Limits {
        max_series: config.max_series,
        max_memory_bytes: config.max_memory_bytes,
        max_window_bytes: config.max_window_bytes,
    }
}

impl Tallylight {
    /// An instance of its own, without any thread: windows take in what is new at each snapshot
    /// and status.
    ///
    /// # Errors
    /// `invalid_config` for settings out of range, `io` when there is no memory for it.
    pub fn new(config: Config) -> Result<Self, Error> {
        Self::with_clock(config, Clock::system())
    }

    /// As [`Self::new`], with a clock that a test moves.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_clock(config: Config, clock: Clock) -> Result<Self, Error> {
        config.check()?;
        let config = config.normalised();
        let environment = Environment::detect(&config);
        let registry = Registry::new(limits(&config))?;
        #[cfg(any(feature = "secrets-aws", feature = "sentry"))]
        let io = Arc::new(Io::default());
        #[cfg(feature = "sentry")]
        let errors = Errors::new(
            &config,
            &environment,
            Arc::clone(&registry),
            clock.clone(),
            Arc::clone(&io),
        )?;
        Ok(Self {
            inner: Arc::new(Inner {
                #[cfg(feature = "sentry")]
                traces: Traces::new(
                    &config,
                    &environment,
                    Arc::clone(&registry),
                    clock.clone(),
                    errors.clone(),
                ),
                #[cfg(feature = "sentry")]
                errors,
                #[cfg(feature = "secrets-aws")]
                secrets: Secrets::new(
                    config.secrets.clone(),
                    &environment,
                    Arc::clone(&registry),
                    clock.clone(),
                    io,
                )?,
                registry,
                started: clock.now(),
                clock,
                ticker: Ticker::default(),
                settings: Mutex::new(Settings {
                    config,
                    environment,
                    initialised: false,
                }),
            }),
        })
    }

    /// Starts the ticker thread unless it runs; it ends with the instance.
    pub fn start_ticker(&self) {
        let every = fork::enter().map(|_inside| self.inner.settings.lock().config.tick);
        if let Some(every) = every {
            self.start_ticker_every(every);
        }
    }

    fn start_ticker_every(&self, every: Duration) {
        let weak = Arc::downgrade(&self.inner);
        self.inner.ticker.start(every, move || {
            let Some(inner) = weak.upgrade() else {
                return false;
            };
            let tick = || {
                metrics::collect(&inner.registry, inner.clock.now().as_secs());
                #[cfg(feature = "sentry")]
                inner.traces.tick();
            };
            match catch_unwind(AssertUnwindSafe(tick)) {
                Ok(()) => inner.ticker.count_tick(),
                Err(_) => inner.ticker.count_panic(),
            }
            true
        });
    }

    /// Finds or registers an operation. Ask once and keep the handle.
    ///
    /// Past the cap on series it answers the overflow series of that kind,
    /// [`metrics::OVERFLOW_SERIES`].
    ///
    /// # Errors
    /// `invalid_name` for a name that is empty, longer than 200 bytes or not printable; `conflict`
    /// when the same name and labels are registered as something else.
    pub fn operation(&self, name: &str, labels: &Labels, kind: Kind) -> Result<Operation, Error> {
        let series = self.inner.registry.register(
            name,
            labels,
            Instrument::Operation(kind),
            &InstrumentOptions::default(),
        )?;
        Ok(Operation::new(&self.inner.registry, series.id))
    }

    /// Finds or registers a counter.
    ///
    /// # Errors
    /// As [`Self::operation`], and `invalid_value` for a scale outside 1e-9 to 1e12.
    pub fn counter(
        &self,
        name: &str,
        labels: &Labels,
        options: &InstrumentOptions,
    ) -> Result<Counter, Error> {
        let registry = Arc::clone(&self.inner.registry);
        let series = registry.register(name, labels, Instrument::Counter, options)?;
        Ok(Counter::new(registry, series))
    }

    /// Finds or registers a gauge.
    ///
    /// # Errors
    /// As [`Self::counter`].
    pub fn gauge(
        &self,
        name: &str,
        labels: &Labels,
        options: &InstrumentOptions,
    ) -> Result<Gauge, Error> {
        let registry = Arc::clone(&self.inner.registry);
        let series = registry.register(name, labels, Instrument::Gauge, options)?;
        Ok(Gauge::new(registry, series))
    }

    /// Finds or registers a histogram of a quantity.
    ///
    /// # Errors
    /// As [`Self::counter`].
    pub fn histogram(
        &self,
        name: &str,
        labels: &Labels,
        options: &InstrumentOptions,
    ) -> Result<Histogram, Error> {
        let registry = Arc::clone(&self.inner.registry);
        let series = registry.register(name, labels, Instrument::Histogram, options)?;
        Ok(Histogram::new(registry, series))
    }

    /// Every series as it is now. Waits for no writer.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let now = self.inner.clock.now();
        Snapshot {
            timestamp: clock::rfc3339(self.inner.clock.wall()),
            series: metrics::totals(&self.inner.registry, now.as_secs()),
        }
    }

    /// The status document as it is now. Waits for no writer.
    #[must_use]
    pub fn status(&self) -> Status {
        let now = self.inner.clock.now();
        let (config, environment) = match fork::enter() {
            Some(_inside) => {
                let settings = self.inner.settings.lock();
                (settings.config.clone(), settings.environment.clone())
            }
            None => {
                let config = Config::default();
                let environment = Environment::detect(&config);
                (config, environment)
            }
        };
        status::build(status::Sources {
            registry: &self.inner.registry,
            config: &config,
            environment: &environment,
            now,
            wall: self.inner.clock.wall(),
            started: self.inner.started,
            #[cfg(feature = "sentry")]
            errors: &self.inner.errors,
            #[cfg(feature = "secrets-aws")]
            secrets: &self.inner.secrets,
            ticker_running: self.inner.ticker.is_running(),
            ticker_panics: self.inner.ticker.panics(),
        })
    }

    /// The settings in use and the environment they were found to be for.
    #[cfg(feature = "sentry")]
    pub(crate) fn settings(&self) -> Option<(Config, Environment)> {
        let _inside = fork::enter()?;
        let settings = self.inner.settings.lock();
        Some((settings.config.clone(), settings.environment.clone()))
    }

    /// The errors and traces of this instance. Starts nothing.
    #[cfg(feature = "sentry")]
    #[must_use]
    pub fn errors(&self) -> &Errors {
        &self.inner.errors
    }

    /// The traces, check-ins, sessions and authentication failures of this instance. Starts nothing.
    #[cfg(feature = "sentry")]
    #[must_use]
    pub fn traces(&self) -> &Traces {
        &self.inner.traces
    }

    /// The secrets of this instance. Starts nothing.
    #[cfg(feature = "secrets-aws")]
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.inner.secrets
    }

    /// What was dropped, by reason.
    #[must_use]
    pub fn drops(&self) -> Drops {
        self.inner.registry.drops()
    }

    /// Closes recording on every thread and isolate and ends the ticker. Later recordings are
    /// counted drops; what was recorded can still be read. [`init`] opens it again.
    pub fn shutdown(&self) {
        // Before anything of ours is held, since it captures.
        #[cfg(feature = "sentry")]
        if GLOBAL
            .get()
            .is_some_and(|global| Arc::ptr_eq(&global.inner, &self.inner))
        {
            errors::rust::before_shutdown();
        }
        // It may wait for a server, so neither inside, where a fork would wait for it, nor with the lock.
        #[cfg(feature = "sentry")]
        self.inner.errors.shutdown();
        let Some(_inside) = fork::enter() else {
            return;
        };
        // Held to the end: an `init` meanwhile would find it half closed.
        let mut settings = self.inner.settings.lock();
        settings.initialised = false;
        #[cfg(feature = "secrets-aws")]
        self.inner.secrets.shutdown();
        self.inner.registry.set_closed(true);
        self.inner.ticker.stop();
    }

    /// Gives a forked child its own ticker, if the parent had one. Its counts start at zero
    /// without this call.
    pub fn after_fork_in_child(&self) {
        if self.inner.ticker.was_running() && !self.inner.ticker.is_running() {
            self.start_ticker();
        }
        #[cfg(feature = "sentry")]
        errors::rust::after_fork_in_child();
    }

    /// A shard for a JavaScript isolate to write; `None` when none is left, and the isolate then
    /// records by calls.
    #[must_use]
    pub fn isolate(&self) -> Option<Isolate> {
        Isolate::claim(&self.inner.registry)
    }

    /// The number of the counter series for an operation's failures of one type.
    #[must_use]
    pub fn error_series(&self, operation: u32, error_type: &str) -> u32 {
        self.inner
            .registry
            .error_series_by_number(operation, error_type)
    }

    /// Adds failures to an error series by its number, for a binding without cells of its own for
    /// it; false when there is no such series.
    #[doc(hidden)]
    #[must_use]
    pub fn add_failures(&self, series: u32, n: u64) -> bool {
        self.inner.registry.add_failures(series, n)
    }

    /// How many ticks the background thread has made.
    #[doc(hidden)]
    #[must_use]
    pub fn ticks(&self) -> u64 {
        self.inner.ticker.ticks()
    }

    /// Counts a recording that a binding could not make.
    pub fn drop_one(&self, reason: DropReason) {
        self.inner.registry.dropped(reason);
    }

    /// Counts a value that a binding recorded as the maximum.
    pub fn clamp_one(&self) {
        self.inner.registry.tally(Tally::Clamped);
    }
}
