//! A batch of which some entries are refused: the rest is asked of the upstream, and the refusals join its `Errors`,
//! which is how AWS answers a `BatchGetSecretValue` of which one secret is denied.

use serde_json::{Value, json};

use crate::answers::{Fault, new_request_id};
use crate::call::Call;
use crate::http::{Request, Response};
use crate::rule::Rule;

/// The request without what is refused; `None` when nothing is left to ask.
pub(crate) fn without(
    call: &Call,
    request: &Request,
    refused: &[(String, Rule)],
) -> Option<Request> {
    let left: Vec<&String> = call
        .secrets
        .iter()
        .filter(|id| !refused.iter().any(|(known, _)| known == *id))
        .collect();
    if left.is_empty() {
        return None;
    }
    let mut body = call.body.clone();
    body["SecretIdList"] = json!(left);
    Some(Request {
        body: body.to_string().into_bytes(),
        ..request.clone()
    })
}

/// The answer to the rest, with an entry for each refusal. An answer that is itself an error stays as it is.
pub(crate) fn with_errors(
    call: &Call,
    answer: Option<Response>,
    refused: &[(String, Rule)],
) -> Response {
    let mut answer = answer.unwrap_or_else(|| {
        let mut empty = Response::new(
            200,
            "application/x-amz-json-1.1",
            json!({ "SecretValues": [], "Errors": [] }).to_string(),
        );
        empty.headers.add("x-amzn-requestid", new_request_id());
        empty
    });
    if answer.status != 200 {
        return answer;
    }
    let Ok(mut body) = serde_json::from_slice::<Value>(&answer.body) else {
        return answer;
    };
    let entries = refused.iter().filter_map(|(id, rule)| {
        let fault = Fault::about(rule, call, id)?;
        Some(json!({ "SecretId": id, "ErrorCode": fault.code, "Message": fault.message }))
    });
    match body["Errors"].as_array_mut() {
        Some(errors) => errors.extend(entries),
        None => body["Errors"] = entries.collect(),
    }
    answer.body = body.to_string().into_bytes();
    answer
}
