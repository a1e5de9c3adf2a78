//! The calls: each converts its arguments, asks the core and converts the answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyString};
use tallylight::ErrorKind;
use tallylight::secrets::{Request, Secrets};

use super::arguments::{Asked, Wanted, names};
use super::gated::Gated;
use super::reply::{Answer, Pending, Reply};
use super::secret::Secret;
use crate::client::{Tallylight, instance};
use crate::convert;
use crate::errors::{exception, guard, invalid};

/// The value: at hand, or waited for.
pub(crate) fn get<'py>(
    py: Python<'py>,
    client: &Tallylight,
    asked: Asked<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let instance = instance(py)?;
    let epoch = instance.secrets().epoch().get();
    let pending = Pending::ask(|reply| {
        instance
            .secrets()
            .get_then(&asked.wanted.request(), |answer| {
                reply.give(answer.map(Answer::One))
            });
    });
    let (answer, was_at_hand) = match pending.answer() {
        Some(answer) => (answer, true),
        None => {
            client.held.watched();
            let request = asked.wanted.request();
            let name = request.name.to_owned();
            let patience = instance.secrets().patience(&request, 1);
            let pending = pending.within(patience, move || Err(Secrets::unanswered(&name)));
            (pending.wait_for(py)?, false)
        }
    };
    match answer.map_err(|error| exception(py, &error))? {
        Answer::One(secret) => {
            let secret = Bound::new(py, Secret::from(secret))?;
            if was_at_hand {
                client.held.hold(py, (&instance, epoch), asked, &secret)?;
            }
            Ok(secret.into_any())
        }
        _ => Err(invalid(
            py,
            ErrorKind::Internal,
            "no secret came; please report it",
        )),
    }
}

/// The value if it is at hand, else `None`.
pub(crate) fn peek<'py>(
    py: Python<'py>,
    client: &Tallylight,
    asked: Asked<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let instance = instance(py)?;
    let epoch = instance.secrets().epoch().get();
    match instance.secrets().peek(&asked.wanted.request()) {
        None => Ok(py.None().into_bound(py)),
        Some(secret) => at_hand(py, client, asked, (&instance, epoch), secret),
    }
}

/// The value if it is at hand, else why it is not.
pub(crate) fn get_sync<'py>(
    py: Python<'py>,
    client: &Tallylight,
    asked: Asked<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let instance = instance(py)?;
    let epoch = instance.secrets().epoch().get();
    let secret = instance.secrets().get_sync(&asked.wanted.request());
    let secret = secret.map_err(|error| exception(py, &error))?;
    at_hand(py, client, asked, (&instance, epoch), secret)
}

fn at_hand<'py>(
    py: Python<'py>,
    client: &Tallylight,
    asked: Asked<'_, 'py>,
    source: (&tallylight::Tallylight, u32),
    secret: tallylight::Secret,
) -> PyResult<Bound<'py, PyAny>> {
    let secret = Bound::new(py, Secret::from(secret))?;
    client.held.hold(py, source, asked, &secret)?;
    Ok(secret.into_any())
}

type Argument<'a, 'py> = Option<&'a Bound<'py, PyAny>>;

macro_rules! asks {
    ($(#[$doc:meta])* $name:ident, $readings:literal, |$secrets:ident, $request:ident, $reply:ident| $body:expr) => {
        $(#[$doc])*
        #[pyfunction]
        pub(super) fn $name(
            py: Python<'_>,
            name: &Bound<'_, PyAny>,
            key: Argument<'_, '_>,
            stage: Argument<'_, '_>,
            version: Argument<'_, '_>,
            max_age: Argument<'_, '_>,
            deadline: Argument<'_, '_>,
        ) -> PyResult<Pending> {
            guard(py, || {
                let wanted = Wanted::read(name, [key, stage, version, max_age, deadline])?;
                let instance = instance(py)?;
                let ($secrets, $request) = (instance.secrets(), wanted.request());
                let patience = $secrets.patience(&$request, $readings);
                let name = $request.name.to_owned();
                let pending = Pending::ask(|$reply: Reply| $body);
                Ok(pending.within(patience, move || Err(Secrets::unanswered(&name))))
            })
        }
    };
}

asks!(
    /// Starts a reading of the cache, or of the source behind it.
    _get,
    1,
    |secrets, request, reply| secrets.get_then(&request, |answer| reply
        .give(answer.map(Answer::One)))
);
asks!(
    /// Starts a reading of the source.
    _refresh,
    1,
    |secrets, request, reply| secrets.refresh_then(&request, |answer| reply
        .give(answer.map(Answer::One)))
);
asks!(
    /// Starts a reading of the current value and the one before.
    _both,
    2,
    |secrets, request, reply| secrets.both_then(&request, |answer| reply
        .give(answer.map(Answer::Pair)))
);

/// Starts a reading for another value than the one that was just refused.
#[pyfunction]
pub(super) fn _refused(
    py: Python<'_>,
    name: &Bound<'_, PyAny>,
    key: Argument<'_, '_>,
    refused: &Bound<'_, Secret>,
) -> PyResult<Pending> {
    guard(py, || {
        let wanted = Wanted::read(name, [key, None, None, None, None])?;
        let instance = instance(py)?;
        let (secrets, request) = (instance.secrets(), wanted.request());
        let pending = Pending::ask(|reply| {
            secrets.refused_then(&request, &refused.get().core, |answer| {
                reply.give(answer.map(Answer::One));
            });
        });
        let name = request.name.to_owned();
        let patience = secrets.patience(&request, 1);
        Ok(pending.within(patience, move || Err(Secrets::unanswered(&name))))
    })
}

/// Starts readings of many secrets; of the declared ones for `None`.
#[pyfunction]
pub(super) fn _prefetch(py: Python<'_>, given: Argument<'_, '_>) -> PyResult<Pending> {
    guard(py, || {
        let instance = instance(py)?;
        let secrets = instance.secrets();
        let wanted: BTreeSet<String> = match given {
            Some(given) => names(given, ErrorKind::InvalidName, "names")?
                .into_iter()
                .collect(),
            None => secrets
                .declared()
                .into_iter()
                .map(|known| known.name)
                .collect(),
        };
        let gathered = Arc::new(Gated::<BTreeMap<_, _>>::default());
        let pending = Pending::ask(|reply| {
            let names: Vec<&str> = wanted.iter().map(String::as_str).collect();
            if names.is_empty() {
                return reply.give(Ok(Answer::Each(BTreeMap::new())));
            }
            let count = names.len();
            let reply = Gated::new(Some(reply));
            let gathering = (Arc::clone(&gathered), Arc::new(reply));
            secrets.prefetch_then(&names, move |name, answer| {
                let (gathered, reply) = &gathering;
                let all = gathered.with(|all| {
                    all.insert(name, answer);
                    (all.len() == count).then(|| std::mem::take(all))
                });
                if let Ok(Some(all)) = all
                    && let Ok(Some(reply)) = reply.with(Option::take)
                {
                    reply.give(Ok(Answer::Each(all)));
                }
            });
        });
        let patience = secrets.patience(&Request::new(""), 1);
        // Those that did answer, and of the others that they did not.
        Ok(pending.within(patience, move || {
            let mut all = gathered.with(std::mem::take)?;
            for name in &wanted {
                all.entry(name.clone())
                    .or_insert_with(|| Err(Secrets::unanswered(name)));
            }
            Ok(Answer::Each(all))
        }))
    })
}

/// Sets a value that is answered before every source.
pub(crate) fn set_override(
    py: Python<'_>,
    name: &Bound<'_, PyAny>,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let name = convert::text(name, ErrorKind::InvalidName, "a secret's name")?;
    let kind = ErrorKind::InvalidValue;
    let bytes = if let Ok(secret) = value.cast::<Secret>() {
        secret.get().core.reveal_bytes().to_vec()
    } else if let Ok(bytes) = value.cast::<PyBytes>() {
        bytes.as_bytes().to_vec()
    } else if let Ok(bytes) = value.cast::<PyByteArray>() {
        bytes.to_vec()
    } else if value.is_instance_of::<PyString>() {
        convert::text(value, kind, "the value of a secret")?.into_bytes()
    } else {
        let message = "the value of a secret must be a str, bytes or a Secret";
        return Err(invalid(py, kind, message));
    };
    instance(py)?
        .secrets()
        .set_override(&name, bytes)
        .map_err(|error| exception(py, &error))
}

/// Hands an exception that nobody can catch to `sys.unraisablehook`.
#[pyfunction]
pub(super) fn _report(error: &Bound<'_, PyAny>, what: &Bound<'_, PyAny>) {
    PyErr::from_value(error.clone()).write_unraisable(error.py(), Some(what));
}
