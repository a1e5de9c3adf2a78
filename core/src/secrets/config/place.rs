//! Whether what says where AWS is asked can be right: regions, the endpoint and the role.
//!
//! [`SecretsConfig::check`] calls it before anything is asked, since AWS answers a bad one late and
//! unclearly: a host that does not exist, a role that may not be assumed. The invariant: an error
//! names the setting and its variable, and does not repeat what was given, which may be a value.

use super::SecretsConfig;
use crate::error::{Error, ErrorKind};

/// Longest ARN of a role, by AWS.
const MAX_ARN_BYTES: usize = 2_048;
/// Longest part of a host's name, which a region becomes.
const MAX_LABEL_BYTES: usize = 63;

/// One setting, and what it has to be.
struct Rule {
    setting: &'static str,
    variable: &'static str,
    holds: fn(&str) -> bool,
    /// What a text is that is not so, and what to give instead.
    otherwise: &'static str,
}

const REGION: Rule = Rule {
    setting: "region",
    variable: "TALLYLIGHT_SECRETS_REGION",
    // No more than this: what stands in for AWS may have regions of its own.
    holds: is_label,
    otherwise: "is no region; give its code, such as eu-west-1",
};
const SECOND_REGION: Rule = Rule {
    setting: "second_region",
    variable: "TALLYLIGHT_SECRETS_SECOND_REGION",
    holds: is_region,
    otherwise: "is no region of AWS; give the code of one that holds replicas, such as eu-central-1",
};
const ENDPOINT: Rule = Rule {
    setting: "endpoint",
    variable: "TALLYLIGHT_SECRETS_ENDPOINT",
    holds: is_url,
    otherwise: "is no URL; give one that begins with https:// or http://",
};
const ROLE_ARN: Rule = Rule {
    setting: "role_arn",
    variable: "TALLYLIGHT_SECRETS_ROLE_ARN",
    holds: is_role,
    otherwise: "is no role's ARN; give one such as arn:aws:iam::123456789012:role/reads-secrets",
};

/// # Errors
/// `invalid_config` for the first that cannot be right.
pub(super) fn check(config: &SecretsConfig) -> Result<(), Error> {
    for (rule, given) in [
        (REGION, &config.region),
        (SECOND_REGION, &config.second_region),
        (ENDPOINT, &config.endpoint),
        (ROLE_ARN, &config.role_arn),
    ] {
        match given.as_deref() {
            Some("") => return Err(rule.broken("is empty; leave it out where there is none")),
            Some(text) if !(rule.holds)(text) => return Err(rule.broken(rule.otherwise)),
            _ => {}
        }
    }
    if config.second_region.is_some() && config.second_region == config.region {
        return Err(
            SECOND_REGION.broken("is the first region again; name one that holds a replica")
        );
    }
    Ok(())
}

impl Rule {
    fn broken(&self, what: &str) -> Error {
        Error::new(
            ErrorKind::InvalidConfig,
            format!("secrets.{} ({}) {what}", self.setting, self.variable),
        )
    }
}

/// What may be a part of a host's name.
fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_LABEL_BYTES
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

/// Words and a number, such as `us-gov-west-1`.
fn is_region(text: &str) -> bool {
    let all = |part: &str, of: fn(&u8) -> bool| !part.is_empty() && part.as_bytes().iter().all(of);
    match text.rsplit_once('-') {
        Some((words, number)) => {
            is_label(text)
                && words.contains('-')
                && words
                    .split('-')
                    .all(|word| all(word, u8::is_ascii_lowercase))
                && all(number, u8::is_ascii_digit)
        }
        None => false,
    }
}

fn is_url(text: &str) -> bool {
    let rest = ["https://", "http://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    rest.is_some_and(|rest| {
        !rest.is_empty()
            && !rest.starts_with('/')
            && !text.chars().any(|c| c.is_whitespace() || c.is_control())
    })
}

/// `arn:PARTITION:iam::ACCOUNT:role/[PATH/]NAME`.
fn is_role(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [arn, partition, service, region, account, role] = parts.as_slice() else {
        return false;
    };
    let is_name = |name: &str| {
        !name.is_empty()
            && !name.ends_with('/')
            && name.bytes().all(|byte| {
                byte.is_ascii_alphanumeric()
                    || matches!(byte, b'+' | b'=' | b',' | b'.' | b'@' | b'_' | b'/' | b'-')
            })
    };
    text.len() <= MAX_ARN_BYTES
        && (*arn, *service, *region) == ("arn", "iam", "")
        && partition.starts_with("aws")
        && is_label(partition)
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && role.strip_prefix("role/").is_some_and(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut SecretsConfig)) -> Option<String> {
        let mut config = SecretsConfig::default();
        change(&mut config);
        let error = config.check().err()?;
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        Some(error.to_string())
    }

    /// That each is refused by both names of its setting, and not repeated.
    fn refuses(setting: &str, texts: &[&str], set: fn(&mut SecretsConfig, String)) {
        let variable = format!("TALLYLIGHT_SECRETS_{}", setting.to_uppercase());
        for text in texts {
            let error = refused(|config| set(config, (*text).to_owned()))
                .unwrap_or_else(|| panic!("{setting} takes {text:?}"));
            assert!(
                error.contains(&format!("secrets.{setting} ({variable}) ")),
                "{error}"
            );
            assert!(error.contains("; "), "{error}");
            assert!(
                text.len() <= "https://".len() || !error.contains(text),
                "{error}"
            );
        }
    }

    #[test]
    fn what_cannot_be_a_region_an_endpoint_or_a_role_is_refused_by_its_name() {
        let bad = [
            "",
            "EU-WEST-9",
            "eu_west_9",
            "eu-west-9 ",
            "-eu-9",
            "a.b",
            "https://x-9",
        ];
        refuses("region", &bad, |config, text| config.region = Some(text));
        let worse = ["local", "eu-9", "9", "eu-west", "eu-west-9a", "eu--west-9"];
        refuses(
            "second_region",
            &[&bad[..], &worse].concat(),
            |config, text| {
                config.second_region = Some(text);
            },
        );
        let bad = [
            "",
            "localhost:4566",
            "ftp://host",
            "https://",
            "http:///path",
            "http://a b",
        ];
        refuses("endpoint", &bad, |config, text| {
            config.endpoint = Some(text)
        });
        let bad = [
            "",
            "reads-secrets-of-ours",
            "arn:aws:iam::111122223333:user/somebody",
            "arn:aws:iam::11112222333:role/somebody",
            "arn:aws:iam:eu-west-1:111122223333:role/somebody",
            "arn:aws:sts::111122223333:assumed-role/somebody/session",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:iam::111122223333:role/some body",
            "arn:cloud:iam::111122223333:role/somebody",
        ];
        refuses("role_arn", &bad, |config, text| {
            config.role_arn = Some(text)
        });
    }

    #[test]
    fn what_can_be_is_taken() {
        for region in [
            "eu-west-1",
            "us-gov-west-1",
            "cn-north-1",
            "us-isob-east-1",
            "eusc-de-east-1",
        ] {
            let set = |config: &mut SecretsConfig| config.second_region = Some(region.to_owned());
            assert_eq!(refused(set), None, "{region}");
        }
        assert_eq!(
            refused(|config| config.region = Some("local".to_owned())),
            None
        );
        for endpoint in [
            "http://127.0.0.1:5000",
            "https://vpce-1.secretsmanager.{region}.vpce.amazonaws.com/",
        ] {
            let set = |config: &mut SecretsConfig| config.endpoint = Some(endpoint.to_owned());
            assert_eq!(refused(set), None, "{endpoint}");
        }
        for role in [
            "arn:aws:iam::111122223333:role/reads-secrets",
            "arn:aws-cn:iam::111122223333:role/path/to/a+b=c,d.e@f_g",
        ] {
            let set = |config: &mut SecretsConfig| config.role_arn = Some(role.to_owned());
            assert_eq!(refused(set), None, "{role}");
        }
    }
}
