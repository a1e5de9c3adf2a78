//! Registering series: names and labels in, numbers out.

use napi::Env;
use napi_derive::napi;
use tallylight::{InstrumentOptions, Kind, Labels, Tallylight};

use crate::boundary::{Result, contained};
use crate::env::{Handle, with_state};

/// How a counter, gauge or histogram counts.
#[napi(object)]
pub struct SeriesOptions {
    /// The unit, shown and not interpreted.
    pub unit: Option<String>,
    /// Values are kept as `round(value * scale)`; 1 unless given.
    pub scale: Option<f64>,
    /// One line on what is counted.
    pub description: Option<String>,
}

impl From<SeriesOptions> for InstrumentOptions {
    fn from(given: SeriesOptions) -> Self {
        Self {
            unit: given.unit,
            scale: given.scale.unwrap_or(1.0),
            description: given.description,
        }
    }
}

/// A registered series.
#[napi(object)]
pub struct Registration {
    /// Its number in the process.
    pub id: u32,
    /// The scale its values are kept at; past the cap it is the overflow series', not the one
    /// asked for.
    pub scale: f64,
}

/// Labels from key, value, key, value...
fn labels(pairs: &[String]) -> Result<Labels, tallylight::Error> {
    Labels::from_pairs(pairs.chunks_exact(2).map(|pair| (&pair[0], &pair[1])))
}

fn register(
    env: Env,
    pairs: &[String],
    make: impl FnOnce(&Tallylight, &Labels) -> Result<(Registration, Handle), tallylight::Error>,
) -> Result<Registration> {
    contained(|| {
        let (registration, handle) = make(&tallylight::global()?, &labels(pairs)?)?;
        with_state(env, |state| {
            state.handles.insert(registration.id, handle);
            Ok(registration)
        })
    })
}

/// Finds or registers an operation; answers its number.
#[napi]
pub fn operation(env: Env, name: String, labels: Vec<String>, kind: String) -> Result<u32> {
    let registration = register(env, &labels, |tally, labels| {
        let operation = tally.operation(&name, labels, Kind::parse(&kind)?)?;
        let registration = Registration {
            id: operation.id(),
            scale: 1.0,
        };
        Ok((registration, Handle::Operation(operation)))
    })?;
    Ok(registration.id)
}

/// Finds or registers a counter.
#[napi]
pub fn counter(
    env: Env,
    name: String,
    labels: Vec<String>,
    options: SeriesOptions,
) -> Result<Registration> {
    register(env, &labels, |tally, labels| {
        let counter = tally.counter(&name, labels, &options.into())?;
        let registration = Registration {
            id: counter.id(),
            scale: counter.scale(),
        };
        Ok((registration, Handle::Counter(counter)))
    })
}

/// Finds or registers a gauge.
#[napi]
pub fn gauge(
    env: Env,
    name: String,
    labels: Vec<String>,
    options: SeriesOptions,
) -> Result<Registration> {
    register(env, &labels, |tally, labels| {
        let gauge = tally.gauge(&name, labels, &options.into())?;
        let registration = Registration {
            id: gauge.id(),
            scale: 1.0,
        };
        Ok((registration, Handle::Gauge(gauge)))
    })
}

/// Finds or registers a histogram.
#[napi]
pub fn histogram(
    env: Env,
    name: String,
    labels: Vec<String>,
    options: SeriesOptions,
) -> Result<Registration> {
    register(env, &labels, |tally, labels| {
        let histogram = tally.histogram(&name, labels, &options.into())?;
        let registration = Registration {
            id: histogram.id(),
            scale: histogram.scale(),
        };
        Ok((registration, Handle::Histogram(histogram)))
    })
}

/// The number of the series that counts an operation's failures of one type.
#[napi]
pub fn error_series(operation: u32, error_type: String) -> Result<u32> {
    contained(|| Ok(tallylight::global()?.error_series(operation, &error_type)))
}
