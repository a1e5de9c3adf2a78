//! What a part of the benchmark prints, and whether it keeps its goals.

use serde_json::Value;

use crate::failure::{Doing, Failure, Result};

/// One part's rows.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) title: String,
    pub(super) rows: Vec<Row>,
    pub(super) environment: Vec<(String, String)>,
}

/// One number: the median of its rounds, with the lowest and the highest.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) group: String,
    pub(super) name: String,
    pub(super) peer: bool,
    pub(super) threads: u64,
    pub(super) unit: String,
    pub(super) value: f64,
    pub(super) spread: Option<(f64, f64)>,
    pub(super) note: Option<String>,
    goals: Vec<Goal>,
}

/// What a row must keep: a ratio to another row of its group, or a limit of its own.
#[derive(Debug)]
struct Goal {
    text: String,
    against: Option<String>,
    against_threads: Option<u64>,
    bound: f64,
    at_most: bool,
}

/// A goal beside what was measured.
#[derive(Debug)]
pub(super) struct Judged {
    /// The part and the group: without them, rows of one name are not told apart.
    pub(super) place: String,
    pub(super) row: String,
    pub(super) text: String,
    pub(super) measured: String,
    pub(super) met: bool,
}

impl Document {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(text)
            .doing(|| "a benchmark printed what is no JSON document".into())?;
        let rows = value["rows"]
            .as_array()
            .ok_or_else(|| Failure::new("a benchmark's document has no rows"))?;
        let environment = value["environment"].as_object();
        Ok(Self {
            title: text_of(&value["title"]),
            rows: rows.iter().map(row).collect::<Result<_>>()?,
            environment: environment
                .into_iter()
                .flatten()
                .map(|(key, value)| (key.clone(), text_of(value)))
                .collect(),
        })
    }

    /// The groups in the order in which they first appear.
    pub(super) fn groups(&self) -> Vec<&str> {
        let mut groups: Vec<&str> = Vec::new();
        for row in &self.rows {
            if !groups.contains(&row.group.as_str()) {
                groups.push(&row.group);
            }
        }
        groups
    }

    /// Our first row of a group at that number of threads: what the group's ratios are to.
    pub(super) fn ours(&self, group: &str, threads: u64) -> Option<&Row> {
        self.rows
            .iter()
            .find(|row| !row.peer && row.group == group && row.threads == threads)
    }
}

impl Row {
    pub(super) fn label(&self) -> String {
        if self.threads == 1 {
            self.name.clone()
        } else {
            format!("{} ({} threads)", self.name, self.threads)
        }
    }
}

fn row(value: &Value) -> Result<Row> {
    let number = |key: &str| value[key].as_f64();
    let measured = number("value")
        .ok_or_else(|| Failure::new(format!("a benchmark's row has no value: {value}")))?;
    let goals = match &value["goal"] {
        Value::Array(goals) => goals.iter().map(goal).collect::<Result<_>>()?,
        Value::Null => Vec::new(),
        one => vec![goal(one)?],
    };
    Ok(Row {
        group: text_of(&value["group"]),
        name: text_of(&value["name"]),
        peer: value["peer"].as_bool().unwrap_or(true),
        threads: value["threads"].as_u64().unwrap_or(1),
        unit: text_of(&value["unit"]),
        value: measured,
        spread: number("min").zip(number("max")),
        note: value["note"].as_str().map(str::to_string),
        goals,
    })
}

fn goal(value: &Value) -> Result<Goal> {
    let bound = value["ratio"]
        .as_f64()
        .or_else(|| value["limit"].as_f64())
        .ok_or_else(|| Failure::new(format!("a goal has neither ratio nor limit: {value}")))?;
    Ok(Goal {
        text: text_of(&value["text"]),
        against: value["against"].as_str().map(str::to_string),
        against_threads: value["againstThreads"].as_u64(),
        bound,
        at_most: value["direction"] != "min",
    })
}

fn text_of(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_string)
}

/// Judges every goal of a document. A goal whose other row is missing is not met.
pub(super) fn judge(document: &Document) -> Vec<Judged> {
    let mut judged = Vec::new();
    for row in &document.rows {
        for goal in &row.goals {
            let (measured, value) = match &goal.against {
                None => (
                    format!("{} {}", number(row.value), row.unit),
                    Some(row.value),
                ),
                Some(name) => {
                    let threads = goal.against_threads.unwrap_or(row.threads);
                    let other = document.rows.iter().find(|other| {
                        other.group == row.group && &other.name == name && other.threads == threads
                    });
                    match other {
                        Some(other) if other.value > 0.0 => {
                            let ratio = row.value / other.value;
                            (
                                format!("{} of {}", times(ratio), other.label()),
                                Some(ratio),
                            )
                        }
                        _ => (format!("there is no row `{name}`"), None),
                    }
                }
            };
            judged.push(Judged {
                place: format!("{}: {}", document.title, row.group),
                row: row.label(),
                text: goal.text.clone(),
                measured,
                met: value.is_some_and(|value| {
                    if goal.at_most {
                        value <= goal.bound
                    } else {
                        value >= goal.bound
                    }
                }),
            });
        }
    }
    judged
}

/// A ratio as one reads it: 0.54 x, or 1/61 where it is small.
pub(super) fn times(ratio: f64) -> String {
    if ratio > 0.0 && ratio < 0.2 {
        format!("1/{}", number(1.0 / ratio))
    } else {
        format!("{} x", number(ratio))
    }
}

/// Three digits that matter.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        "0".into()
    } else if size < 1.0 {
        format!("{value:.3}")
    } else if size < 10.0 {
        format!("{value:.2}")
    } else if size < 100.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"language":"rust","title":"Rust","environment":{"rustc":"1.95"},"rows":[
        {"group":"g","name":"peer","peer":true,"threads":1,"unit":"ns/op","value":5.0,"min":4.5,"max":6.0},
        {"group":"g","name":"peer","peer":true,"threads":2,"unit":"ns/op","value":100.0,"min":90.0,"max":110.0},
        {"group":"g","name":"ours","peer":false,"threads":1,"unit":"ns/op","value":2.0,"min":1.9,"max":2.1,
         "goal":[{"text":"<= 0.6 x peer","against":"peer","ratio":0.6,"direction":"max"},
                 {"text":"<= 1/60 of two","against":"peer","againstThreads":2,"ratio":0.0166,"direction":"max"},
                 {"text":"at most 3","limit":3.0,"direction":"max"},
                 {"text":"beside nobody","against":"nobody","ratio":1.0,"direction":"max"}]}]}"#;

    #[test]
    fn goals_are_judged_against_their_row_or_limit() {
        let document = Document::parse(TEXT).unwrap();
        assert_eq!(document.groups(), ["g"]);
        assert_eq!(document.ours("g", 1).unwrap().name, "ours");
        let judged = judge(&document);
        let met: Vec<bool> = judged.iter().map(|goal| goal.met).collect();
        assert_eq!(met, [true, false, true, false]);
        assert_eq!(judged[0].measured, "0.400 x of peer");
        assert_eq!(judged[1].measured, "1/50.0 of peer (2 threads)");
        assert_eq!(judged[2].measured, "2.00 ns/op");
    }

    #[test]
    fn document_without_rows_or_with_a_row_without_value_is_refused() {
        assert!(Document::parse("{}").is_err());
        assert!(Document::parse(r#"{"rows":[{"group":"g"}]}"#).is_err());
        assert!(Document::parse("not JSON").is_err());
    }
}
