//! IAM statements: what a caller needs, for `doctor` and the guides.
//!
//! Least privilege: a reader may read the named secrets and nothing else. Two calls know no
//! resource (AWS has none for them) and stand in statements of their own.

use serde_json::{Value, json};

use super::resource::{is_account_wide, partition, resource};

/// What a service needs of each secret.
const READS: [&str; 2] = [
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetSecretValue",
];
/// What `setup` and `rotate` need besides.
const WRITES: [&str; 4] = [
    "secretsmanager:CreateSecret",
    "secretsmanager:PutSecretValue",
    "secretsmanager:RotateSecret",
    "secretsmanager:UpdateSecretVersionStage",
];

/// The policy with which a service reads `names`, one call for many where it can. A region or
/// account that is not known is a `*` for the reader to fill in.
pub(crate) fn minimal_policy(
    names: &[String],
    region: Option<&str>,
    account: Option<&str>,
) -> Value {
    document(vec![
        statement(
            "TallylightReadsSecrets",
            &READS,
            &resources(names, region, account),
        ),
        batch_statement(),
    ])
}

/// The policy of whoever creates and rotates `names` with the command line.
pub(crate) fn operator_policy(
    names: &[String],
    region: Option<&str>,
    account: Option<&str>,
) -> Value {
    let resources = resources(names, region, account);
    document(vec![
        statement("TallylightReadsSecrets", &READS, &resources),
        statement("TallylightWritesSecrets", &WRITES, &resources),
        statement(
            "TallylightListsSecrets",
            &["secretsmanager:ListSecrets"],
            &["*".to_owned()],
        ),
        batch_statement(),
    ])
}

/// The statement that one call on one secret needs.
pub(super) fn statement_for(
    api: &str,
    name: Option<&str>,
    region: &str,
    account: Option<&str>,
) -> Value {
    let resource = match name {
        Some(name) if !is_account_wide(api) => resource(name, region, account),
        _ => "*".to_owned(),
    };
    json!({ "Effect": "Allow", "Action": format!("secretsmanager:{api}"), "Resource": resource })
}

/// The statement for a secret under a key of the caller's own; the ARN of the key is in
/// DescribeSecret's answer where that is permitted.
pub(super) fn kms_statement(key: Option<&str>, region: &str, account: Option<&str>) -> Value {
    let key = match key {
        Some(arn) if arn.starts_with("arn:") => arn.to_owned(),
        Some(id) if !id.starts_with("alias/") => format!(
            "arn:{}:kms:{region}:{}:key/{id}",
            partition(region),
            account.unwrap_or("*")
        ),
        // An alias cannot be the resource of a permission on its key.
        _ => format!(
            "arn:{}:kms:{region}:{}:key/*",
            partition(region),
            account.unwrap_or("*")
        ),
    };
    json!({
        "Effect": "Allow",
        "Action": "kms:Decrypt",
        "Resource": key,
        "Condition": { "StringEquals": { "kms:ViaService": format!("secretsmanager.{region}.{}", dns_suffix(region)) } }
    })
}

fn document(statements: Vec<Value>) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn statement(sid: &str, actions: &[&str], resources: &[String]) -> Value {
    json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources })
}

/// Without it every secret is one call; with it alone none can be read.
fn batch_statement() -> Value {
    statement(
        "TallylightReadsManyAtOnce",
        &["secretsmanager:BatchGetSecretValue"],
        &["*".to_owned()],
    )
}

fn resources(names: &[String], region: Option<&str>, account: Option<&str>) -> Vec<String> {
    let mut resources: Vec<String> = names
        .iter()
        .map(|name| resource(name, region.unwrap_or("*"), account))
        .collect();
    resources.sort();
    resources.dedup();
    resources
}

fn dns_suffix(region: &str) -> &'static str {
    match partition(region) {
        "aws-cn" => "amazonaws.com.cn",
        "aws-iso" => "c2s.ic.gov",
        "aws-iso-b" => "sc2s.sgov.gov",
        "aws-iso-e" => "cloud.adc-e.uk",
        "aws-iso-f" => "csp.hci.ic.gov",
        "aws-eusc" => "amazonaws.eu",
        _ => "amazonaws.com",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_reader_may_read_its_secrets_and_nothing_else() {
        let policy = minimal_policy(
            &names(&["cineview-gemini-api", "cineview-gemini-api"]),
            Some("eu-west-1"),
            Some("123456789012"),
        );
        assert_eq!(
            policy,
            json!({
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "TallylightReadsSecrets",
                        "Effect": "Allow",
                        "Action": ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
                        "Resource": ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:cineview-gemini-api-??????"]
                    },
                    {
                        "Sid": "TallylightReadsManyAtOnce",
                        "Effect": "Allow",
                        "Action": ["secretsmanager:BatchGetSecretValue"],
                        "Resource": ["*"]
                    }
                ]
            })
        );
        assert!(!policy.to_string().contains("Put"));
        let operator = operator_policy(&names(&["a"]), None, None).to_string();
        assert!(
            operator.contains("PutSecretValue")
                && operator.contains("secretsmanager:*:*:secret:a-??????")
        );
    }

    #[test]
    fn a_kms_statement_is_bound_to_secrets_manager() {
        let by_id = kms_statement(Some("1234-abcd"), "cn-north-1", Some("123456789012"));
        assert_eq!(
            by_id["Resource"],
            "arn:aws-cn:kms:cn-north-1:123456789012:key/1234-abcd"
        );
        assert_eq!(
            by_id["Condition"]["StringEquals"]["kms:ViaService"],
            "secretsmanager.cn-north-1.amazonaws.com.cn"
        );
        assert_eq!(
            kms_statement(Some("alias/mine"), "eu-west-1", None)["Resource"],
            "arn:aws:kms:eu-west-1:*:key/*"
        );
    }
}
