//! Checks and captures on JSON answers.

use rand::RngExt;
use serde_json::Value;

use crate::load::recorder::Failure;
use crate::load::scenario::model::{Pick, PickWord};
use crate::load::scenario::plan::{CapturePlan, JsonCheck, JsonPath};
use crate::load::scenario::template::{Slots, text};

/// The first value at `path`.
pub fn find<'v>(path: &JsonPath, root: &'v Value) -> Option<&'v Value> {
    path.find(root)
}

/// Whether `root` has what `check` asks for. `quote` is the start of the answer, for a message.
pub fn check(
    check: &JsonCheck,
    root: &Value,
    slots: &Slots,
    quote: impl FnOnce() -> String,
) -> Result<(), Failure> {
    let path = &check.path.source;
    let Some(found) = find(&check.path, root) else {
        return Err(Failure::answered(format!("no {path} in the answer"), quote()));
    };
    let Some(template) = &check.value else { return Ok(()) };
    let expected = template.render(slots).map_err(|error| Failure::answered("template", error))?;
    if is_same(found, &expected) {
        return Ok(());
    }
    let cause = format!("{path} does not match");
    Err(Failure::answered(cause, format!("expected {expected}, found {found} in {}", quote())))
}

/// Text compares with what a template renders, numbers included.
pub fn is_same(left: &Value, right: &Value) -> bool {
    left == right || text(left) == text(right)
}

/// The value at `path` that `capture` wants.
pub fn captured(capture: &CapturePlan, path: &JsonPath, root: &Value, slots: &Slots) -> Option<Value> {
    match capture.pick {
        None => path.find(root).cloned(),
        Some(pick) => picked(pick, path.find_all(root).into_iter().cloned().collect(), slots),
    }
}

/// Which of several values is wanted. None at all is no list either.
pub fn picked(pick: Pick, mut found: Vec<Value>, slots: &Slots) -> Option<Value> {
    if found.is_empty() {
        return None;
    }
    let last = found.len() - 1;
    Some(match pick {
        Pick::Word(PickWord::All) => Value::Array(found),
        Pick::Word(PickWord::Last) => found.swap_remove(last),
        Pick::Word(PickWord::Random) => {
            found.swap_remove(slots.chance.draw(|chance| chance.random_range(0..=last)))
        }
        Pick::Nth(index) => return found.into_iter().nth(index as usize),
    })
}

/// Keeps a value, or its default; nothing at all is a failure where the capture is strict.
pub fn keep(
    capture: &CapturePlan,
    found: Option<Value>,
    slots: &mut Slots,
    missing: impl FnOnce() -> Failure,
) -> Result<(), Failure> {
    let value = match (found, &capture.default) {
        (Some(found), _) => Some(found),
        (None, Some(default)) => {
            Some(default.render(slots).map_err(|error| Failure::answered("template", error))?)
        }
        (None, None) if capture.strict => return Err(missing()),
        (None, None) => None,
    };
    if let Some(value) = value {
        slots.set(capture.slot, value);
    }
    Ok(())
}

/// The value that a strict capture did not find, and the start of the answer.
pub fn missing(path: &str, quote: String) -> Failure {
    Failure::answered(format!("nothing to capture at {path}"), quote)
}
