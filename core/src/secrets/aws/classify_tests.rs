use proptest::prelude::*;

use super::*;

fn answered(code: &str, message: &str, status: u16) -> Refused {
    Refused {
        trouble: Trouble::Service,
        code: (!code.is_empty()).then(|| code.to_owned()),
        message: Some(message.to_owned()),
        request_id: Some("4b2d-1".to_owned()),
        status: Some(status),
    }
}

fn get(skew: Option<i64>) -> Subject<'static> {
    Subject {
        action: Action::reads("GetSecretValue"),
        name: "cineview-gemini-api",
        region: "eu-west-1",
        skew,
        endpoint: "AWS_ENDPOINT_URL",
    }
}

fn kind(code: &str, message: &str, status: u16) -> FailureKind {
    answered(code, message, status).judge(get(None)).kind
}

#[test]
fn every_code_means_what_it_says() {
    use FailureKind::*;
    for (code, message, status, expected) in [
        (
            "ResourceNotFoundException",
            "Secrets Manager can't find the specified secret.",
            400,
            NotFound,
        ),
        (
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
            400,
            NotFound,
        ),
        (
            "InvalidRequestException",
            "You can't specify both.",
            400,
            Invalid,
        ),
        ("InvalidParameterException", "Invalid name.", 400, Invalid),
        ("ValidationException", "1 validation error", 400, Invalid),
        (
            "AccessDeniedException",
            "User: arn:aws:iam::123456789012:user/ops is not authorized",
            400,
            Denied,
        ),
        ("DecryptionFailure", "", 400, Denied),
        (
            "ExpiredTokenException",
            "The security token included in the request is expired",
            400,
            Credentials,
        ),
        (
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
            400,
            Credentials,
        ),
        (
            "InvalidSignatureException",
            "does not match",
            400,
            Credentials,
        ),
        ("MissingAuthenticationToken", "", 403, Credentials),
        ("IncompleteSignature", "", 400, Credentials),
        ("RequestExpired", "", 400, Credentials),
        ("RequestTimeTooSkewed", "", 403, Credentials),
        ("ThrottlingException", "Rate exceeded", 400, Throttled),
        ("TooManyRequestsException", "", 429, Throttled),
        ("LimitExceededException", "", 400, Throttled),
        ("Whatever", "", 429, Throttled),
        ("InternalServiceError", "", 500, ServerFault),
        ("InternalServiceError", "", 400, ServerFault),
        ("Whatever", "", 503, ServerFault),
        ("", "", 500, ServerFault),
        ("", "", 429, Throttled),
        ("", "", 403, Unreachable),
        ("", "", 404, Unreachable),
        ("", "", 200, Unreachable),
    ] {
        assert_eq!(kind(code, message, status), expected, "{code} {status}");
    }
}

#[test]
fn a_denial_names_the_missing_permission_and_its_resource() {
    let refused = answered(
        "AccessDeniedException",
        "User: arn:aws:iam::123456789012:user/ops is not authorized to perform: secretsmanager:GetSecretValue \
         on resource: cineview-gemini-api because no identity-based policy allows it",
        400,
    );
    let failure = refused.judge(get(None));
    assert_eq!(
        failure.hint,
        "allow secretsmanager:GetSecretValue on \
         arn:aws:secretsmanager:eu-west-1:123456789012:secret:cineview-gemini-api-?????? in the caller's IAM policy"
    );
    assert_eq!(failure.request_id.as_deref(), Some("4b2d-1"));
    assert_eq!(failure.aws_code.as_deref(), Some("AccessDeniedException"));
    assert_eq!(failure.region.as_deref(), Some("eu-west-1"));
    let kms = answered("AccessDeniedException", "Access to KMS is not allowed", 400);
    assert!(kms.judge(get(None)).hint.contains("kms:Decrypt"));
    let deny = answered(
        "AccessDeniedException",
        "with an explicit deny in a service control policy",
        400,
    );
    assert!(deny.judge(get(None)).hint.contains("explicitly"));
}

#[test]
fn a_denial_by_a_clock_that_is_off_is_no_revocation() {
    let refused = answered("AccessDeniedException", "Signature not yet current", 403);
    let failure = refused.judge(get(Some(-900)));
    assert_eq!(failure.kind, FailureKind::Credentials);
    assert!(failure.text.contains("900 s fast"), "{}", failure.text);
    assert!(next_is_signed_better(&failure, Some(-900)));
    let failure = refused.judge(get(Some(-3)));
    assert_eq!(failure.kind, FailureKind::Denied);
    assert!(!next_is_signed_better(&failure, Some(-3)));
    // A server that says so although its clock agrees with ours is not asked again.
    let failure = answered("RequestTimeTooSkewed", "", 403).judge(get(Some(0)));
    assert!(!next_is_signed_better(&failure, Some(0)));
}

#[test]
fn a_quota_is_no_throttling_for_a_write() {
    let mut subject = get(None);
    subject.action = Action::writes("PutSecretValue");
    let refused = answered("LimitExceededException", "too many versions", 400);
    assert_eq!(refused.judge(subject).kind, FailureKind::Invalid);
}

proptest! {
    #[test]
    fn text_of_others_is_one_short_line(text in any::<String>(), long in ".{0,900}") {
        for text in [text, long] {
            let line = plain(&text);
            prop_assert!(line.chars().count() <= LONGEST_TEXT + 1);
            prop_assert!(!line.chars().any(char::is_control));
        }
    }

    #[test]
    fn any_answer_is_a_failure_of_its_region(code in ".{0,20}", message in ".{0,40}", status in any::<u16>(), skew in any::<Option<i64>>()) {
        let failure = answered(&code, &message, status).judge(get(skew));
        prop_assert_eq!(failure.region.as_deref(), Some("eu-west-1"));
        prop_assert!(!failure.text.is_empty());
    }
}

#[test]
fn throttling_asks_for_fewer_calls_and_not_for_more() {
    for refused in [
        answered("ThrottlingException", "Rate exceeded", 400),
        answered("", "", 429),
    ] {
        let failure = refused.judge(get(None));
        assert_eq!(failure.kind, FailureKind::Throttled);
        for advice in [
            "lower TALLYLIGHT_SECRETS_CONCURRENCY",
            "raise TALLYLIGHT_SECRETS_TTL_MS",
        ] {
            assert!(failure.hint.contains(advice), "{}", failure.hint);
        }
    }
}
