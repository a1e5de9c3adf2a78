//! Secrets as IAM names them, for hints and policies.

/// Whether a call takes no resource but `*`.
pub(super) fn is_account_wide(api: &str) -> bool {
    matches!(
        api,
        "BatchGetSecretValue" | "ListSecrets" | "GetCallerIdentity"
    )
}

/// The ARN of a secret as a policy names it. AWS adds a hyphen and six characters to the name; a
/// `*` in their place would let the policy reach other secrets too.
pub(super) fn resource(name: &str, region: &str, account: Option<&str>) -> String {
    if name.starts_with("arn:") {
        return name.to_owned();
    }
    format!(
        "arn:{}:secretsmanager:{region}:{}:secret:{name}-??????",
        partition(region),
        account.unwrap_or("*")
    )
}

/// The partition that a region is in.
pub(super) fn partition(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ if region.starts_with("us-isob-") => "aws-iso-b",
        _ if region.starts_with("us-isof-") => "aws-iso-f",
        _ if region.starts_with("eu-isoe-") => "aws-iso-e",
        _ if region.starts_with("us-iso-") => "aws-iso",
        _ if region.starts_with("eusc-") => "aws-eusc",
        _ => "aws",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_partition_follows_the_region() {
        for (region, expected) in [
            ("cn-north-1", "arn:aws-cn:"),
            ("us-gov-west-1", "arn:aws-us-gov:"),
            ("us-iso-east-1", "arn:aws-iso:"),
            ("us-isob-east-1", "arn:aws-iso-b:"),
            ("eu-central-1", "arn:aws:"),
        ] {
            assert!(
                resource("a", region, None).starts_with(expected),
                "{region}"
            );
        }
        let arn = "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:a-AbCdEf";
        assert_eq!(resource(arn, "eu-west-1", None), arn);
    }
}
