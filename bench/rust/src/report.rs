//! The JSON document that this part prints: rows of numbers, and the goals that ours are held to.

use std::collections::BTreeMap;

use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) language: &'static str,
    pub(crate) title: &'static str,
    pub(crate) rows: Vec<Row>,
    pub(crate) environment: BTreeMap<String, String>,
}

/// One number: the median of its rounds, with the lowest and highest of them.
#[derive(Serialize)]
pub(crate) struct Row {
    pub(crate) group: &'static str,
    pub(crate) name: String,
    pub(crate) peer: bool,
    pub(crate) threads: usize,
    pub(crate) unit: &'static str,
    pub(crate) value: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) goal: Vec<Goal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

/// What a row must keep: at most `ratio` times another row of its group, or at most `limit`.
#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Goal {
    pub(crate) text: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) against: Option<&'static str>,
    /// The other row's thread count, where it is not this row's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) against_threads: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<f64>,
    pub(crate) direction: &'static str,
}

impl Goal {
    pub(crate) fn ratio(text: &'static str, ratio: f64, against: &'static str) -> Self {
        Self {
            text,
            against: Some(against),
            against_threads: None,
            ratio: Some(ratio),
            limit: None,
            direction: "max",
        }
    }

    pub(crate) fn against_threads(mut self, threads: usize) -> Self {
        self.against_threads = Some(threads);
        self
    }

    pub(crate) fn limit(text: &'static str, limit: f64) -> Self {
        Self {
            text,
            against: None,
            against_threads: None,
            ratio: None,
            limit: Some(limit),
            direction: "max",
        }
    }
}

impl Row {
    /// A row of one or more measurements of the same thing.
    pub(crate) fn of(
        group: &'static str,
        name: &str,
        peer: bool,
        threads: usize,
        unit: &'static str,
        mut measured: Vec<f64>,
    ) -> Self {
        measured.sort_by(f64::total_cmp);
        let at = |index: usize| measured.get(index).copied().unwrap_or(f64::NAN);
        Self {
            group,
            name: name.to_owned(),
            peer,
            threads,
            unit,
            value: rounded(at(measured.len() / 2)),
            min: rounded(at(0)),
            max: rounded(at(measured.len().saturating_sub(1))),
            goal: Vec::new(),
            note: None,
        }
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    pub(crate) fn goals(mut self, goals: impl IntoIterator<Item = Goal>) -> Self {
        self.goal.extend(goals);
        self
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// What the numbers depend on: the processor, the compiler, and the version of each peer as this build locked it.
pub(crate) fn environment() -> BTreeMap<String, String> {
    let mut environment = BTreeMap::new();
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown", |rest| rest.trim_start_matches([' ', '\t', ':']));
    environment.insert("cpu".into(), model.into());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    environment.insert("cores".into(), cores.to_string());
    environment.insert("os".into(), std::env::consts::OS.into());
    let rustc = std::process::Command::new("rustc")
        .arg("--version")
        .output();
    let rustc = rustc.map_or_else(
        |_| String::new(),
        |out| String::from_utf8_lossy(&out.stdout).into_owned(),
    );
    environment.insert("rustc".into(), rustc.trim().into());
    const SHOWN: [&str; 8] = [
        "tallylight",
        "histogram",
        "hdrhistogram",
        "prometheus-client",
        "prometheus",
        "metrics",
        "metrics-exporter-prometheus",
        "opentelemetry_sdk",
    ];
    let mut name = "";
    for line in include_str!("../Cargo.lock").lines() {
        if let Some(value) = line.strip_prefix("name = ") {
            name = value.trim_matches('"');
        } else if let Some(version) = line.strip_prefix("version = ")
            && SHOWN.contains(&name)
        {
            environment.insert(name.into(), version.trim_matches('"').into());
        }
    }
    environment
}
