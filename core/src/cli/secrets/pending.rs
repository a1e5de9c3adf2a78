//! A version that is pending: put, then promoted or taken back.
//!
//! The invariant: a pending version that was not promoted is taken back when its [`Pending`] goes,
//! whatever ends the command: a failure, a check that refuses, Ctrl-C or a panic. What changes
//! something is not left half done: it is waited for, within its deadline.

use super::say::{self, Trouble};
use super::session::Session;
use super::values::Given;
use crate::cli::output::End;
use crate::secrets::aws::{NewValue, PENDING, new_token};
use crate::secrets::request::CURRENT;

/// A new version that is not in use yet.
pub(super) struct Pending<'a> {
    session: &'a Session<'a>,
    name: &'a str,
    version: String,
    /// What is in use meanwhile.
    current: &'a str,
    is_settled: bool,
}

impl<'a> Pending<'a> {
    /// Puts a value as the pending version.
    pub(super) fn put(
        session: &'a Session<'a>,
        name: &'a str,
        given: &Given,
        current: &'a str,
    ) -> Result<Self, End> {
        // The token is the id that the version has, also when the answer that says so is lost.
        let mut pending = Self {
            session,
            name,
            version: new_token(),
            current,
            is_settled: false,
        };
        let value = NewValue {
            bytes: &given.bytes,
            is_binary: given.is_binary,
            token: &pending.version,
        };
        let work = session.aws.put(name, value, &[PENDING], session.until());
        match session.finish("putting the new value as pending", work) {
            Ok(written) => {
                if let Some(version) = written.version {
                    pending.version = version;
                }
                say::message(
                    session.output,
                    &format!("pending: version {}", pending.version),
                );
                Ok(pending)
            }
            Err(failure) => {
                // Refused, it is not there.
                pending.is_settled = !failure.kind.is_outage();
                Err(Trouble::from(failure).into())
            }
        }
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// Puts it in use; answers its version.
    pub(super) fn promote(mut self) -> Result<String, End> {
        let (session, name) = (self.session, self.name);
        let work = session.aws.promote(name, &self.version, session.until());
        let Err(failure) = session.finish("putting it in use", work) else {
            self.is_settled = true;
            return Ok(self.version.clone());
        };
        let work = session.aws.describe(name, session.until());
        match session.finish("looking at what happened", work) {
            Ok(now) if now.version_with(CURRENT) == Some(&*self.version) => {
                say::warning(
                    session.output,
                    &format!(
                        "the new value is in use, but the stage AWSPENDING was not taken off: {}; \
                         `tallylight secrets rotate {name} --cancel` does that",
                        failure.text
                    ),
                );
                self.is_settled = true;
                Ok(self.version.clone())
            }
            Ok(_) => Err(Trouble::from(failure).into()),
            Err(_) => {
                // It may be in use: taking its stage back would prove nothing.
                self.is_settled = true;
                Err(Trouble::from(failure)
                    .hint(format!(
                        "whether the new value is in use is not known: look with `tallylight secrets list`, and take a \
                         pending version back with `tallylight secrets rotate {name} --cancel`"
                    ))
                    .into())
            }
        }
    }

    /// Nothing is left to do if this fails but to say so.
    fn take_back(&self) {
        let (session, name, version) = (self.session, self.name, self.version.as_str());
        let current = self.current;
        let until = session.until();
        let work = async {
            let moved = session
                .aws
                .move_stage(name, PENDING, Some(version), None, until);
            let Err(failure) = moved.await else {
                return Ok(());
            };
            // It may never have been there.
            match session.aws.describe(name, until).await {
                Ok(now) if now.version_with(PENDING) != Some(version) => Ok(()),
                _ => Err(failure),
            }
        };
        match session.finish("taking the pending version back", work) {
            Ok(()) => say::message(
                session.output,
                &format!(
                    "the pending version was taken back; version {current} is in use as before"
                ),
            ),
            Err(failure) => say::warning(
                session.output,
                &format!(
                    "the pending version {version} could not be taken back ({}); \
                     `tallylight secrets rotate {name} --cancel` does it; version {current} is in use as before",
                    failure.text
                ),
            ),
        }
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if !self.is_settled {
            self.take_back();
        }
    }
}
