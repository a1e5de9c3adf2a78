//! Secrets Manager without an SDK, for tests that prepare secrets: calls to moto, which checks no signature.

use std::io;

use serde_json::{Value, json};

use crate::http::Request;
use crate::upstream;

/// Talks to a stand-in for Secrets Manager in one region.
#[derive(Debug, Clone)]
pub struct Service {
    base: String,
    region: String,
}

impl Service {
    /// At this base URL, in `us-east-1`.
    pub fn new(base: impl Into<String>) -> Self {
        Self {
            base: base.into(),
            region: "us-east-1".into(),
        }
    }

    /// The same in another region, where other secrets are.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = region.into();
        self
    }

    /// Calls an operation by AWS's name. Answers the status and the body, `null` when that is no JSON.
    pub fn call(&self, operation: &str, input: &Value) -> io::Result<(u16, Value)> {
        let mut request = Request {
            method: "POST".into(),
            target: "/".into(),
            body: input.to_string().into_bytes(),
            ..Request::default()
        };
        let headers = &mut request.headers;
        headers.add("host", upstream::authority(&self.base)?);
        headers.add("content-type", "application/x-amz-json-1.1");
        headers.add("x-amz-target", format!("secretsmanager.{operation}"));
        // It tells the stand-in the service and the region.
        headers.add(
            "authorization",
            format!(
                "AWS4-HMAC-SHA256 Credential=test/20260101/{}/secretsmanager/aws4_request, SignedHeaders=host, Signature=0",
                self.region
            ),
        );
        let answer = upstream::ask(&self.base, &request)?;
        Ok((
            answer.status,
            serde_json::from_slice(&answer.body).unwrap_or_default(),
        ))
    }

    /// Makes a secret of a text; answers its first version's id.
    pub fn create(&self, name: &str, value: &str) -> io::Result<String> {
        self.version(
            "CreateSecret",
            &json!({ "Name": name, "SecretString": value }),
        )
    }

    /// Puts a new current version; answers its id.
    pub fn put(&self, name: &str, value: &str) -> io::Result<String> {
        self.version(
            "PutSecretValue",
            &json!({ "SecretId": name, "SecretString": value }),
        )
    }

    /// Puts a pending version, as the first half of a rotation; answers its id.
    pub fn put_pending(&self, name: &str, value: &str) -> io::Result<String> {
        self.version(
            "PutSecretValue",
            &json!({ "SecretId": name, "SecretString": value, "VersionStages": ["AWSPENDING"] }),
        )
    }

    /// Makes `to` the current version in place of `from`, as the second half of a rotation.
    pub fn promote(&self, name: &str, from: &str, to: &str) -> io::Result<()> {
        self.done(
            "UpdateSecretVersionStage",
            &json!({
                "SecretId": name, "VersionStage": "AWSCURRENT", "RemoveFromVersionId": from, "MoveToVersionId": to
            }),
        )
        .map(|_| ())
    }

    /// Marks a secret for deletion.
    pub fn delete(&self, name: &str) -> io::Result<()> {
        self.done("DeleteSecret", &json!({ "SecretId": name }))
            .map(|_| ())
    }

    fn version(&self, operation: &str, input: &Value) -> io::Result<String> {
        let answer = self.done(operation, input)?;
        answer["VersionId"]
            .as_str()
            .map(str::to_string)
            .ok_or_else(|| io::Error::other(format!("{operation} answered no version")))
    }

    fn done(&self, operation: &str, input: &Value) -> io::Result<Value> {
        match self.call(operation, input)? {
            (200, answer) => Ok(answer),
            (status, answer) => Err(io::Error::other(format!(
                "{operation} of {} failed with {status}: {} {}",
                input["SecretId"]
                    .as_str()
                    .or(input["Name"].as_str())
                    .unwrap_or("?"),
                answer["__type"],
                answer["message"]
            ))),
        }
    }
}
