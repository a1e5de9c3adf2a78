//! An event of the `sentry` crate as the JSON that a server gets.
//!
//! The crate's types hold most of Sentry's protocol and no ids of mechanisms, by which a server
//! knows which exception is whose cause. They are written here, beside what serde writes, so that
//! a field that a later version of the crate adds needs nothing here.

use sentry_core::protocol::{Event, Exception, Mechanism};
use serde::Serialize;

/// The mechanism of an exception that is another's cause.
const CHAINED: &str = "chained";
/// Where a Rust error names its cause.
const SOURCE: &str = "source";

/// What the crate's mechanisms lack.
#[derive(Serialize)]
struct Place {
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'static str>,
    exception_id: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Option<usize>,
}

/// The event as JSON.
///
/// # Errors
/// What serde says; no event has come by that it refuses.
pub(super) fn event(mut event: Event<'static>) -> Result<String, serde_json::Error> {
    let mut exceptions = std::mem::take(&mut event.exception.values);
    exceptions.iter_mut().for_each(leave_unknown_open);
    let mut json = Vec::with_capacity(8 << 10);
    serde_json::to_writer(&mut json, &event)?;
    if !exceptions.is_empty() {
        open_again(&mut json);
        json.extend(b"\"exception\":{\"values\":[");
        // The crate lists the root cause first and the error that was captured last.
        let handled = exceptions
            .last()
            .and_then(|last| last.mechanism.as_ref()?.handled);
        let count = exceptions.len();
        for (index, exception) in exceptions.into_iter().enumerate() {
            if index > 0 {
                json.push(b',');
            }
            write_exception(&mut json, exception, count - 1 - index, handled)?;
        }
        json.extend(b"]}}");
    }
    String::from_utf8(json).map_err(serde::ser::Error::custom)
}

/// Writes an exception that is `id` causes away from the error that was captured.
fn write_exception(
    json: &mut Vec<u8>,
    mut exception: Exception,
    id: usize,
    handled: Option<bool>,
) -> Result<(), serde_json::Error> {
    let mechanism = exception.mechanism.take().unwrap_or_else(|| Mechanism {
        ty: if id == 0 { "generic" } else { CHAINED }.to_owned(),
        handled,
        ..Mechanism::default()
    });
    let place = Place {
        source: (id > 0).then_some(SOURCE),
        exception_id: id,
        parent_id: id.checked_sub(1),
    };
    serde_json::to_writer(&mut *json, &exception)?;
    open_again(json);
    json.extend(b"\"mechanism\":");
    serde_json::to_writer(&mut *json, &mechanism)?;
    open_again(json);
    let start = json.len();
    serde_json::to_writer(&mut *json, &place)?;
    // Its own brace: the mechanism's is open.
    json.remove(start);
    json.push(b'}');
    Ok(())
}

/// Takes the closing brace of an object away again, so that a further field follows.
fn open_again(json: &mut Vec<u8>) {
    json.pop();
    if json.last() != Some(&b'{') {
        json.push(b',');
    }
}

/// A frame without a name is not the application's or anyone's yet. The crate's own integration
/// says `in_app` of all frames where it knows of none.
fn leave_unknown_open(exception: &mut Exception) {
    for frame in exception
        .stacktrace
        .iter_mut()
        .flat_map(|trace| trace.frames.iter_mut())
    {
        if frame.function.is_none() {
            frame.in_app = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use sentry_core::protocol::{Frame, Stacktrace, Value};

    use super::*;

    fn written(exceptions: Vec<Exception>) -> Value {
        let json = event(Event {
            exception: exceptions.into(),
            ..Event::default()
        });
        serde_json::from_str(&json.unwrap()).unwrap()
    }

    fn named(ty: &str) -> Exception {
        Exception {
            ty: ty.to_owned(),
            ..Exception::default()
        }
    }

    #[test]
    fn each_exception_says_whose_cause_it_is() {
        let mut last = named("Outer");
        last.mechanism = Some(Mechanism {
            ty: "panic".to_owned(),
            handled: Some(false),
            ..Mechanism::default()
        });
        let event = written(vec![named("Root"), named("Inner"), last]);
        let mechanisms: Vec<_> = (0..3)
            .map(|index| event["exception"]["values"][index]["mechanism"].clone())
            .collect();
        assert_eq!(
            mechanisms,
            [
                serde_json::json!({"type": "chained", "handled": false, "source": "source", "exception_id": 2, "parent_id": 1}),
                serde_json::json!({"type": "chained", "handled": false, "source": "source", "exception_id": 1, "parent_id": 0}),
                serde_json::json!({"type": "panic", "handled": false, "exception_id": 0}),
            ]
        );
    }

    #[test]
    fn an_event_without_exceptions_is_what_the_crate_writes() {
        let plain = Event {
            message: Some("hello \"you\"".to_owned()),
            ..Event::default()
        };
        let expected = serde_json::to_string(&plain).unwrap();
        assert_eq!(event(plain).unwrap(), expected);
    }

    #[test]
    fn a_frame_without_a_name_is_not_said_to_be_the_applications() {
        let mut exception = named("Error");
        let frame = |function: Option<&str>| Frame {
            function: function.map(str::to_owned),
            in_app: Some(true),
            ..Frame::default()
        };
        exception.stacktrace = Some(Stacktrace {
            frames: vec![frame(None), frame(Some("app::work"))],
            ..Stacktrace::default()
        });
        let event = written(vec![exception]);
        let frames = &event["exception"]["values"][0]["stacktrace"]["frames"];
        assert_eq!(frames[0], serde_json::json!({}));
        assert_eq!(frames[1]["in_app"], true);
    }
}
