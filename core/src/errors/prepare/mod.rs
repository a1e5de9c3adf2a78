//! Makes an event fit to leave the process: nothing secret in it, nothing longer than a server
//! takes, and a fingerprint by which a storm of copies is known.
//!
//! Called by the pipeline on the caller's thread, once for each event, before it is copied
//! anywhere, and again for what was added at delivery. Invariant: what comes out is one valid JSON
//! object of at most 1 MB, in which no known secret stands and nothing under a name that says it is
//! secret, and whose `_meta` says what was changed.
//!
//! # What is redacted
//! 1. Every secret that this process knows ([`crate::scrub`]), before anything is cut.
//! 2. Whatever stands under a name of the deny-list (`keys.rs`) in what an application chose: extra,
//!    contexts, variables, headers, cookies, query, environment, tags, and the data of breadcrumbs
//!    and spans. The protocol's own fields keep their values.
//! 3. In any text: private keys, `Bearer` and `Basic` credentials, JSON web tokens, credentials in
//!    URLs, values behind a sensitive name (`?token=…`, `password=…`, `'password': '…'`), numbers of
//!    cards; and e-mail addresses, unless `send_default_pii` is on.
//!
//! What an application tells of its user by `setUser` is told on purpose: there an e-mail address
//! and an IP address stay. Cookies lose their values unless `send_default_pii` is on.

mod edits;
mod fingerprint;
mod form;
mod keys;
mod literal;
mod notes;
mod place;
mod text;
mod walk;
mod whole;

#[cfg(test)]
mod tests;

pub(super) use form::{environment, release};

use std::borrow::Cow;

use super::{Category, DiscardReason, ErrorsConfig};
use crate::scrub;
use keys::Keys;
use literal::Stop;
use text::Kind;
use whole::Failure;

/// An event that is fit to leave.
#[derive(Debug)]
pub(crate) struct Prepared<'a> {
    /// The event, a JSON object; borrowed when it was fit already.
    pub(crate) json: Cow<'a, str>,
    /// The same for events that say the same, whatever their ids, times and variables; 0 for what
    /// is never a copy of another (no error, or one that says nothing).
    pub(crate) fingerprint: u64,
}

/// Scrubs an event, cuts it to size and tells it from others. Never waits.
///
/// Errors and transactions are read by Sentry's protocol. Check-ins, sessions and profiles are of
/// fixed fields: known secrets are taken out of them, and the rest stays.
///
/// # Errors
/// `invalid` for what is no JSON object, `too_large` where even the least of it is.
pub(crate) fn prepare<'a>(
    category: Category,
    payload: &'a str,
    config: &ErrorsConfig,
) -> Result<Prepared<'a>, DiscardReason> {
    let read_by_protocol = matches!(category, Category::Error | Category::Transaction);
    let counts_copies = category == Category::Error;
    if !read_by_protocol {
        return object(payload);
    }
    match event(scrub::scrub_json_text(payload), config, counts_copies) {
        Err(Failure::Stop(Stop::Loose)) => {
            let tight = literal::tighten(payload);
            let scrubbed = scrub::scrub_json_text(&tight).into_owned();
            event(Cow::Owned(scrubbed), config, counts_copies)
        }
        answer => answer,
    }
    .map_err(|failure| match failure {
        Failure::Stop(_) => DiscardReason::Invalid,
        Failure::TooLarge => DiscardReason::TooLarge,
    })
}

/// An attachment: text is scrubbed as text, anything else of known secrets.
pub(crate) fn prepare_bytes<'a>(bytes: &'a [u8], config: &ErrorsConfig) -> Cow<'a, [u8]> {
    let scrubbed = scrub::scrub_bytes(bytes);
    let clean = match std::str::from_utf8(&scrubbed) {
        Err(_) => return scrubbed,
        Ok(text) => match text::scrub(text, Kind::Prose, keys(config)) {
            Cow::Borrowed(_) => return scrubbed,
            Cow::Owned(clean) => clean,
        },
    };
    Cow::Owned(clean.into_bytes())
}

fn keys(config: &ErrorsConfig) -> Keys<'_> {
    Keys {
        further: &config.scrub_keys,
        may_tell_people: config.send_default_pii,
    }
}

fn event<'a>(
    text: Cow<'a, str>,
    config: &ErrorsConfig,
    counts_copies: bool,
) -> Result<Prepared<'a>, Failure> {
    let (json, fingerprint) = match &text {
        Cow::Borrowed(text) => {
            let whole = whole::pass(text, keys(config))?;
            (whole.json, whole.fingerprint)
        }
        Cow::Owned(text) => {
            let whole = whole::pass(text, keys(config))?;
            (Cow::Owned(whole.json.into_owned()), whole.fingerprint)
        }
    };
    Ok(Prepared {
        json,
        fingerprint: if counts_copies { fingerprint } else { 0 },
    })
}

/// What is of fixed fields: a JSON object, scrubbed of known secrets.
fn object(payload: &str) -> Result<Prepared<'_>, DiscardReason> {
    let is_object = |text: &str| {
        text.trim_start().starts_with('{')
            && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
    };
    let tight;
    let json = if is_object(payload) {
        scrub::scrub_json_text(payload)
    } else {
        tight = literal::tighten(payload);
        if !is_object(&tight) {
            return Err(DiscardReason::Invalid);
        }
        Cow::Owned(scrub::scrub_json_text(&tight).into_owned())
    };
    Ok(Prepared {
        json,
        fingerprint: 0,
    })
}
