//! A layer for `tracing`: each span is an operation.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ::tracing::callsite::Identifier;
use ::tracing::field::{Field, Visit};
use ::tracing::level_filters::LevelFilter;
use ::tracing::span::{Attributes, Id, Record};
use ::tracing::{Event, Level, Metadata, Subscriber};
use parking_lot::{Mutex, RwLock};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::hash::FastMap;
use super::register;
use crate::client::Tallylight;
use crate::fork;
use crate::metrics::{DropReason, Kind, Labels, Operation};
use crate::stopwatch;

const KIND_FIELD: &str = "otel.kind";
const ERROR_FIELD: &str = "error.type";
/// The error type of an `ERROR` event that names none.
const UNNAMED_ERROR: &str = "error";
/// Tables of open spans, so that threads seldom wait for each other.
const TABLES: usize = 16;

/// Records each span as an operation, from its creation to its close.
///
/// - The **name** is the span's.
/// - The **kind** is its field `otel.kind`: `server`, `client`, `internal`, and as OpenTelemetry
///   has them `producer` (a client) and `consumer` (a job), or our own `model` and `job`; without
///   one it is internal. A name that spans of several kinds use gets a label `otel.kind` on all
///   kinds but the first.
/// - It **failed** when its field `error.type` was set, at creation or by `Span::record`, or an
///   event of level `ERROR` happened in it, as `#[instrument(err)]` makes one: with the event's
///   field `error.type`, else `error`, as the error type. An event counts for the innermost
///   recorded span it is in; the outer ones succeed or fail by themselves.
///
/// Spans of level `INFO` and above are recorded, of every target, unless
/// [`TracingLayer::with_max_level`] and [`TracingLayer::with_targets`] choose others. A per-layer
/// filter of `tracing_subscriber` chooses more finely.
///
/// Each callsite is looked up by its address, and its operations are registered once. A success
/// allocates nothing here once as many spans were open at a time as are now.
///
/// ```
/// # fn main() -> Result<(), tallylight::Error> {
/// use tallylight::{Config, Tallylight, bridge::TracingLayer};
/// use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};
///
/// let tally = Tallylight::new(Config::default())?;
/// // A program calls `init` in the place of `set_default`.
/// let _guard = tracing_subscriber::registry().with(TracingLayer::new(&tally)).set_default();
///
/// let request = tracing::info_span!("GET /users", otel.kind = "server");
/// request.in_scope(|| tracing::error!(error.type = "TimeoutError", "the database is slow"));
/// drop(request);
///
/// let status = tally.status();
/// assert_eq!((status.metrics.total_requests, status.metrics.total_errors), (1, 1));
/// # Ok(())
/// # }
/// ```
pub struct TracingLayer {
    tally: Tallylight,
    max_level: LevelFilter,
    targets: Vec<Box<str>>,
    /// By callsite; `None` are those of other targets.
    sites: RwLock<FastMap<Identifier, Option<Arc<Site>>>>,
    open: [Mutex<FastMap<u64, Open>>; TABLES],
}

impl std::fmt::Debug for TracingLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TracingLayer")
            .field("max_level", &self.max_level)
            .field("targets", &self.targets)
            .finish_non_exhaustive()
    }
}

impl TracingLayer {
    /// A layer that records into this instance.
    #[must_use]
    pub fn new(tally: &Tallylight) -> Self {
        Self {
            tally: tally.clone(),
            max_level: LevelFilter::INFO,
            targets: Vec::new(),
            sites: RwLock::default(),
            open: Default::default(),
        }
    }

    /// Records spans up to this level; `LevelFilter::TRACE` is all of them.
    #[must_use]
    pub fn with_max_level(mut self, level: impl Into<LevelFilter>) -> Self {
        self.max_level = level.into();
        self
    }

    /// Records spans of these targets only, and of the modules below them: `my_app` is also
    /// `my_app::http`, not `my_app2`.
    #[must_use]
    pub fn with_targets<T: AsRef<str>>(mut self, targets: impl IntoIterator<Item = T>) -> Self {
        self.targets = targets
            .into_iter()
            .map(|target| target.as_ref().into())
            .collect();
        self
    }

    fn site(&self, metadata: &'static Metadata<'static>) -> Option<Arc<Site>> {
        if *metadata.level() > self.max_level {
            return None;
        }
        let callsite = metadata.callsite();
        let _inside = fork::enter()?;
        if let Some(known) = self.sites.read().get(&callsite) {
            return known.clone();
        }
        let site = self.wants(metadata.target()).then(|| Site::new(metadata));
        let mut sites = self.sites.write();
        sites
            .entry(callsite)
            .or_insert_with(|| site.map(Arc::new))
            .clone()
    }

    fn wants(&self, target: &str) -> bool {
        self.targets.is_empty()
            || self.targets.iter().any(|wanted| {
                target
                    .strip_prefix(&**wanted)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
            })
    }

    fn table(&self, id: &Id) -> &Mutex<FastMap<u64, Open>> {
        // The high bits of the product depend on all of the number: the registry keeps the thread
        // in its upper and the span in its lower part.
        let mixed = id.into_u64().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        &self.open[(mixed >> 32) as usize % TABLES]
    }
}

impl<S> Layer<S> for TracingLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        let Some(site) = self.site(attributes.metadata()) else {
            return;
        };
        let mut told = Told::default();
        if site.tells {
            attributes.record(&mut told);
        }
        let span = Open {
            site,
            kind: told.kind.unwrap_or_default(),
            error: told.error.map(Cow::Owned),
            started: stopwatch::now(),
        };
        if let Some(_inside) = fork::enter() {
            self.table(id).lock().insert(id.into_u64(), span);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        // Whatever the program does to show a value happens before the lock.
        let mut told = Told::default();
        values.record(&mut told);
        if told.kind.is_none() && told.error.is_none() {
            return;
        }
        let Some(_inside) = fork::enter() else {
            return;
        };
        if let Some(span) = self.table(id).lock().get_mut(&id.into_u64()) {
            span.kind = told.kind.unwrap_or(span.kind);
            if let Some(error) = told.error {
                span.error = Some(Cow::Owned(error));
            }
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if *event.metadata().level() != Level::ERROR {
            return;
        }
        let mut told = Told::default();
        event.record(&mut told);
        for outer in context.event_scope(event).into_iter().flatten() {
            let id = outer.id();
            let Some(_inside) = fork::enter() else {
                return;
            };
            if let Some(span) = self.table(&id).lock().get_mut(&id.into_u64()) {
                match told.error {
                    Some(error) => span.error = Some(Cow::Owned(error)),
                    None => span.error = span.error.take().or(Some(Cow::Borrowed(UNNAMED_ERROR))),
                }
                return;
            }
        }
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        let take = |_inside| self.table(&id).lock().remove(&id.into_u64());
        let Some(span) = fork::enter().and_then(take) else {
            return;
        };
        let took = Duration::from_nanos(stopwatch::nanos_since(span.started));
        match (span.site.operation(&self.tally, span.kind), &span.error) {
            (Some(operation), None) => operation.record(took),
            (Some(operation), Some(error)) => operation.record_error(took, error),
            (None, _) => self.tally.drop_one(DropReason::Refused),
        }
    }
}

/// A span that was not closed yet.
struct Open {
    site: Arc<Site>,
    kind: Kind,
    error: Option<Cow<'static, str>>,
    /// Of the [`stopwatch`].
    started: u64,
}

/// A callsite whose spans are recorded.
struct Site {
    name: &'static str,
    /// Whether its spans have a field of ours.
    tells: bool,
    /// By kind; `None` inside when the operation could not be registered.
    operations: [OnceLock<Option<Operation>>; Kind::ALL.len()],
}

impl Site {
    fn new(metadata: &'static Metadata<'static>) -> Self {
        let has = |name| metadata.fields().field(name).is_some();
        Self {
            name: metadata.name(),
            tells: has(KIND_FIELD) || has(ERROR_FIELD),
            operations: Default::default(),
        }
    }

    fn operation(&self, tally: &Tallylight, kind: Kind) -> Option<&Operation> {
        let register = || {
            register(&Labels::new(), (KIND_FIELD, kind.as_str()), |labels| {
                tally.operation(self.name, labels, kind)
            })
            .ok()
        };
        let operation = &self.operations[kind as usize];
        if operation.get().is_none() {
            // Inside, so that no forked child inherits a once-lock that is being filled.
            let _inside = fork::enter()?;
            operation.get_or_init(register);
        }
        operation.get().and_then(Option::as_ref)
    }
}

/// What the fields of a span or event tell.
#[derive(Default)]
struct Told {
    kind: Option<Kind>,
    error: Option<String>,
}

impl Visit for Told {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            KIND_FIELD => self.kind = kind_of(value).or(self.kind),
            ERROR_FIELD => self.error = Some(value.to_owned()),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if matches!(field.name(), KIND_FIELD | ERROR_FIELD) {
            self.record_str(field, &format!("{value:?}"));
        }
    }
}

fn kind_of(name: &str) -> Option<Kind> {
    let names = Kind::ALL.map(|kind| (kind.as_str(), kind));
    names
        .into_iter()
        .chain([("producer", Kind::Client), ("consumer", Kind::Job)])
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, kind)| kind)
}
