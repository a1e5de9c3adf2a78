//! This thread's stack in Sentry's form, each frame a file and an address in it.
//!
//! Names, lines and whether a frame is the application's own are found at delivery (`enrich`), off
//! the caller's thread; a server with the program's debug information can find them too, by the
//! build ids that travel along.

use std::panic::Location;

use sentry_core::protocol::{Addr, DebugImage, Event, Frame, Stacktrace};

use super::images::Images;
use super::unwind;

/// A stack, and the files that its frames are in.
pub(super) struct Stack {
    pub(super) trace: Stacktrace,
    images: Vec<DebugImage>,
}

impl Stack {
    /// The stack of the caller of `hidden`; `None` where this platform's unwinder tells nothing.
    pub(super) fn below(hidden: usize) -> Option<Self> {
        Self::of(unwind::addresses(hidden, 0), None)
    }

    /// The stack of whoever called the caller of `hidden`. `place` is where in the innermost
    /// function that is, which a program without debug information could not tell.
    pub(super) fn two_below(hidden: usize, place: &Location<'_>) -> Option<Self> {
        Self::of(unwind::addresses(hidden, 1), Some(place))
    }

    fn of(addresses: Vec<usize>, place: Option<&Location<'_>>) -> Option<Self> {
        let files = Images::holding(&addresses);
        let mut used = Vec::new();
        let mut frames: Vec<Frame> = addresses
            .into_iter()
            .map(|address| {
                let address = address as u64;
                let file = files.find(address);
                if let Some((index, _)) = file
                    && !used.contains(&index)
                {
                    used.push(index);
                }
                Frame {
                    instruction_addr: Some(Addr(address)),
                    image_addr: file.map(|(_, file)| Addr(file.start)),
                    package: file.map(|(_, file)| file.path.clone()),
                    ..Frame::default()
                }
            })
            .collect();
        if let (Some(innermost), Some(place)) = (frames.first_mut(), place) {
            innermost.filename = Some(place.file().to_owned());
            innermost.lineno = Some(u64::from(place.line()));
            innermost.colno = Some(u64::from(place.column()));
        }
        let images = used
            .into_iter()
            .filter_map(|index| files.get(index)?.described.clone())
            .collect();
        Some(Self {
            trace: Stacktrace::from_frames_reversed(frames)?,
            images,
        })
    }

    /// Tells the event which files the frames are in, and answers the frames.
    pub(super) fn into_event(self, event: &mut Event<'static>) -> Stacktrace {
        let meta = event.debug_meta.to_mut();
        for image in self.images {
            if !meta.images.contains(&image) {
                meta.images.push(image);
            }
        }
        self.trace
    }
}
