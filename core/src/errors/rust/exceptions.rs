//! An error and its sources as Sentry's exceptions.
//!
//! Invariant: whatever an error does (a message of megabytes, a `Display` that panics, sources
//! without end), this ends soon, bounded in time and memory.

use std::error::Error;
use std::fmt::{self, Debug, Display, Write};

use sentry_core::protocol::{Exception, Mechanism};

use super::contained::contained;

/// Sources told from the error's own end, and from the root cause's; those between are counted.
const NEAREST: usize = 25;
const DEEPEST: usize = 25;
/// No chain is followed further.
const LONGEST_CHAIN: usize = 10_000;
/// Bytes of a message that are looked at. More than any server takes, since a secret must be found
/// whole before the message is cut to what one takes.
const MESSAGE: usize = 64 << 10;
/// Bytes of `Debug` that hold a type's name.
const TYPE: usize = 200;

/// What an error that cannot even be shown says.
const UNSHOWN: &str = "(the error panicked when it was asked for its message)";
/// The mechanism of an error that the program captured.
const CAPTURED: &str = "generic";

/// The exceptions of an error, its root cause first, as Sentry wants them.
pub(super) fn of<E: Error + ?Sized>(error: &E) -> Vec<Exception> {
    let mut outermost = exception(type_name(&error, std::any::type_name::<E>()), &error);
    outermost.mechanism = Some(Mechanism {
        ty: CAPTURED.to_owned(),
        handled: Some(true),
        ..Mechanism::default()
    });
    let mut exceptions = vec![outermost];
    let sources = sources(contained(|| error.source()).flatten());
    let omitted = sources.len().saturating_sub(NEAREST + DEEPEST);
    for (index, source) in sources.iter().enumerate() {
        if omitted > 0 && (NEAREST..NEAREST + omitted).contains(&index) {
            continue;
        }
        let name = match source.is::<std::io::Error>() {
            true => type_name(source, "std::io::error::Error"),
            false => type_name(source, ""),
        };
        let mut exception = exception(name, source);
        if omitted > 0 && index == NEAREST + omitted {
            let mut mechanism = Mechanism {
                ty: "chained".to_owned(),
                handled: Some(true),
                ..Mechanism::default()
            };
            mechanism.data.insert("omitted".to_owned(), omitted.into());
            exception.mechanism = Some(mechanism);
        }
        exceptions.push(exception);
    }
    exceptions.reverse();
    exceptions
}

fn sources<'a>(first: Option<&'a (dyn Error + 'static)>) -> Vec<&'a (dyn Error + 'static)> {
    let mut found = Vec::new();
    let mut next = first;
    while let Some(source) = next
        && found.len() < LONGEST_CHAIN
    {
        found.push(source);
        next = contained(|| source.source()).flatten();
    }
    found
}

fn exception(ty: String, error: &dyn Display) -> Exception {
    let message = limited(MESSAGE, |out| write!(out, "{error}"));
    Exception {
        ty,
        value: Some(message.unwrap_or_else(|| UNSHOWN.to_owned())),
        ..Exception::default()
    }
}

/// The name of an error's type: the first word of its `Debug`, as the `sentry` crate has it, which
/// for an enum is the variant. The standard library's I/O error shows no type there.
fn type_name(error: &dyn Debug, known: &str) -> String {
    if known == "std::io::error::Error" {
        return "io::Error".to_owned();
    }
    let shown = limited(TYPE, |out| write!(out, "{error:?}")).unwrap_or_default();
    let word = shown
        .split([' ', '(', '{', '\r', '\n'])
        .next()
        .unwrap_or_default();
    match word.chars().next() {
        Some(first) if first.is_alphabetic() || first == '_' => word.to_owned(),
        // The `Debug` of a mere message is the message in quotation marks.
        _ => "Error".to_owned(),
    }
}

/// What `write` writes, up to a size; `None` when it panicked.
fn limited(most: usize, write: impl FnOnce(&mut Limited) -> fmt::Result) -> Option<String> {
    let mut out = Limited {
        text: String::new(),
        most,
    };
    contained(|| {
        // An error is how `Limited` ends the writing.
        let _ = write(&mut out);
    })?;
    Some(out.text)
}

/// Takes so many bytes, then refuses.
struct Limited {
    text: String,
    most: usize,
}

impl Write for Limited {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.most - self.text.len();
        if text.len() <= room {
            self.text.push_str(text);
            return Ok(());
        }
        self.text.push_str(&text[..text.floor_char_boundary(room)]);
        Err(fmt::Error)
    }
}

/// A panic's message, up to the size of any message.
pub(super) fn message(text: &str) -> String {
    text[..text.floor_char_boundary(MESSAGE)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Link(Option<Box<Link>>, usize);

    impl Display for Link {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "link {}", self.1)
        }
    }

    impl Error for Link {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.0.as_deref().map(|source| source as _)
        }
    }

    impl Drop for Link {
        /// Not by recursion, which a long chain would overflow the stack with.
        fn drop(&mut self) {
            let mut next = self.0.take();
            while let Some(mut link) = next {
                next = link.0.take();
            }
        }
    }

    fn chain(length: usize) -> Link {
        (0..length).rev().fold(Link(None, length), |source, index| {
            Link(Some(Box::new(source)), index)
        })
    }

    #[test]
    fn the_root_cause_comes_first() {
        let exceptions = of(&chain(2));
        let told: Vec<_> = exceptions
            .iter()
            .map(|one| (one.ty.as_str(), one.value.as_deref().unwrap()))
            .collect();
        assert_eq!(
            told,
            [("Link", "link 2"), ("Link", "link 1"), ("Link", "link 0")]
        );
        assert_eq!(exceptions[2].mechanism.as_ref().unwrap().ty, "generic");
    }

    #[test]
    fn a_chain_of_ten_thousand_is_told_by_both_its_ends() {
        let exceptions = of(&chain(9_999));
        assert_eq!(exceptions.len(), 1 + NEAREST + DEEPEST);
        assert_eq!(exceptions[0].value.as_deref(), Some("link 9999"));
        assert_eq!(exceptions[50].value.as_deref(), Some("link 0"));
        let omitted: Vec<_> = exceptions
            .iter()
            .filter_map(|one| one.mechanism.as_ref()?.data.get("omitted"))
            .collect();
        assert_eq!(omitted, [&serde_json::json!(9_949)]);
    }

    #[derive(Debug)]
    struct Endless;

    impl Display for Endless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            loop {
                f.write_str("é and so on ")?;
            }
        }
    }

    impl Error for Endless {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&Self)
        }
    }

    #[test]
    fn messages_and_sources_without_end_end() {
        let exceptions = of(&Endless);
        assert_eq!(exceptions.len(), 1 + NEAREST + DEEPEST);
        let length = exceptions[0].value.as_ref().unwrap().len();
        assert!((MESSAGE - 4..=MESSAGE).contains(&length), "{length}");
    }

    struct Unshowable;

    impl Debug for Unshowable {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("on purpose")
        }
    }

    impl Display for Unshowable {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("on purpose")
        }
    }

    impl Error for Unshowable {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            panic!("on purpose")
        }
    }

    #[test]
    fn an_error_that_panics_is_told_all_the_same() {
        let exceptions = of(&Unshowable);
        assert_eq!(exceptions.len(), 1);
        assert_eq!(exceptions[0].ty, "Error");
        assert_eq!(exceptions[0].value.as_deref(), Some(UNSHOWN));
    }

    #[test]
    fn types_are_named_as_the_sentry_crate_names_them() {
        #[derive(Debug)]
        enum Failure {
            TimedOut { _after: u32 },
        }
        impl Display for Failure {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("timed out")
            }
        }
        impl Error for Failure {}
        let name = |error: &dyn Error| of(error).pop().unwrap().ty;
        assert_eq!(name(&Failure::TimedOut { _after: 3 }), "TimedOut");
        assert_eq!(name(&"x".parse::<u32>().unwrap_err()), "ParseIntError");
        let message: Box<dyn Error> = "only a message".into();
        assert_eq!(of(&*message).pop().unwrap().ty, "Error");
        let io = std::io::Error::other("disk");
        assert_eq!(of(&io).pop().unwrap().ty, "io::Error");
    }
}
