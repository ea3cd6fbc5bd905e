//! Checks and captures on JSON answers.

use jsonpath_rust::query::{QueryRef, js_path_process};
use serde_json::Value;

use crate::load::recorder::Failure;
use crate::load::scenario::plan::{JsonCheck, JsonPath};
use crate::load::scenario::template::Slots;
use crate::text::json_excerpt;

/// The first value at `path`.
pub fn find<'v>(path: &JsonPath, root: &'v Value) -> Option<&'v Value> {
    js_path_process(&path.query, root).ok()?.into_iter().next().map(QueryRef::val)
}

/// Whether `root` has what `check` asks for.
pub fn check(check: &JsonCheck, root: &Value, slots: &Slots) -> Result<(), Failure> {
    let path = &check.path.source;
    let Some(found) = find(&check.path, root) else {
        return Err(Failure::answered(format!("no {path} in the answer"), json_excerpt(root)));
    };
    let Some(template) = &check.value else { return Ok(()) };
    let expected = template.render(slots).map_err(|error| Failure::answered("template", error))?;
    if *found == expected || text(found) == text(&expected) {
        return Ok(());
    }
    let cause = format!("{path} does not match");
    Err(Failure::answered(cause, format!("expected {expected}, found {found} in {}", json_excerpt(root))))
}

/// The value that a strict capture did not find.
pub fn missing(path: &str, root: &Value) -> Failure {
    Failure::answered(format!("nothing to capture at {path}"), json_excerpt(root))
}

/// Text compares with what a template renders, numbers included.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
