//! What the command line does to secrets: create, put, rotate.
//!
//! Writes go to the first region only and carry a token, so that a repeated one is no second
//! version. The invariants: nothing here reads a value, and a failure never quotes the one that was
//! to be written, whatever the service's message says.

use aws_sdk_secretsmanager::primitives::Blob;
use tokio::time::Instant;

use super::Aws;
use super::attempt::{Call, Place};
use super::classify::{Action, Refused, plain};
use crate::secrets::failure::{Failure, FailureKind};
use crate::secrets::file::MAX_VALUE_BYTES;
use crate::secrets::request::CURRENT;

const CREATE: Action = Action::writes("CreateSecret");
const PUT: Action = Action::writes("PutSecretValue");
const MOVE: Action = Action::writes("UpdateSecretVersionStage");
const ROTATE: Action = Action::writes("RotateSecret");

/// The stage of a version that is prepared and not yet in use.
pub(crate) const PENDING: &str = "AWSPENDING";

/// A value on its way to AWS.
#[derive(Clone, Copy)]
pub(crate) struct NewValue<'a> {
    pub(crate) bytes: &'a [u8],
    /// Whether to store it as binary; text has to be UTF-8.
    pub(crate) is_binary: bool,
    /// Becomes the version's id; the same token with the same value writes nothing again.
    pub(crate) token: &'a str,
}

/// A secret to create.
#[derive(Clone, Copy)]
pub(crate) struct NewSecret<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: NewValue<'a>,
    pub(crate) description: Option<&'a str>,
    /// Instead of the account's own key for Secrets Manager.
    pub(crate) kms_key: Option<&'a str>,
}

/// What a write made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) arn: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) region: String,
}

/// A token of its own for one write: a random UUID.
pub(crate) fn new_token() -> String {
    let random = fastrand::u128(..);
    // Version 4, variant 1 (RFC 9562).
    let bits = (random & !(0xf << 76) | 4 << 76) & !(0b11 << 62) | 0b10 << 62;
    let hex = format!("{bits:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ]
    .join("-")
}

impl Aws {
    /// Creates a secret with its first version.
    pub(crate) async fn create(
        &self,
        new: &NewSecret<'_>,
        until: Instant,
    ) -> Result<Written, Failure> {
        let (text, binary) = &payload(new.name, new.value)?;
        let answer = self
            .call(call(CREATE, new.name, until), |client, id| async move {
                client
                    .create_secret()
                    .name(id)
                    .client_request_token(new.value.token)
                    .set_description(new.description.map(str::to_owned))
                    .set_kms_key_id(new.kms_key.map(str::to_owned))
                    .set_secret_string(text.clone())
                    .set_secret_binary(binary.clone())
                    .send()
                    .await
                    .map_err(|error| Refused::new(&error))
            })
            .await
            .map_err(|failure| without(failure, new.value.bytes))?;
        Ok(Written {
            arn: answer.value.arn,
            version: answer.value.version_id,
            region: answer.region,
        })
    }

    /// Adds a version with these stages; with [`CURRENT`] it is in use at once, and AWS makes the
    /// former one the previous.
    pub(crate) async fn put(
        &self,
        name: &str,
        value: NewValue<'_>,
        stages: &[&str],
        until: Instant,
    ) -> Result<Written, Failure> {
        let (text, binary) = &payload(name, value)?;
        let answer = self
            .call(call(PUT, name, until), |client, id| async move {
                client
                    .put_secret_value()
                    .secret_id(id)
                    .client_request_token(value.token)
                    .set_version_stages(Some(stages.iter().map(|s| (*s).to_owned()).collect()))
                    .set_secret_string(text.clone())
                    .set_secret_binary(binary.clone())
                    .send()
                    .await
                    .map_err(|error| Refused::new(&error))
            })
            .await
            .map_err(|failure| without(failure, value.bytes))?;
        Ok(Written {
            arn: answer.value.arn,
            version: answer.value.version_id,
            region: answer.region,
        })
    }

    /// Moves a stage from one version to another; with `to` none it is only taken off.
    pub(crate) async fn move_stage(
        &self,
        name: &str,
        stage: &str,
        from: Option<&str>,
        to: Option<&str>,
        until: Instant,
    ) -> Result<(), Failure> {
        let moved = self
            .call(call(MOVE, name, until), |client, id| async move {
                client
                    .update_secret_version_stage()
                    .secret_id(id)
                    .version_stage(stage)
                    .set_remove_from_version_id(from.map(str::to_owned))
                    .set_move_to_version_id(to.map(str::to_owned))
                    .send()
                    .await
                    .map_err(|error| Refused::new(&error))
            })
            .await;
        let failure = match moved {
            Ok(_) => return Ok(()),
            Err(failure) => failure,
        };
        // An attempt whose answer was lost has moved it, and the next was told that it is not there.
        if failure.kind == FailureKind::Invalid
            && let Ok(now) = self.describe(name, until).await
            && now.version_with(stage) == to
        {
            return Ok(());
        }
        Err(failure)
    }

    /// Puts a pending version in use; AWS makes the current one the previous. Answers the version
    /// that was current.
    pub(crate) async fn promote(
        &self,
        name: &str,
        version: &str,
        until: Instant,
    ) -> Result<Option<String>, Failure> {
        let known = self.describe(name, until).await?;
        let current = known.version_with(CURRENT).map(str::to_owned);
        if current.as_deref() != Some(version) {
            self.move_stage(name, CURRENT, current.as_deref(), Some(version), until)
                .await?;
        }
        // Left where it is not the current one, it would read as a rotation that goes on.
        if known.version_with(PENDING) == Some(version) {
            self.move_stage(name, PENDING, Some(version), None, until)
                .await?;
        }
        Ok(current)
    }

    /// Takes the pending stage off, if a version has it; answers that version.
    pub(crate) async fn cancel_pending(
        &self,
        name: &str,
        until: Instant,
    ) -> Result<Option<String>, Failure> {
        let known = self.describe(name, until).await?;
        let Some(pending) = known.version_with(PENDING).map(str::to_owned) else {
            return Ok(None);
        };
        self.move_stage(name, PENDING, Some(&pending), None, until)
            .await?;
        Ok(Some(pending))
    }

    /// Has the secret's rotation function rotate it now. AWS answers as soon as it has started.
    pub(crate) async fn rotate_with_function(
        &self,
        name: &str,
        token: &str,
        until: Instant,
    ) -> Result<Written, Failure> {
        let known = self.describe(name, until).await?;
        if known.rotation_function.is_none() && known.owner.is_none() && !known.rotates {
            let text = "it has no rotation function";
            return Err(Failure::new(FailureKind::Invalid, name, text)
                .hint("rotate it with a new value, or set a function up in AWS"));
        }
        let answer = self
            .call(call(ROTATE, name, until), |client, id| async move {
                client
                    .rotate_secret()
                    .secret_id(id)
                    .client_request_token(token)
                    .send()
                    .await
                    .map_err(|error| Refused::new(&error))
            })
            .await?;
        Ok(Written {
            arn: answer.value.arn,
            version: answer.value.version_id,
            region: answer.region,
        })
    }
}

fn call(action: Action, name: &str, until: Instant) -> Call<'_> {
    Call {
        action,
        id: name,
        name,
        place: Place::First,
        until,
    }
}

/// The value as the SDK takes it. These copies are the SDK's; they are freed, not overwritten.
fn payload(name: &str, value: NewValue<'_>) -> Result<(Option<String>, Option<Blob>), Failure> {
    let invalid = |text: String| Err(Failure::new(FailureKind::Invalid, name, text));
    match value.bytes.len() {
        0 => return invalid("its new value is empty; give one".to_owned()),
        bytes if bytes > MAX_VALUE_BYTES => {
            return invalid(format!(
                "its new value has {bytes} bytes; AWS takes at most {MAX_VALUE_BYTES}"
            ));
        }
        _ => {}
    }
    if value.is_binary {
        return Ok((None, Some(Blob::new(value.bytes))));
    }
    match std::str::from_utf8(value.bytes) {
        Ok(text) => Ok((Some(text.to_owned()), None)),
        Err(_) => invalid("its new value is no UTF-8 text; store it as binary".to_owned()),
    }
}

/// A failure of a write without the value, which the service may quote.
fn without(mut failure: Failure, value: &[u8]) -> Failure {
    let value = String::from_utf8_lossy(value);
    let (whole, line) = (value.trim(), plain(&value));
    let quoted = [whole, line.as_str()];
    if !quoted.iter().any(|value| failure.text.contains(value)) {
        return failure;
    }
    failure.text = match whole.len() {
        // Cutting a short one out would leave a riddle, and its place would tell it.
        0..8 => "AWS refused the value".to_owned(),
        _ => quoted.iter().fold(failure.text, |text, value| {
            text.replace(value, "[redacted]")
        }),
    };
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_uuid_of_its_own() {
        let (one, two) = (new_token(), new_token());
        assert_ne!(one, two);
        for token in [one, two] {
            assert_eq!(token.len(), 36);
            assert_eq!(token.as_bytes()[14], b'4', "{token}");
            assert!(
                matches!(token.as_bytes()[19], b'8' | b'9' | b'a' | b'b'),
                "{token}"
            );
        }
    }

    #[test]
    fn a_value_that_the_service_quotes_is_cut_out() {
        let refused = |text: &str| Failure::new(FailureKind::Invalid, "a", text);
        let failure = without(
            refused("Value 'canary value' at 'secretString' failed"),
            b"canary value",
        );
        assert_eq!(failure.text, "Value '[redacted]' at 'secretString' failed");
        let failure = without(refused("Value 'two lines' failed"), b"two\n lines\n");
        assert_eq!(failure.text, "Value '[redacted]' failed");
        assert_eq!(
            without(refused("Value 'abc' failed"), b"abc").text,
            "AWS refused the value"
        );
        assert_eq!(without(refused("too long"), b"canary").text, "too long");
    }

    #[test]
    fn a_value_that_aws_would_not_take_is_refused_here() {
        let value = |bytes| NewValue {
            bytes,
            is_binary: false,
            token: "t",
        };
        let long = vec![b'a'; MAX_VALUE_BYTES + 1];
        for bytes in [&b""[..], &[0xff, 0xfe], &long] {
            let failure = payload("a", value(bytes)).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Invalid);
        }
        assert!(payload("a", value(&long[1..])).is_ok());
    }
}
