//! What one JavaScript environment (the main thread or a worker) holds.

use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use napi::Env;
use tallylight::metrics::isolate::Isolate;
use tallylight::{Counter, Error, ErrorKind, Gauge, Histogram, Operation};

use crate::secrets::changes::Subscription;

/// A registered series, for recording by calls.
pub(crate) enum Handle {
    Operation(Operation),
    Counter(Counter),
    Gauge(Gauge),
    Histogram(Histogram),
}

/// One environment's own state; it ends with the environment, also when a worker is terminated,
/// and its shard goes back to the core with all counts in place.
#[derive(Default)]
pub(crate) struct EnvState {
    pub(crate) isolate: Option<Isolate>,
    pub(crate) handles: HashMap<u32, Handle>,
    pub(crate) subscriptions: HashMap<u32, Subscription>,
    pub(crate) next_subscription: u32,
}

/// Runs `f` on the state of the calling environment.
pub(crate) fn with_state<T>(
    env: Env,
    f: impl FnOnce(&mut EnvState) -> Result<T, Error>,
) -> Result<T, Error> {
    let state = match env.get_instance_data::<RefCell<EnvState>>() {
        Ok(Some(state)) => state,
        Ok(None) => {
            env.set_instance_data(RefCell::new(EnvState::default()), (), |context| {
                // By now the environment runs no JavaScript any more, so nobody writes the shard.
                // A panic must not cross into Node, which called us.
                let state = context.value;
                drop(catch_unwind(AssertUnwindSafe(move || drop(state))));
            })
            .map_err(|error| no_state(&error))?;
            env.get_instance_data()
                .map_err(|error| no_state(&error))?
                .ok_or_else(|| Error::new(ErrorKind::Internal, "the environment keeps no data"))?
        }
        Err(error) => return Err(no_state(&error)),
    };
    let mut state = state.try_borrow_mut().map_err(|_| {
        Error::new(
            ErrorKind::Internal,
            "a native call came from inside another one",
        )
    })?;
    f(&mut state)
}

fn no_state(error: &napi::Error) -> Error {
    Error::new(
        ErrorKind::Internal,
        format!("the environment's data is out of reach: {}", error.reason),
    )
}
