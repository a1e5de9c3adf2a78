//! Names of series as people tell them apart: short, with the labels that make the difference.
//!
//! OpenTelemetry's names are long and alike in front; on a line of a terminal only what differs is
//! worth its room. The whole names and all labels stand in the JSON.

use std::collections::BTreeMap;

use super::text::clean;

/// The name of a model call's duration in OpenTelemetry's GenAI conventions, and the labels that name the call.
const MODEL_CALL: &str = "gen_ai.client.operation.duration";
const MODEL_OPERATION: &str = "gen_ai.operation.name";
const MODEL: &str = "gen_ai.request.model";

/// The longest name that is kept.
const MOST_CHARS: usize = 200;

/// A series' name and its labels, cleaned.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) labels: Vec<(String, String)>,
}

impl Series {
    /// A model call is called by what it does and the model that does it, as in OpenTelemetry's spans.
    pub(crate) fn new(name: String, mut labels: Vec<(String, String)>) -> Self {
        if name != MODEL_CALL {
            return Self { name, labels };
        }
        let mut take = |key: &str| {
            let at = labels.iter().position(|(label, _)| label == key)?;
            Some(labels.remove(at).1)
        };
        let operation = take(MODEL_OPERATION).unwrap_or_else(|| "model call".to_owned());
        let name = match take(MODEL) {
            Some(model) => format!("{operation} {model}"),
            None => operation,
        };
        Self { name, labels }
    }
}

/// One text for each series: its name, and in braces the labels that tell it from others of that name.
pub(crate) fn told_apart(all: &[Series]) -> Vec<String> {
    let mut groups: BTreeMap<&str, Vec<&Series>> = BTreeMap::new();
    for series in all {
        groups.entry(&series.name).or_default().push(series);
    }
    let shown: BTreeMap<&str, Vec<&str>> = groups
        .iter()
        .map(|(name, group)| (*name, keys_to_show(group)))
        .collect();
    all.iter()
        .map(|series| {
            let keys = shown
                .get(series.name.as_str())
                .map_or(&[][..], Vec::as_slice);
            let labels: Vec<String> = series
                .labels
                .iter()
                .filter(|(key, _)| keys.contains(&key.as_str()))
                .map(|(key, value)| format!("{}={value}", short(key, keys)))
                .collect();
            if labels.is_empty() {
                return clean(&series.name, MOST_CHARS);
            }
            clean(
                &format!("{}{{{}}}", series.name, labels.join(",")),
                MOST_CHARS,
            )
        })
        .collect()
}

fn keys_to_show<'a>(group: &[&'a Series]) -> Vec<&'a str> {
    let mut values: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for series in group {
        for (key, value) in &series.labels {
            *values.entry(key).or_default().entry(value).or_default() += 1;
        }
    }
    let same = |counts: &BTreeMap<&str, usize>| counts.values().any(|count| *count == group.len());
    values
        .iter()
        .filter(|(_, counts)| !same(counts))
        .map(|(key, _)| *key)
        .collect()
}

/// The end of a dotted key that says something, unless another key shown ends in the same.
fn short<'a>(key: &'a str, keys: &[&str]) -> &'a str {
    let alike = |other: &&&str| **other != key && end(other) == end(key);
    if keys.iter().any(|other| alike(&other)) {
        key
    } else {
        end(key)
    }
}

/// The last part; of `provider.name` both, since everything has a name.
fn end(key: &str) -> &str {
    let mut dots = key.rmatch_indices('.').map(|(at, _)| at + 1);
    let last = dots.next().unwrap_or(0);
    if &key[last..] == "name" {
        &key[dots.next().unwrap_or(0)..]
    } else {
        &key[last..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, labels: &[(&str, &str)]) -> Series {
        let labels = labels
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Series::new(name.to_owned(), labels.collect())
    }

    #[test]
    fn only_the_labels_that_differ_are_shown() {
        let usage = |kind| {
            series(
                "token.usage",
                &[("gen_ai.provider.name", "gcp"), ("gen_ai.token.type", kind)],
            )
        };
        assert_eq!(
            told_apart(&[
                usage("input"),
                usage("output"),
                series("alone", &[("a.region", "eu")])
            ]),
            [
                "token.usage{type=input}",
                "token.usage{type=output}",
                "alone"
            ]
        );
    }

    #[test]
    fn a_label_that_one_of_them_lacks_makes_a_difference() {
        let all = [series("queue", &[("host", "a")]), series("queue", &[])];
        assert_eq!(told_apart(&all), ["queue{host=a}", "queue"]);
    }

    #[test]
    fn keys_are_as_short_as_they_can_be_told_apart() {
        let row = |value| {
            let labels = [
                ("a.type", value),
                ("b.type", value),
                ("c.d", value),
                ("gen_ai.provider.name", value),
            ];
            series("x", &labels)
        };
        assert_eq!(
            told_apart(&[row("1"), row("2")])[0],
            "x{a.type=1,b.type=1,d=1,provider.name=1}"
        );
    }

    #[test]
    fn model_calls_are_named_by_what_they_do_and_their_model() {
        let call = |provider, model| {
            series(
                MODEL_CALL,
                &[
                    (MODEL_OPERATION, "chat"),
                    ("gen_ai.provider.name", provider),
                    (MODEL, model),
                ],
            )
        };
        assert_eq!(
            told_apart(&[call("gcp", "flash"), call("gcp", "pro")]),
            ["chat flash", "chat pro"]
        );
        assert_eq!(
            told_apart(&[call("gcp", "flash"), call("azure", "flash")]),
            [
                "chat flash{provider.name=gcp}",
                "chat flash{provider.name=azure}"
            ]
        );
        assert_eq!(told_apart(&[series(MODEL_CALL, &[])]), ["model call"]);
    }
}
