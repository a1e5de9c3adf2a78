//! One secret: GetSecretValue.

use aws_sdk_secretsmanager::operation::RequestId;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::Aws;
use super::attempt::{Call, Place};
use super::classify::{Action, Refused};
use crate::secrets::failure::Failure;
use crate::secrets::fetched::Fetched;
use crate::secrets::file::MAX_VALUE_BYTES;
use crate::secrets::request::Which;
use crate::secrets::value::Source;

const GET: Action = Action::reads("GetSecretValue");

impl Aws {
    /// Reads a version of the secret with this name or ARN. The stage is always sent: without one
    /// not every server answers the current version.
    pub(crate) async fn read(
        &self,
        id: &str,
        which: &Which,
        until: Instant,
    ) -> Result<Fetched, Failure> {
        self.read_at(Place::Either, id, which, until).await
    }

    pub(super) async fn read_at(
        &self,
        place: Place,
        id: &str,
        which: &Which,
        until: Instant,
    ) -> Result<Fetched, Failure> {
        let call = Call {
            action: GET,
            id,
            name: id,
            place,
            until,
        };
        let answer = self
            .call(call, |client, id| async move {
                let request = client.get_secret_value().secret_id(id);
                let request = match which {
                    Which::Stage(stage) => request.version_stage(stage),
                    Which::Version(version) => request.version_id(version),
                };
                let mut output = request.send().await.map_err(|error| Refused::new(&error))?;
                value_of(output.secret_string.take(), output.secret_binary.take())
                    .map(|(bytes, binary)| Fetched {
                        bytes,
                        binary,
                        source: Source::Aws,
                        arn: output.arn.take(),
                        version: output.version_id.take(),
                        stages: output.version_stages.take().unwrap_or_default(),
                        region: None,
                    })
                    .ok_or_else(|| Refused::garbage(output.request_id()))
            })
            .await?;
        let mut fetched = answer.value;
        fetched.region = Some(answer.region);
        Ok(fetched)
    }
}

/// The bytes of a value in memory that is overwritten when it goes, and whether it is binary; `None`
/// for what AWS cannot have answered, such as a value that is longer than it keeps.
pub(super) fn value_of(
    text: Option<String>,
    binary: Option<aws_sdk_secretsmanager::primitives::Blob>,
) -> Option<(Zeroizing<Vec<u8>>, bool)> {
    let value = match (text, binary) {
        (Some(text), _) => (Zeroizing::new(text.into_bytes()), false),
        (None, Some(binary)) => (Zeroizing::new(binary.into_inner()), true),
        (None, None) => return None,
    };
    (value.0.len() <= MAX_VALUE_BYTES).then_some(value)
}
