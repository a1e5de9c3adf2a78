//! What a request asks of AWS: the operation, the secrets it names, the region it was signed for.
//!
//! A `Call` is made of every request that arrives; rules are matched and counts kept by it. It has no `Debug`, since the
//! parsed body may hold a value.

use serde_json::Value;

use crate::http::Request;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// AWS JSON 1.1, as Secrets Manager speaks it.
    Json,
    /// Form in, XML out, as STS speaks it.
    Query,
}

pub(crate) struct Call {
    /// As AWS names it (`GetSecretValue`, `AssumeRole`); method and path of what is no call to AWS.
    pub(crate) operation: String,
    /// Each secret as the caller wrote it: a name or an ARN.
    pub(crate) secrets: Vec<String>,
    pub(crate) region: Option<String>,
    pub(crate) stage: Option<String>,
    pub(crate) version: Option<String>,
    /// `X-Amz-Date`: when it was signed.
    pub(crate) signed_at: Option<String>,
    pub(crate) protocol: Protocol,
    pub(crate) body: Value,
}

impl Call {
    pub(crate) fn of(request: &Request) -> Self {
        let header = |name: &str| request.headers.get(name);
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let text = |field: &str| body[field].as_str().map(str::to_string);
        let (operation, protocol) = if let Some(target) = header("x-amz-target") {
            let operation = target.rsplit('.').next().unwrap_or(target);
            (operation.to_string(), Protocol::Json)
        } else if let Some(action) = form_action(request) {
            (action, Protocol::Query)
        } else {
            let path = request.target.split('?').next().unwrap_or_default();
            (format!("{} {path}", request.method), Protocol::Json)
        };
        let mut secrets: Vec<String> = text("SecretId").into_iter().collect();
        if operation == "CreateSecret" {
            secrets.extend(text("Name"));
        }
        if let Some(list) = body["SecretIdList"].as_array() {
            secrets.extend(list.iter().filter_map(Value::as_str).map(str::to_string));
        }
        Self {
            operation,
            secrets,
            region: header("authorization").and_then(signed_region),
            stage: text("VersionStage"),
            version: text("VersionId"),
            signed_at: header("x-amz-date").map(str::to_string),
            protocol,
            body,
        }
    }

    pub(crate) fn is_batch(&self) -> bool {
        self.operation == "BatchGetSecretValue"
    }
}

/// Whether a secret that a caller wrote as `id` is the one that a rule calls `wanted`: by the same words, or `id` is an
/// ARN of that name, with or without the six characters that AWS adds.
pub(crate) fn is_secret(id: &str, wanted: &str) -> bool {
    if id == wanted {
        return true;
    }
    let Some((_, name)) = id.split_once(":secret:") else {
        return false;
    };
    let Some(rest) = name.strip_prefix(wanted) else {
        return false;
    };
    rest.is_empty()
        || rest.strip_prefix('-').is_some_and(|suffix| {
            suffix.len() == 6 && suffix.bytes().all(|b| b.is_ascii_alphanumeric())
        })
}

/// The region of the credential scope `AKID/DATE/REGION/SERVICE/aws4_request`; nothing else of the header is looked at.
fn signed_region(authorization: &str) -> Option<String> {
    let (_, scope) = authorization.split_once("Credential=")?;
    let scope = scope.split([',', ' ']).next()?;
    scope.split('/').nth(2).map(str::to_string)
}

fn form_action(request: &Request) -> Option<String> {
    let body = std::str::from_utf8(&request.body).ok()?;
    body.split('&')
        .find_map(|pair| pair.strip_prefix("Action="))
        .map(str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)], body: &str) -> Request {
        let mut request = Request {
            method: "POST".into(),
            target: "/?x=1".into(),
            body: body.into(),
            ..Request::default()
        };
        for (name, value) in headers {
            request.headers.add(name, *value);
        }
        request
    }

    #[test]
    fn operation_secret_and_region_are_read_off_a_request() {
        let call = Call::of(&request(
            &[
                ("X-Amz-Target", "secretsmanager.GetSecretValue"),
                (
                    "Authorization",
                    "AWS4-HMAC-SHA256 Credential=AKID/20261124/eu-west-1/secretsmanager/aws4_request, SignedHeaders=host",
                ),
            ],
            r#"{"SecretId":"a/b","VersionStage":"AWSPREVIOUS"}"#,
        ));
        assert_eq!(call.operation, "GetSecretValue");
        assert_eq!(call.secrets, ["a/b"]);
        assert_eq!(call.region.as_deref(), Some("eu-west-1"));
        assert_eq!(call.stage.as_deref(), Some("AWSPREVIOUS"));
    }

    #[test]
    fn batches_name_each_secret_and_sts_calls_their_action() {
        let batch = Call::of(&request(
            &[("x-amz-target", "secretsmanager.BatchGetSecretValue")],
            r#"{"SecretIdList":["a","b"]}"#,
        ));
        assert!(batch.is_batch());
        assert_eq!(batch.secrets, ["a", "b"]);
        let role = Call::of(&request(
            &[],
            "Version=2011-06-15&Action=AssumeRole&RoleArn=x",
        ));
        assert_eq!(role.operation, "AssumeRole");
        assert!(role.protocol == Protocol::Query);
        assert_eq!(Call::of(&request(&[], "")).operation, "POST /");
    }

    #[test]
    fn arn_is_the_secret_whose_name_it_holds() {
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:team/key-A1b2C3";
        assert!(is_secret(arn, arn));
        assert!(is_secret(arn, "team/key"));
        assert!(is_secret(
            "arn:aws:secretsmanager:eu-west-1:1:secret:team/key",
            "team/key"
        ));
        assert!(!is_secret(arn, "team/k"));
        assert!(!is_secret("team/key-A1b2C3", "team/key"));
    }
}
