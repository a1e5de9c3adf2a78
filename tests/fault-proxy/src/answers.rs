//! The faults in AWS's words and shapes: JSON as Secrets Manager sends it, XML as STS does.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::call::{Call, Protocol};
use crate::dates;
use crate::http::Response;
use crate::rule::{Mode, Rule};

/// How far behind the caller's clock is in [`Mode::Skew`].
const SKEW: Duration = Duration::from_secs(60 * 60);
const BIG: usize = 1024 * 1024;

/// An error before it is written in one protocol or the other.
pub(crate) struct Fault {
    status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
    at: SystemTime,
}

impl Fault {
    /// The error of a rule's mode; `None` for a mode that is none.
    pub(crate) fn of(rule: &Rule, call: &Call) -> Option<Self> {
        let secret = call.secrets.first().map_or("*", String::as_str);
        Self::about(rule, call, secret)
    }

    /// The same, about one secret of several.
    pub(crate) fn about(rule: &Rule, call: &Call, secret: &str) -> Option<Self> {
        let mut at = SystemTime::now();
        let (status, code, message) = match rule.mode {
            Mode::ServerError => (
                500,
                "InternalServiceError",
                "An error occurred on the server side.".to_string(),
            ),
            Mode::Throttle => (400, "ThrottlingException", "Rate exceeded".into()),
            Mode::AccessDenied => (400, "AccessDeniedException", denied(call, secret)),
            Mode::ExpiredToken => (
                400,
                "ExpiredTokenException",
                "The security token included in the request is expired".into(),
            ),
            Mode::InvalidToken => (
                400,
                "UnrecognizedClientException",
                "The security token included in the request is invalid.".into(),
            ),
            Mode::NotFound => (
                400,
                "ResourceNotFoundException",
                "Secrets Manager can't find the specified secret.".into(),
            ),
            Mode::Deleted => (
                400,
                "InvalidRequestException",
                "You can't perform this operation on the secret because it was marked for deletion.".into(),
            ),
            Mode::Skew => {
                at += SKEW;
                (400, "InvalidSignatureException", signature_expired(call, at))
            }
            Mode::TooSkewed => {
                at += SKEW;
                (
                    403,
                    "RequestTimeTooSkewed",
                    "The difference between the request time and the current time is too large.".into(),
                )
            }
            Mode::Error => (
                rule.status.unwrap_or(400),
                rule.code.as_deref().unwrap_or("InternalFailure"),
                "The fault that the test asked for.".into(),
            ),
            _ => return None,
        };
        Some(Self {
            status,
            code: code.to_string(),
            message: rule.message.clone().unwrap_or(message),
            at,
        })
    }

    pub(crate) fn response(&self, protocol: Protocol) -> Response {
        let mut response = match protocol {
            Protocol::Json => self.json(),
            Protocol::Query => self.xml(),
        };
        response.headers.add("date", dates::header(self.at));
        response
    }

    fn json(&self) -> Response {
        let body = json!({ "__type": self.code, "Message": self.message, "message": self.message });
        let mut response =
            Response::new(self.status, "application/x-amz-json-1.1", body.to_string());
        response.headers.add("x-amzn-requestid", new_request_id());
        response.headers.add("x-amzn-errortype", self.code.as_str());
        response
    }

    fn xml(&self) -> Response {
        // The same conditions have older names in the query protocol, and a status of their own.
        let (code, status) = match self.code.as_str() {
            "ThrottlingException" => ("Throttling", 400),
            "AccessDeniedException" => ("AccessDenied", 403),
            "ExpiredTokenException" => ("ExpiredToken", 403),
            "UnrecognizedClientException" => ("InvalidClientTokenId", 403),
            "InvalidSignatureException" => ("SignatureDoesNotMatch", 403),
            "InternalServiceError" => ("InternalFailure", 500),
            code => (code, self.status),
        };
        let blame = if status < 500 { "Sender" } else { "Receiver" };
        let id = new_request_id();
        let body = format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>{blame}</Type>\
             <Code>{}</Code><Message>{}</Message></Error><RequestId>{id}</RequestId></ErrorResponse>",
            escaped(code),
            escaped(&self.message),
        );
        let mut response = Response::new(status, "text/xml", body);
        response.headers.add("x-amzn-requestid", id);
        response
    }
}

/// The answers of modes that are no error in AWS's words: a load balancer's page, broken JSON, too large a value.
pub(crate) fn odd(rule: &Rule, call: &Call) -> Option<Response> {
    let mut response = match rule.mode {
        Mode::Unavailable => Response::new(
            503,
            "text/html",
            "<html><head><title>503 Service Temporarily Unavailable</title></head><body></body></html>",
        ),
        Mode::Garbage => Response::new(
            200,
            "application/x-amz-json-1.1",
            "{\"ARN\":\"arn:aws:secretsmanager:us-east-1:123456789012:secret:",
        ),
        Mode::Big => Response::new(
            200,
            "application/x-amz-json-1.1",
            big(call, rule.bytes.unwrap_or(BIG)),
        ),
        _ => return None,
    };
    response.headers.add("x-amzn-requestid", new_request_id());
    response
        .headers
        .add("date", dates::header(SystemTime::now()));
    Some(response)
}

/// The proxy's own failure to reach what stands behind it.
pub(crate) fn no_upstream(error: &std::io::Error) -> Response {
    let message = format!("the fault proxy cannot reach its upstream: {error}");
    let body = json!({ "__type": "FaultProxyUpstream", "Message": message });
    let mut response = Response::new(502, "application/x-amz-json-1.1", body.to_string());
    response.headers.add("x-amzn-requestid", new_request_id());
    response
}

/// Unlike any other of this process, in the shape of AWS's.
pub(crate) fn new_request_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{:08x}-fa17-4000-8000-{count:012x}", std::process::id())
}

fn denied(call: &Call, secret: &str) -> String {
    let service = match call.protocol {
        Protocol::Json => "secretsmanager",
        Protocol::Query => "sts",
    };
    // AWS names the permission that is missing, which for an entry of a batch is that of a single read.
    let action = if call.is_batch() && call.secrets.iter().any(|id| id == secret) {
        "GetSecretValue"
    } else {
        &call.operation
    };
    format!(
        "User: arn:aws:iam::123456789012:user/test is not authorized to perform: {service}:{action} on resource: \
         {secret} because no identity-based policy allows the {service}:{action} action"
    )
}

fn signature_expired(call: &Call, server: SystemTime) -> String {
    let signed = match &call.signed_at {
        Some(text) => text.clone(),
        None => dates::signature(server - SKEW),
    };
    format!(
        "Signature expired: {signed} is now earlier than {} ({} - 5 min.)",
        dates::signature(server - Duration::from_secs(300)),
        dates::signature(server),
    )
}

fn big(call: &Call, bytes: usize) -> String {
    let name = call.secrets.first().map_or("big", String::as_str);
    let name = name.rsplit_once(":secret:").map_or(name, |(_, name)| name);
    let value = json!({
        "ARN": format!("arn:aws:secretsmanager:us-east-1:123456789012:secret:{name}-AbCdEf"),
        "Name": name,
        "VersionId": "00000000-0000-4000-8000-000000000b16",
        "SecretString": "x".repeat(bytes),
        "VersionStages": ["AWSCURRENT"],
        "CreatedDate": 1_700_000_000,
    });
    if call.is_batch() {
        return json!({ "SecretValues": [value], "Errors": [] }).to_string();
    }
    value.to_string()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
