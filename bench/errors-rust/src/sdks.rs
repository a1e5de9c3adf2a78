//! The SDKs that are compared, as their documentation shows them: each a way to capture an error, to flush and to close.

use std::time::Duration;

use tallylight::errors::{Delivery, ErrorsConfig};
use tallylight::{Config, Tallylight};

use crate::Outcome;
use crate::failures::OrderError;

pub(crate) enum Sdk {
    Ours(Tallylight),
    Peer(sentry::ClientInitGuard),
}

pub(crate) fn opened(who: &str, dsn: &str) -> Outcome<Sdk> {
    Ok(match who {
        "tallylight" => {
            let from_env = Config::from_env()?;
            Sdk::Ours(tallylight::init(Config {
                errors: ErrorsConfig {
                    dsn: Some(tallylight::errors::Dsn::parse(dsn)?),
                    ..from_env.errors.clone()
                },
                ..from_env
            })?)
        }
        "sentry" | "sentry-stack" => Sdk::Peer(sentry::init((
            dsn,
            sentry::ClientOptions::new().attach_stacktrace(who == "sentry-stack"),
        ))),
        _ => return Err(format!("nobody is called {who}").into()),
    })
}

impl Sdk {
    pub(crate) fn capture(&self, error: &OrderError) {
        match self {
            Self::Ours(_) => {
                tallylight::errors::capture_error(error);
            }
            Self::Peer(_) => {
                sentry::capture_error(error);
            }
        }
    }

    pub(crate) fn breadcrumb(&self, message: String) {
        // The peer's type is ours, under another path.
        match self {
            Self::Ours(_) => {
                use tallylight::errors::sentry::{Breadcrumb, add_breadcrumb};
                add_breadcrumb(Breadcrumb {
                    category: Some("work".into()),
                    message: Some(message),
                    ..Breadcrumb::default()
                });
            }
            Self::Peer(_) => sentry::add_breadcrumb(sentry::Breadcrumb {
                category: Some("work".into()),
                message: Some(message),
                ..sentry::Breadcrumb::default()
            }),
        }
    }

    /// What flush says, in a word or two.
    pub(crate) fn flush(&self, limit: Duration) -> String {
        match self {
            Self::Ours(tally) => said(&tally.errors().flush_blocking(limit)),
            Self::Peer(guard) => guard.flush(Some(limit)).to_string(),
        }
    }

    pub(crate) fn close(&self, limit: Duration) -> String {
        match self {
            Self::Ours(tally) => said(&tally.errors().close_blocking(limit)),
            Self::Peer(guard) => guard.close(Some(limit)).to_string(),
        }
    }
}

fn said(delivery: &Delivery) -> String {
    format!(
        "sent {}, dropped {}, pending {}",
        delivery.sent, delivery.dropped, delivery.pending
    )
}
