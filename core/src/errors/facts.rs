//! What is true of the process and belongs to every event of it: release, environment, machine,
//! runtime, and which library this is.
//!
//! They lie in the spool beside the events, so that a later process that delivers them says what
//! was true of the one that captured them. An event's own fields win.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::prepare;
use crate::config::{self, Config, Environment};

/// Fields in which single members count, not the whole.
const MERGED: [&str; 3] = ["contexts", "tags", "extra"];

/// What an instance knows of its process, as a JSON object.
pub(crate) fn of_process(config: &Config, environment: &Environment) -> Map<String, Value> {
    let mut facts = Map::new();
    // As in an event that states them: a server refuses a release with a slash.
    if let Some(release) = config.release.as_deref().and_then(prepare::release) {
        facts.insert("release".to_owned(), json!(release));
    }
    if let Some(environment) = prepare::environment(&environment.name) {
        facts.insert("environment".to_owned(), json!(environment));
    }
    let server = config.errors.server_name.clone().or_else(host_name);
    if let Some(server) = server {
        facts.insert("server_name".to_owned(), json!(server));
    }
    facts.insert(
        "sdk".to_owned(),
        json!({
            "name": sdk_name(),
            "version": env!("CARGO_PKG_VERSION"),
        }),
    );
    facts.insert("contexts".to_owned(), json!({ "os": operating_system() }));
    facts
}

/// `tallylight.rust`, `tallylight.node`, `tallylight.python`.
pub(crate) fn sdk_name() -> String {
    format!("tallylight.{}", config::runtime())
}

/// Adds or replaces fields; of `contexts`, `tags` and `extra` single members.
pub(crate) fn merge(facts: &mut Map<String, Value>, more: Map<String, Value>) {
    for (key, value) in more {
        match (facts.get_mut(&key), value) {
            (Some(Value::Object(known)), Value::Object(members))
                if MERGED.contains(&key.as_str()) =>
            {
                known.extend(members);
            }
            (_, value) => {
                facts.insert(key, value);
            }
        }
    }
}

fn operating_system() -> Value {
    let name = match std::env::consts::OS {
        "linux" => "Linux",
        "macos" => "macOS",
        other => other,
    };
    let mut found = json!({ "name": name });
    if let Ok(release) = std::fs::read_to_string("/proc/sys/kernel/osrelease") {
        found["kernel_version"] = json!(release.trim());
    }
    found
}

fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| std::fs::read_to_string("/etc/hostname"))
        .ok()?;
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// The fields of a JSON object, each as it is written.
pub(crate) type Fields<'a> = BTreeMap<Cow<'a, str>, Cow<'a, RawValue>>;

/// Reads an object's fields without reading what is in them.
pub(crate) fn fields(text: &str) -> Option<Fields<'_>> {
    let fields: BTreeMap<Text<'_>, &RawValue> = serde_json::from_str(text).ok()?;
    Some(
        fields
            .into_iter()
            .map(|(key, value)| (key.0, Cow::Borrowed(value)))
            .collect(),
    )
}

/// A key: borrowed where it is written without escapes.
#[derive(serde::Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A value as it is written.
pub(crate) fn raw(value: &Value) -> Option<Cow<'static, RawValue>> {
    let text = serde_json::to_string(value).ok()?;
    RawValue::from_string(text).ok().map(Cow::Owned)
}

/// Adds to an event's fields those facts that it does not state itself.
pub(crate) fn complete<'a>(event: &mut Fields<'a>, facts: &'a str) {
    let Some(facts) = fields(facts) else {
        return;
    };
    for (key, fact) in facts {
        let is_missing = event
            .get(&key)
            .is_none_or(|known| known.get().trim() == "null");
        if is_missing {
            event.insert(key, fact);
        } else if MERGED.contains(&key.as_ref())
            && let Some(known) = event.get(&key)
            && let Some(merged) = merged(known.get(), fact.get())
        {
            event.insert(key, merged);
        }
    }
}

/// The members of `facts` that `known` lacks, and `known`.
fn merged(known: &str, facts: &str) -> Option<Cow<'static, RawValue>> {
    let (mut members, facts) = (fields(known)?, fields(facts)?);
    for (key, fact) in facts {
        members.entry(key).or_insert(fact);
    }
    written(&members).and_then(|text| RawValue::from_string(text).ok().map(Cow::Owned))
}

/// An object of those fields.
pub(crate) fn written(fields: &Fields<'_>) -> Option<String> {
    serde_json::to_string(fields).ok()
}

/// The facts of a process as they go into the spool.
pub(crate) fn text(facts: &Map<String, Value>) -> Arc<str> {
    serde_json::to_string(facts).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(event: &str, facts: &str) -> String {
        let mut event = fields(event).unwrap();
        complete(&mut event, facts);
        written(&event).unwrap()
    }

    #[test]
    fn an_event_keeps_what_it_says_itself() {
        assert_eq!(
            completed(
                r#"{"release":"mine","environment":null,"contexts":{"os":{"name":"own"},"x":{}}}"#,
                r#"{"release":"r","environment":"e","contexts":{"os":{"name":"o"},"runtime":{"name":"node"}}}"#,
            ),
            r#"{"contexts":{"os":{"name":"own"},"runtime":{"name":"node"},"x":{}},"environment":"e","release":"mine"}"#
        );
    }

    #[test]
    fn numbers_stay_as_they_are_written() {
        let text = r#"{"a":123456789012345678901234567890.10e5,"b":"\ud83d\ude00"}"#;
        assert_eq!(completed(text, "{}"), text);
    }

    #[test]
    fn more_facts_replace_fields_and_join_contexts() {
        let mut facts = Map::new();
        facts.insert("contexts".into(), json!({ "os": 1 }));
        facts.insert("release".into(), json!("a"));
        let more = json!({ "contexts": { "runtime": 2 }, "release": "b" });
        merge(&mut facts, more.as_object().unwrap().clone());
        assert_eq!(
            Value::Object(facts),
            json!({ "contexts": { "os": 1, "runtime": 2 }, "release": "b" })
        );
    }

    #[test]
    fn what_a_server_refuses_is_mended() {
        let config = Config {
            release: Some("shop/api\n1.2".to_owned()),
            ..Config::default()
        };
        let environment = Environment {
            name: "eu/production".to_owned(),
            reason: String::new(),
        };
        let facts = of_process(&config, &environment);
        assert_eq!(facts["release"], "shop-api-1.2");
        assert_eq!(facts["environment"], "eu-production");
    }
}
