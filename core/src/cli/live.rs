//! The live view: the terminal, the keys and the clock around the drawing.
//!
//! The invariant: however it ends (a key, a signal, an error, a panic), the terminal is as it was.

use std::io::{self, Stdout};
use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::execute;
use ratatui::crossterm::style::force_color_output;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size,
};

use super::draw::{self, Look};
use super::keys::{Key, Keyboard};
use super::model::Picture;
use super::output::End;
use super::poll::{Poller, interrupted, left};
use super::time::Moment;
use super::view::View;

/// The longest wait for a key: bounds how late a signal or a resize is seen.
const STEP: Duration = Duration::from_millis(100);

/// The terminal in raw mode on its alternate screen, until dropped.
pub(crate) struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    keyboard: Keyboard,
}

impl Screen {
    pub(crate) fn enter() -> io::Result<Self> {
        let keyboard = Keyboard::open()?;
        if matches!(size()?, (0, _) | (_, 0)) {
            return Err(io::Error::other("its size is unknown"));
        }
        enable_raw_mode()?;
        let entered = execute!(io::stdout(), EnterAlternateScreen)
            .and_then(|()| Terminal::new(CrosstermBackend::new(io::stdout())));
        match entered {
            Ok(terminal) => {
                let mut screen = Self { terminal, keyboard };
                screen.clear()?;
                Ok(screen)
            }
            Err(error) => {
                restore();
                Err(error)
            }
        }
    }

    /// Clears it and forgets what is on it. Not `Terminal::clear`: that one asks the terminal where its
    /// cursor is, and waits two seconds for terminals that do not answer.
    fn clear(&mut self) -> io::Result<()> {
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

fn restore() {
    // The terminal may be gone; each step is tried whatever became of the others.
    let _ = execute!(io::stdout(), Show, LeaveAlternateScreen);
    let _ = disable_raw_mode();
}

/// Runs until a key, a signal or the deadline ends it.
pub(crate) fn run(
    mut screen: Screen,
    view: &mut View,
    poller: &mut Poller,
    deadline: Option<Instant>,
    colour: bool,
) -> Result<(), End> {
    force_color_output(colour);
    let mut look = Look { colour, rows: 1 };
    let mut next_poll = Instant::now();
    let mut next_frame = Instant::now();
    while !left(deadline).is_zero() {
        interrupted()?;
        let now = Instant::now();
        if !view.paused && !poller.is_under_way() && now >= next_poll {
            poller.ask();
            next_poll = now + view.interval;
        }
        if let Some(outcome) = poller.outcome(Duration::ZERO) {
            view.receive(outcome, now, Moment::now());
            next_frame = now;
        }
        let resized = screen.terminal.size()? != screen.terminal.get_frame().area().as_size();
        if now >= next_frame || resized {
            let picture = Picture::of(view, now);
            screen
                .terminal
                .draw(|frame| draw::draw(frame, &picture, view, &mut look))?;
            next_frame = now + Duration::from_millis(500);
        }
        // While an answer is due, look for it more often than anyone could notice.
        let wait = if poller.is_under_way() {
            STEP / 5
        } else {
            STEP
        };
        for key in screen.keyboard.read(wait.min(left(deadline)))? {
            next_frame = now;
            match key {
                Key::Quit => return Ok(()),
                Key::Pause => {
                    view.paused = !view.paused;
                    next_poll = now;
                }
                Key::Refresh => poller.ask(),
                Key::Sort => {
                    view.sort = view.sort.next();
                    view.scroll = 0;
                }
                Key::Redraw => screen.clear()?,
                scroll => scroll_by(view, scroll, look.rows),
            }
        }
    }
    Ok(())
}

fn scroll_by(view: &mut View, key: Key, page: usize) {
    let last = view
        .document
        .as_ref()
        .map_or(0, |document| document.operations.len())
        .saturating_sub(page);
    let to = match key {
        Key::Up => view.scroll.saturating_sub(1),
        Key::Down => view.scroll + 1,
        Key::PageUp => view.scroll.saturating_sub(page),
        Key::PageDown => view.scroll + page,
        Key::Home => 0,
        _ => last,
    };
    view.scroll = to.min(last);
}
