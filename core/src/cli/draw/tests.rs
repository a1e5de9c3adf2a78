//! What the drawing promises, on a terminal in memory.

use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::Color;

use super::super::output::Failure;
use super::super::samples::{self, Mood, view_of};
use super::super::time::Moment;
use super::*;

fn drawn(view: &View, columns: u16, rows: u16, colour: bool) -> (Buffer, Look) {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    let mut look = Look { colour, rows: 1 };
    let picture = Picture::of(view, Instant::now());
    terminal
        .draw(|frame| draw(frame, &picture, view, &mut look))
        .unwrap();
    (terminal.backend().buffer().clone(), look)
}

fn words(buffer: &Buffer) -> String {
    let mut text = String::new();
    for row in buffer.content().chunks(usize::from(buffer.area.width)) {
        let line: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn of(mood: Mood) -> View {
    view_of(&samples::document(mood))
}

fn failing(mood: Mood) -> View {
    let mut view = of(mood);
    let failure = Failure::new("http://127.0.0.1:3000/api/monitoring/status: connection refused")
        .hint("is it running?");
    view.receive(Err(failure), Instant::now(), Moment(0));
    view
}

#[test]
fn the_whole_view_looks_as_approved() {
    samples::approve(
        "status-live-120x40.txt",
        &words(&drawn(&of(Mood::Green), 120, 40, true).0),
    );
    samples::approve(
        "status-live-80x24.txt",
        &words(&drawn(&of(Mood::Red), 80, 24, true).0),
    );
    samples::approve(
        "status-live-80x24-no-color.txt",
        &words(&drawn(&of(Mood::Yellow), 80, 24, false).0),
    );
    samples::approve(
        "status-live-80x24-stale.txt",
        &words(&drawn(&failing(Mood::Green), 80, 24, true).0),
    );
}

#[test]
fn every_state_says_its_word_on_every_usual_size() {
    for (columns, rows) in [
        (120, 40),
        (80, 24),
        (60, 20),
        (40, 12),
        (24, 4),
        (20, 3),
        (14, 1),
    ] {
        for (mood, word) in [
            (Mood::Green, "● GREEN"),
            (Mood::Yellow, "● YELLOW"),
            (Mood::Red, "● RED"),
            (Mood::Empty, "○ NO TRAFFIC"),
        ] {
            let text = words(&drawn(&of(mood), columns, rows, true).0);
            assert!(text.contains(word), "{columns}x{rows}\n{text}");
        }
        let stale = words(&drawn(&failing(Mood::Green), columns, rows, true).0);
        assert!(
            stale.contains("○ STALE") && !stale.contains("● GREEN"),
            "{columns}x{rows}\n{stale}"
        );
    }
}

#[test]
fn a_stale_picture_shows_nothing_green_and_says_why() {
    let (buffer, _) = drawn(&failing(Mood::Green), 80, 24, true);
    assert!(words(&buffer).contains("refused"));
    assert!(words(&buffer).contains("hint: is it running?"));
    assert!(
        buffer
            .content()
            .iter()
            .all(|cell| cell.fg != Color::Green && cell.bg != Color::Green)
    );
    let (fresh, _) = drawn(&of(Mood::Green), 80, 24, true);
    assert!(fresh.content().iter().any(|cell| cell.bg == Color::Green));
}

#[test]
fn without_colour_there_is_no_colour() {
    for mood in [Mood::Green, Mood::Red, Mood::Hostile] {
        let (buffer, _) = drawn(&of(mood), 120, 40, false);
        assert!(
            buffer
                .content()
                .iter()
                .all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset)
        );
    }
}

#[test]
fn no_size_and_no_document_breaks_the_drawing() {
    let waiting = View::new("http://x".to_owned(), Duration::from_millis(1500));
    let bare = view_of(r#"{"metrics":{}}"#);
    let views = [
        of(Mood::Green),
        of(Mood::Empty),
        of(Mood::Hostile),
        failing(Mood::Red),
        waiting,
        bare,
    ];
    for view in &views {
        for columns in [1, 2, 5, 11, 23, 24, 25, 31, 40, 60, 80, 115, 116, 200] {
            for rows in [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 19, 24, 28, 40, 70] {
                let text = words(&drawn(view, columns, rows, true).0);
                assert!(
                    !text.contains(|c: char| c.is_control() && c != '\n'),
                    "{text:?}"
                );
            }
        }
    }
}

#[test]
fn operations_scroll_and_never_past_their_end() {
    let mut value = samples::value(Mood::Green);
    value["operations"] = (0..100)
        .map(|index| serde_json::json!({"name": format!("op-{index:03}"), "kind": "job"}))
        .collect();
    let mut view = view_of(&value.to_string());
    view.scroll = 40;
    let (buffer, look) = drawn(&view, 100, 40, true);
    assert!(look.rows > 3);
    assert!(words(&buffer).contains("op-040") && !words(&buffer).contains("op-039"));
    view.scroll = 10_000;
    let text = words(&drawn(&view, 100, 40, true).0);
    assert!(
        text.contains("op-099") && text.contains("-100 of 100"),
        "{text}"
    );
}

#[test]
fn the_first_wait_names_the_url_and_the_reason() {
    let mut view = View::new("http://127.0.0.1:3000/x".to_owned(), Duration::from_secs(1));
    view.receive(
        Err(Failure::new("connection refused").hint("start it")),
        Instant::now(),
        Moment(0),
    );
    let text = words(&drawn(&view, 80, 24, true).0);
    for part in [
        "○ WAITING",
        "http://127.0.0.1:3000/x",
        "connection refused",
        "hint: start it",
        "q quit",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}
