//! Values that the process sets itself, for tests: answered before every source.

use std::sync::Arc;

use super::entry::{Entry, NEVER, Value};
use super::fetched::Fetched;
use super::file;
use super::name::SecretName;
use super::reply::closed;
use super::{Secret, Secrets, Source};
use crate::error::{Error, ErrorKind};

impl Secrets {
    /// Sets a value for this process that is answered before every source, until it is cleared.
    ///
    /// # Errors
    /// `invalid_name`, `invalid_value` for nothing or more than 64 KiB, `unsupported` when the source `override`
    /// is switched off.
    pub fn set_override(&self, name: &str, value: impl Into<Vec<u8>>) -> Result<(), Error> {
        let bytes = zeroize::Zeroizing::new(value.into());
        SecretName::parse(name)?;
        if self.shared.is_closed() {
            return Err(closed());
        }
        let settings = self.shared.settings.load();
        if !settings.config.sources.override_ {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the source override is switched off; add it to TALLYLIGHT_SECRETS_SOURCES",
            ));
        }
        if bytes.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidValue,
                format!(
                    "the override of {name} is empty, as no secret is; clear it to have the sources \
                     answer again"
                ),
            ));
        }
        if bytes.len() > file::MAX_VALUE_BYTES {
            return Err(Error::new(
                ErrorKind::InvalidValue,
                format!(
                    "the override of {name} has {} bytes; a secret has at most {}",
                    bytes.len(),
                    file::MAX_VALUE_BYTES
                ),
            ));
        }
        let fetched = Fetched::plain(bytes, Source::Override);
        let secret = Secret::new(name, fetched, std::time::SystemTime::now());
        self.shared.register_values([secret.reveal_bytes()]);
        let now = self.shared.now();
        let entry = Entry::new(
            Some(Value {
                secret,
                fetched: now.cast_signed(),
                ahead: NEVER,
                fresh_until: NEVER,
                stale_until: NEVER,
            }),
            None,
            now,
        );
        self.shared.publish(self.shared.era(), |index| {
            index.overrides.insert(name.into(), Arc::new(entry));
        });
        Ok(())
    }

    /// Ends an override; the sources answer again.
    pub fn clear_override(&self, name: &str) {
        self.shared.publish(self.shared.era(), |index| {
            index.overrides.remove(name);
        });
    }
}
