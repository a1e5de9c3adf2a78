//! Which request is answered how: the rules that a test sets, and the choice among them.
//!
//! The first rule that a request matches decides; what matches none is forwarded. In JSON a rule is what `POST /mode`
//! takes, under the same names as here.

use serde::{Deserialize, Serialize};

use crate::call::{Call, is_secret};

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Forwarded. With a scope, an exemption from the rules after it.
    Ok,
    /// The server is down: its port refuses connections, and those that were open are reset. For the whole server alone.
    Refuse,
    /// The connection is reset (RST) once the request has arrived.
    Reset,
    /// Forwarded, but the connection closes in the middle of the answer.
    Cut,
    /// 500 `InternalServiceError`.
    #[serde(rename = "500")]
    ServerError,
    /// 503 with a load balancer's HTML instead of JSON.
    #[serde(rename = "503")]
    Unavailable,
    /// `ThrottlingException`.
    Throttle,
    /// `AccessDeniedException`.
    AccessDenied,
    /// `ExpiredTokenException`: the caller's own credentials have run out.
    ExpiredToken,
    /// `UnrecognizedClientException`: the caller's token is not valid.
    InvalidToken,
    /// `ResourceNotFoundException`.
    NotFound,
    /// `InvalidRequestException` in the words for a secret that is marked for deletion.
    Deleted,
    /// `InvalidSignatureException` in the words for a caller whose clock is an hour behind, with a `Date` to match.
    Skew,
    /// `RequestTimeTooSkewed`, 403.
    TooSkewed,
    /// Accepted and never answered, until the client gives up.
    Hang,
    /// Forwarded after `delay_ms`.
    Slow,
    /// 200 with JSON that breaks off.
    Garbage,
    /// 200 with a value of `bytes` (1 MiB unless told), which AWS would never hold.
    Big,
    /// The error that `status`, `code` and `message` say.
    Error,
}

impl Mode {
    /// The name in JSON and in the counts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refuse => "refuse",
            Self::Reset => "reset",
            Self::Cut => "cut",
            Self::ServerError => "500",
            Self::Unavailable => "503",
            Self::Throttle => "throttle",
            Self::AccessDenied => "access_denied",
            Self::ExpiredToken => "expired_token",
            Self::InvalidToken => "invalid_token",
            Self::NotFound => "not_found",
            Self::Deleted => "deleted",
            Self::Skew => "skew",
            Self::TooSkewed => "too_skewed",
            Self::Hang => "hang",
            Self::Slow => "slow",
            Self::Garbage => "garbage",
            Self::Big => "big",
            Self::Error => "error",
        }
    }

    /// Whether AWS says it of one secret among others, as an entry of a batch's `Errors`.
    pub(crate) fn concerns_one_secret(self) -> bool {
        matches!(self, Self::AccessDenied | Self::NotFound | Self::Deleted)
    }
}

/// A mode, and which requests it is for: all of them unless it is narrowed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub(crate) mode: Mode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) operation: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<String>,
    /// How many more requests it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<u64>,
    #[serde(default)]
    pub(crate) delay_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bytes: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
}

impl Rule {
    /// The mode for every request.
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            operation: None,
            secret: None,
            region: None,
            next: None,
            delay_ms: 0,
            bytes: None,
            status: None,
            code: None,
            message: None,
        }
    }

    /// An error of one's own: its HTTP status and AWS's code.
    pub fn error(status: u16, code: impl Into<String>) -> Self {
        Self {
            status: Some(status),
            code: Some(code.into()),
            ..Self::new(Mode::Error)
        }
    }

    /// Only for this operation, by AWS's name (`GetSecretValue`, `AssumeRole`).
    pub fn operation(mut self, operation: impl Into<String>) -> Self {
        self.operation = Some(operation.into());
        self
    }

    /// Only for this secret: by the words the caller uses, or by the name in the caller's ARN. In a
    /// `BatchGetSecretValue`, `access_denied`, `not_found` and `deleted` then concern that entry of it alone.
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secret = Some(secret.into());
        self
    }

    /// Only for requests that are signed for this region.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Only for the next `count` requests that it matches.
    pub fn next(mut self, count: u64) -> Self {
        self.next = Some(count);
        self
    }

    /// Waits this long first, whatever the mode.
    pub fn delay_ms(mut self, milliseconds: u64) -> Self {
        self.delay_ms = milliseconds;
        self
    }

    /// The value's size in [`Mode::Big`].
    pub fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = Some(bytes);
        self
    }

    /// The error's message, instead of AWS's own words.
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    fn check(&self) -> Result<(), String> {
        let scoped = self.operation.is_some()
            || self.secret.is_some()
            || self.region.is_some()
            || self.next.is_some();
        match self.mode {
            Mode::Refuse if scoped || self.delay_ms > 0 => Err(
                "refuse closes the port for everyone: it takes no operation, secret, region, next or delay_ms; \
                 `reset` can be narrowed"
                    .into(),
            ),
            Mode::Slow if self.delay_ms == 0 => Err("slow needs delay_ms".into()),
            Mode::Error if self.status.is_none() || self.code.is_none() => {
                Err("error needs status and code".into())
            }
            _ => Ok(()),
        }
    }

    fn matches(&self, call: &Call) -> bool {
        self.next != Some(0)
            && self
                .operation
                .as_ref()
                .is_none_or(|wanted| *wanted == call.operation)
            && self
                .region
                .as_ref()
                .is_none_or(|wanted| call.region.as_ref() == Some(wanted))
            && self
                .secret
                .as_ref()
                .is_none_or(|wanted| call.secrets.iter().any(|id| is_secret(id, wanted)))
    }

    fn use_up(&mut self) {
        if let Some(left) = &mut self.next {
            *left = left.saturating_sub(1);
        }
    }
}

/// What to do with one request.
pub(crate) struct Decision {
    /// `None`: forward it.
    pub(crate) rule: Option<Rule>,
    /// The entries of a batch that are refused, each by its id, while the rest goes on.
    pub(crate) refused: Vec<(String, Rule)>,
}

/// The rules in force.
#[derive(Default)]
pub(crate) struct Rules(Vec<Rule>);

impl Rules {
    pub(crate) fn new(rules: Vec<Rule>) -> Result<Self, String> {
        for rule in &rules {
            rule.check()?;
        }
        if rules.len() > 1 && rules.iter().any(|rule| rule.mode == Mode::Refuse) {
            return Err("refuse closes the port for everyone: it stands alone".into());
        }
        Ok(Self(rules))
    }

    pub(crate) fn all(&self) -> &[Rule] {
        &self.0
    }

    pub(crate) fn refuses(&self) -> bool {
        self.0.iter().any(|rule| rule.mode == Mode::Refuse)
    }

    pub(crate) fn decide(&mut self, call: &Call) -> Decision {
        let mut refused: Vec<(String, Rule)> = Vec::new();
        let mut exempt: Vec<String> = Vec::new();
        for rule in &mut self.0 {
            if !rule.matches(call) {
                continue;
            }
            if let Some(wanted) = rule.secret.clone()
                && call.is_batch()
                && (rule.mode == Mode::Ok || rule.mode.concerns_one_secret())
            {
                // One entry of many: the first rule for it decides about it, and the batch goes on.
                let undecided: Vec<&String> = call
                    .secrets
                    .iter()
                    .filter(|id| {
                        is_secret(id, &wanted)
                            && !exempt.contains(id)
                            && !refused.iter().any(|(known, _)| known == *id)
                    })
                    .collect();
                if !undecided.is_empty() {
                    for id in undecided {
                        if rule.mode == Mode::Ok {
                            exempt.push(id.clone());
                        } else {
                            refused.push((id.clone(), rule.clone()));
                        }
                    }
                    rule.use_up();
                }
                continue;
            }
            let chosen = rule.clone();
            rule.use_up();
            return Decision {
                rule: Some(chosen),
                refused,
            };
        }
        Decision {
            rule: None,
            refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Request;

    fn call(operation: &str, body: &str) -> Call {
        let mut request = Request {
            body: body.into(),
            ..Request::default()
        };
        request
            .headers
            .add("x-amz-target", format!("secretsmanager.{operation}"));
        Call::of(&request)
    }

    fn modes(rules: &mut Rules, calls: &[&Call]) -> Vec<&'static str> {
        calls
            .iter()
            .map(|call| {
                rules
                    .decide(call)
                    .rule
                    .map_or("ok", |rule| rule.mode.name())
            })
            .collect()
    }

    #[test]
    fn first_matching_rule_decides_and_is_used_up() {
        let mut rules = Rules::new(vec![
            Rule::new(Mode::Ok).secret("spared"),
            Rule::new(Mode::Throttle)
                .operation("GetSecretValue")
                .next(2),
            Rule::new(Mode::NotFound).secret("gone"),
        ])
        .unwrap();
        let get = call("GetSecretValue", r#"{"SecretId":"gone"}"#);
        let spared = call("GetSecretValue", r#"{"SecretId":"spared"}"#);
        let describe = call("DescribeSecret", r#"{"SecretId":"other"}"#);
        assert_eq!(
            modes(&mut rules, &[&spared, &get, &describe, &get, &get, &get]),
            ["ok", "throttle", "ok", "throttle", "not_found", "not_found"]
        );
    }

    #[test]
    fn one_secret_of_a_batch_is_refused_alone() {
        let mut rules = Rules::new(vec![
            Rule::new(Mode::Ok).secret("b"),
            Rule::new(Mode::AccessDenied).secret("a"),
            Rule::new(Mode::NotFound).secret("b"),
        ])
        .unwrap();
        let batch = call("BatchGetSecretValue", r#"{"SecretIdList":["a","b","c"]}"#);
        let decision = rules.decide(&batch);
        assert!(decision.rule.is_none());
        let refused: Vec<(&str, &str)> = decision
            .refused
            .iter()
            .map(|(id, rule)| (id.as_str(), rule.mode.name()))
            .collect();
        assert_eq!(refused, [("a", "access_denied")]);
    }

    #[test]
    fn rule_that_cannot_work_is_refused_with_the_reason() {
        let refusal = |rule: Rule| Rules::new(vec![rule]).map(|_| ()).unwrap_err();
        assert!(refusal(Rule::new(Mode::Refuse).secret("a")).contains("reset"));
        assert!(refusal(Rule::new(Mode::Slow)).contains("delay_ms"));
        assert!(refusal(Rule::new(Mode::Error)).contains("status"));
        assert!(serde_json::from_str::<Rule>(r#"{"mode":"throttle","secrets":"a"}"#).is_err());
    }

    #[test]
    fn every_mode_has_one_name() {
        for name in [
            "ok",
            "refuse",
            "reset",
            "cut",
            "500",
            "503",
            "throttle",
            "access_denied",
            "expired_token",
            "invalid_token",
            "not_found",
            "deleted",
            "skew",
            "too_skewed",
            "hang",
            "slow",
            "garbage",
            "big",
            "error",
        ] {
            let mode: Mode = serde_json::from_value(name.into()).unwrap();
            assert_eq!(mode.name(), name);
        }
    }
}
