//! The stacks of an event, and the fields of their frames.

use serde_json::{Map, Value};

/// A frame.
pub(super) type Frame = Map<String, Value>;

/// Shows each stack of an event: those of its exceptions, of its threads, and its own.
pub(super) fn each_stack(event: &mut Value, see: &mut dyn FnMut(&mut Vec<Value>)) {
    for group in ["exception", "threads"] {
        match event.get_mut(group) {
            Some(Value::Array(each)) => each.iter_mut().for_each(|it| stack_of(it, see)),
            Some(Value::Object(fields)) => match fields.get_mut("values") {
                Some(Value::Array(each)) => each.iter_mut().for_each(|it| stack_of(it, see)),
                _ => {
                    if let Some(one) = event.get_mut(group) {
                        stack_of(one, see);
                    }
                }
            },
            _ => {}
        }
    }
    stack_of(event, see);
}

fn stack_of(holder: &mut Value, see: &mut dyn FnMut(&mut Vec<Value>)) {
    if let Some(Value::Array(frames)) = holder
        .get_mut("stacktrace")
        .and_then(|stack| stack.get_mut("frames"))
    {
        see(frames);
    }
}

/// A field that holds a text that is not empty.
pub(super) fn text<'f>(frame: &'f Frame, name: &str) -> Option<&'f str> {
    frame
        .get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

/// A field that holds a number from 0.
pub(super) fn number(frame: &Frame, name: &str) -> Option<usize> {
    frame
        .get(name)
        .and_then(Value::as_u64)
        .and_then(|number| usize::try_from(number).ok())
}

/// Whether the code is the application's own, as far as that is known.
pub(super) fn in_app(frame: &Frame) -> Option<bool> {
    frame.get("in_app").and_then(Value::as_bool)
}

/// Where the code is, as a path.
pub(super) fn place(frame: &Frame) -> Option<&str> {
    text(frame, "abs_path").or_else(|| text(frame, "filename"))
}
