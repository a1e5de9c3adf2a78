//! The benchmark's numbers as tables, for the terminal and for the document.

use super::document::{Document, Judged, Row, number, times};
use crate::report;

/// One table for each group.
pub(super) fn terminal(documents: &[Document]) -> String {
    let mut text = String::new();
    for document in documents {
        for group in document.groups() {
            text.push_str(&format!("\n{}: {group}\n", document.title));
            let mut rows = vec![HEADINGS.map(String::from).to_vec()];
            rows.extend(cells(document, group, |name| format!("* {name}")));
            text.push_str(&report::table(&rows));
        }
    }
    text
}

pub(super) fn goals_terminal(judged: &[Judged]) -> String {
    let mut rows = vec![
        ["goal", "where", "row", "measured", "result"]
            .map(String::from)
            .to_vec(),
    ];
    rows.extend(judged.iter().map(|goal| {
        vec![
            goal.text.clone(),
            goal.place.clone(),
            goal.row.clone(),
            goal.measured.clone(),
            result(goal).to_string(),
        ]
    }));
    report::table(&rows)
}

/// The generated section of the document.
pub(super) fn markdown(documents: &[Document], judged: &[Judged]) -> String {
    let mut text = String::from(
        "### Goals\n\n| goal | where | row | measured | result |\n|---|---|---|---|---|\n",
    );
    for goal in judged {
        text.push_str(&line(&[
            goal.text.clone(),
            goal.place.clone(),
            goal.row.clone(),
            goal.measured.clone(),
            result(goal).to_string(),
        ]));
    }
    for document in documents {
        text.push_str(&format!("\n### {}\n", document.title));
        for group in document.groups() {
            text.push_str(&format!("\n#### {group}\n\n"));
            text.push_str(&line(&HEADINGS.map(String::from)));
            text.push_str("|---|---:|---:|---:|---:|---|\n");
            for row in cells(document, group, |name| format!("**{name}**")) {
                text.push_str(&line(&row));
            }
        }
        let versions: Vec<String> = document
            .environment
            .iter()
            .filter(|(key, _)| !matches!(key.as_str(), "cpu" | "cores" | "os"))
            .map(|(key, value)| format!("{key} {value}"))
            .collect();
        if !versions.is_empty() {
            text.push_str(&format!("\nVersions: {}.\n", versions.join(", ")));
        }
    }
    text
}

const HEADINGS: [&str; 6] = [
    "",
    "threads",
    "median",
    "lowest to highest",
    "ours is",
    "note",
];

fn cells(document: &Document, group: &str, ours: fn(&str) -> String) -> Vec<Vec<String>> {
    document
        .rows
        .iter()
        .filter(|row| row.group == group)
        .map(|row| {
            vec![
                if row.peer {
                    row.name.clone()
                } else {
                    ours(&row.name)
                },
                row.threads.to_string(),
                format!("{} {}", number(row.value), row.unit),
                row.spread.map_or_else(String::new, |(least, most)| {
                    format!("{} to {}", number(least), number(most))
                }),
                ratio(document, row),
                row.note.clone().unwrap_or_default(),
            ]
        })
        .collect()
}

/// Our first row of the group, as a multiple of this peer's.
fn ratio(document: &Document, row: &Row) -> String {
    match document.ours(&row.group, row.threads) {
        Some(ours) if row.peer && row.value > 0.0 => times(ours.value / row.value),
        _ => String::new(),
    }
}

fn result(goal: &Judged) -> &'static str {
    if goal.met { "met" } else { "NOT met" }
}

fn line(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_get_our_ratio_and_ours_is_set_off() {
        let document = Document::parse(
            r#"{"title":"Rust","rows":[
            {"group":"g","name":"peer","peer":true,"threads":1,"unit":"ns/op","value":5.0},
            {"group":"g","name":"ours","peer":false,"threads":1,"unit":"ns/op","value":2.0}]}"#,
        )
        .unwrap();
        let text = markdown(&[document], &[]);
        assert!(
            text.contains("| peer | 1 | 5.00 ns/op |  | 0.400 x |  |"),
            "{text}"
        );
        assert!(
            text.contains("| **ours** | 1 | 2.00 ns/op |  |  |  |"),
            "{text}"
        );
    }
}
