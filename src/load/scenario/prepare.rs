//! A scenario file before it is checked: the chosen environment laid over `config`, variables of the process
//! put into it, and numbers and durations that were written as text read as what they are.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;
use serde_json::{Map, Value};

use super::model::ScenarioFile;
use crate::config::document::escape;
use crate::config::schema::Checker;
use crate::config::suggest::did_you_mean;
use crate::config::{Diagnostic, Document};

/// Artillery has two names for the variables of its process.
pub const ENVIRONMENT: [&str; 2] = ["$env", "$processEnvironment"];

/// Text is softened this often at most: a number may come to light when the key around it fits.
const ROUNDS: usize = 3;
/// A file with more of it than this is no scenario.
const MOST_TEXTS: usize = 1_000;

static VARIABLE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\$(?:env|processEnvironment)\.([A-Za-z_][A-Za-z0-9_]*)").ok());

/// The file, made ready, and what is wrong with what it asks for.
pub fn prepare(document: &Document, environment: Option<&str>) -> (Document, Vec<Diagnostic>) {
    let mut document = document.clone();
    let mut found = Vec::new();
    if let Some(name) = environment {
        found.extend(choose(&mut document, name));
    }
    if let Some(config) = document.value.get_mut("config").and_then(Value::as_object_mut) {
        // Those that were not chosen may need variables that are not set.
        config.shift_remove("environments");
    }
    found.extend(fill(&mut document));
    soften(&mut document);
    (document, found)
}

fn choose(document: &mut Document, name: &str) -> Option<Diagnostic> {
    let pointer = format!("/config/environments/{}", escape(name));
    if document.value.pointer(&pointer).is_some_and(Value::is_object) {
        document.overlay(&pointer, "/config");
        return None;
    }
    let known = document.value.pointer("/config/environments").and_then(Value::as_object);
    let known: Vec<&str> = known.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let help = did_you_mean(name, known.iter().copied()).unwrap_or_else(|| match known.is_empty() {
        true => "`config.environments` names none".to_owned(),
        false => format!("`config.environments` names {}", known.join(", ")),
    });
    let message = format!("there is no environment `{name}`");
    Some(Diagnostic::new(document.key_place("/config/environments"), message).with_help(help))
}

/// Replaces `{{ $env.NAME }}` in `config`, where numbers and addresses are no templates otherwise.
fn fill(document: &mut Document) -> Vec<Diagnostic> {
    let places = document.clone();
    let mut found = Vec::new();
    document.rewrite("/config", &mut |pointer, value| {
        let text = value.as_str()?;
        let (filled, missing) = fill_text(text)?;
        found.extend(missing.into_iter().map(|message| {
            Diagnostic::new(places.place(pointer), message).with_help("set it where scalectl is started")
        }));
        Some(Value::String(filled))
    });
    found
}

/// The text with the variables of the process in it, and those that cannot be put in; `None` without any.
fn fill_text(text: &str) -> Option<(String, Vec<String>)> {
    let mut missing = Vec::new();
    let (mut out, mut rest, mut is_filled) = (String::new(), text, false);
    while let Some((before, after)) = rest.split_once("{{") {
        let (expression, after) = after.split_once("}}")?;
        out += before;
        match variable(expression.trim()) {
            None => out += &format!("{{{{{expression}}}}}"),
            Some(name) => {
                is_filled = true;
                match lookup(name) {
                    Ok(value) => out += &value,
                    Err(message) => missing.push(message),
                }
            }
        }
        rest = after;
    }
    out += rest;
    is_filled.then_some((out, missing))
}

/// The name in an expression that is nothing but a variable of the process.
fn variable(expression: &str) -> Option<&str> {
    let found = VARIABLE.as_ref()?.captures(expression)?;
    (found.get(0)?.as_str() == expression).then(|| found.get(1).map_or("", |name| name.as_str()))
}

fn lookup(name: &str) -> Result<String, String> {
    match std::env::var(name) {
        Ok(value) if value.contains("{{") => Err(format!("environment variable `{name}` holds `{{{{`")),
        Ok(value) => Ok(value),
        Err(std::env::VarError::NotPresent) => Err(format!("environment variable `{name}` is not set")),
        Err(error) => Err(format!("environment variable `{name}`: {error}")),
    }
}

/// The variables of the process that the file names anywhere, and those that it names in vain.
pub fn process_variables(document: &Document) -> (Value, Vec<Diagnostic>) {
    let (mut values, mut found, mut seen) = (Map::new(), Vec::new(), BTreeSet::new());
    let mut copy = document.clone();
    copy.rewrite("", &mut |pointer, value| {
        let text = value.as_str().filter(|text| text.contains("{{"))?;
        for captures in VARIABLE.as_ref()?.captures_iter(text) {
            let name = &captures[1];
            if !seen.insert(name.to_owned()) {
                continue;
            }
            match lookup(name) {
                Ok(value) => _ = values.insert(name.to_owned(), Value::String(value)),
                Err(message) => {
                    found.push(Diagnostic::new(document.place(pointer), message));
                    values.insert(name.to_owned(), Value::String(String::new()));
                }
            }
        }
        None
    });
    (Value::Object(values), found)
}

/// Artillery takes numbers as text, and durations as people say them.
fn soften(document: &mut Document) {
    let checker = Checker::new::<ScenarioFile>();
    for _ in 0..ROUNDS {
        let misplaced = checker.misplaced_text(document).into_iter().take(MOST_TEXTS);
        let replaced = misplaced.filter(|(pointer, text)| soften_at(&checker, document, pointer, text));
        if replaced.count() == 0 {
            return;
        }
    }
}

/// Tries what the text may stand for, and leaves it when nothing fits.
fn soften_at(checker: &Checker, document: &mut Document, pointer: &str, text: &str) -> bool {
    let candidates = [as_number(text), as_bool(text), human_duration(text).map(|d| d.as_secs_f64().into())];
    for candidate in candidates.into_iter().flatten() {
        let Some(place) = document.value.pointer_mut(pointer) else { return false };
        *place = candidate;
        if !checker.is_wrong_at(document, pointer) {
            return true;
        }
    }
    if let Some(place) = document.value.pointer_mut(pointer) {
        *place = text.into();
    }
    false
}

fn as_number(text: &str) -> Option<Value> {
    let text = text.trim();
    text.parse::<i64>()
        .map(Value::from)
        .ok()
        .or_else(|| text.parse::<f64>().ok().filter(|n| n.is_finite()).map(Value::from))
}

fn as_bool(text: &str) -> Option<Value> {
    text.trim().parse::<bool>().ok().map(Value::Bool)
}

/// `5min`, `10 minutes`, `1d`: what Artillery's users write beside `500ms` and `30s`.
pub fn human_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(digits);
    let seconds = match unit.trim().to_ascii_lowercase().as_str() {
        "msec" | "msecs" | "millisecond" | "milliseconds" => 1e-3,
        "sec" | "secs" | "second" | "seconds" => 1.0,
        "min" | "mins" | "minute" | "minutes" => 60.0,
        "hr" | "hrs" | "hour" | "hours" => 3_600.0,
        "d" | "day" | "days" => 86_400.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::{human_duration, prepare};
    use crate::config::Document;

    fn prepared(text: &str, environment: Option<&str>) -> (serde_json::Value, Vec<String>) {
        let document = Document::parse("t.yaml", text.to_owned()).unwrap();
        let (document, found) = prepare(&document, environment);
        (document.value, found.into_iter().map(|found| found.message).collect())
    }

    #[test]
    fn an_environment_is_laid_over_the_rest() {
        let text = "config:\n  target: http://a\n  phases: [{duration: 1, users: 1}]\n  environments:\n    \
                    load: {phases: [{duration: 10min, arrivalRate: \"25\"}]}\nscenarios: []\n";
        let (value, found) = prepared(text, Some("load"));
        assert_eq!(found, Vec::<String>::new());
        assert_eq!(value["config"]["target"], "http://a");
        assert_eq!(value["config"]["phases"][0]["arrivalRate"], 25);
        assert_eq!(value["config"]["phases"][0]["duration"], 600.0);
        assert_eq!(prepared(text, Some("laod")).1, ["there is no environment `laod`"]);
    }

    #[test]
    fn what_is_text_stays_text_and_what_is_wrong_stays_wrong() {
        let text = "config:\n  target: http://a\n  http: {timeout: 5 apples}\n  payload: {path: a.csv, \
                    skipHeader: \"true\", delimiter: \"1\"}\nscenarios:\n  - weight: \"3\"\n    flow: [{get: \"1\"}]\n";
        let (value, _) = prepared(text, None);
        assert_eq!(value["config"]["http"]["timeout"], "5 apples");
        assert_eq!(value["config"]["payload"]["skipHeader"], true);
        assert_eq!(value["config"]["payload"]["delimiter"], "1");
        assert_eq!(
            (&value["scenarios"][0]["weight"], &value["scenarios"][0]["flow"][0]["get"]),
            (&3.into(), &"1".into())
        );
    }

    #[test]
    fn a_variable_of_the_process_that_is_not_set_is_a_mistake() {
        let text = "config:\n  target: \"{{ $processEnvironment.SCALECTL_NO_SUCH }}\"\n";
        let (_, found) = prepared(text, None);
        assert_eq!(found, ["environment variable `SCALECTL_NO_SUCH` is not set"]);
    }

    #[test]
    fn durations_are_read_as_people_say_them() {
        let seconds = |text| human_duration(text).map(|duration| duration.as_secs_f64());
        assert_eq!(
            (seconds("5min"), seconds("1.5 hours"), seconds("2 apples")),
            (Some(300.0), Some(5_400.0), None)
        );
    }
}
