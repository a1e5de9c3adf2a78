//! Subscriptions: the core's changes, polled from JavaScript.
//!
//! A subscription wakes its environment through a function that does not keep the process alive.
//! JavaScript then takes what waits, so that nothing is carried across threads by the wake itself.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::UNIX_EPOCH;

use napi::bindgen_prelude::{Function, Unknown};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use napi_derive::napi;
use tallylight::secrets::{Change, Changes};
use tallylight::{Error, ErrorKind};

use crate::boundary::{Result, contained};
use crate::env::with_state;

/// Unreferenced: it holds no process open.
type Notify = ThreadsafeFunction<(), Unknown<'static>, (), Status, false, true>;

struct Bell(Notify);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Refused once the environment ends, and then nobody waits there.
        let _ = self.0.call((), ThreadsafeFunctionCallMode::NonBlocking);
    }
}

/// One subscription of an environment; it ends with the environment.
pub(crate) struct Subscription {
    changes: Changes,
    waker: Waker,
}

/// A secret that is another one now, or none any more.
#[napi(object, object_from_js = false)]
pub struct SecretChange {
    /// The name it was subscribed by, else the one it was first asked for by.
    pub name: String,
    /// `rotated` or `evicted`.
    pub kind: String,
    /// The version now.
    pub version: Option<String>,
    /// The version before.
    pub previous_version: Option<String>,
    /// Which source answered.
    pub source: String,
    /// When it was seen, in milliseconds since 1970.
    pub at: f64,
}

impl From<Change> for SecretChange {
    fn from(change: Change) -> Self {
        let since = change.at.duration_since(UNIX_EPOCH);
        Self {
            name: change.name,
            kind: change.kind.as_str().to_owned(),
            version: change.version,
            previous_version: change.previous_version,
            source: change.source.as_str().to_owned(),
            at: since.unwrap_or_default().as_millis() as f64,
        }
    }
}

/// What a look at a subscription finds.
#[napi(object, object_from_js = false)]
pub struct NextChange {
    /// The next change; none yet without one.
    pub change: Option<SecretChange>,
    /// Whether there will be none any more.
    pub ended: bool,
    /// Changes that were lost because nobody took them in time.
    pub missed: f64,
}

/// Subscribes to one secret, or to all; `notify` is called when a look finds more.
#[napi]
pub fn subscribe_secrets(
    env: Env,
    name: Option<String>,
    #[napi(ts_arg_type = "() => void")] notify: Function<'_, (), Unknown<'static>>,
) -> Result<u32> {
    contained(|| {
        let notify: Notify = notify
            .build_threadsafe_function()
            .weak::<true>()
            .build()
            .map_err(|error| {
                Error::new(
                    ErrorKind::Internal,
                    format!("the runtime takes no notices: {}", error.reason),
                )
            })?;
        let tally = tallylight::global()?;
        with_state(env, |state| {
            let number = state.next_subscription;
            state.next_subscription = number.wrapping_add(1);
            let subscription = Subscription {
                changes: tally.secrets().subscribe(name.as_deref())?,
                waker: Waker::from(Arc::new(Bell(notify))),
            };
            state.subscriptions.insert(number, subscription);
            Ok(number)
        })
    })
}

/// Takes the next change of a subscription; without one, its `notify` is called when there is more.
#[napi]
pub fn next_secret_change(env: Env, subscription: u32) -> Result<NextChange> {
    contained(|| {
        with_state(env, |state| {
            let Some(known) = state.subscriptions.get_mut(&subscription) else {
                return Ok(NextChange {
                    change: None,
                    ended: true,
                    missed: 0.0,
                });
            };
            let mut context = Context::from_waker(&known.waker);
            let polled = pin!(known.changes.next()).poll(&mut context);
            let next = NextChange {
                ended: matches!(polled, Poll::Ready(None)),
                change: match polled {
                    Poll::Ready(change) => change.map(SecretChange::from),
                    Poll::Pending => None,
                },
                missed: known.changes.missed() as f64,
            };
            if next.ended {
                state.subscriptions.remove(&subscription);
            }
            Ok(next)
        })
    })
}

/// Ends a subscription.
#[napi]
pub fn unsubscribe_secrets(env: Env, subscription: u32) -> Result<()> {
    contained(|| {
        let ended = with_state(env, |state| Ok(state.subscriptions.remove(&subscription)))?;
        if let Some(subscription) = ended {
            subscription.changes.close();
        }
        Ok(())
    })
}
