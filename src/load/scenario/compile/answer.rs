//! Checks and captures, the same for HTTP bodies and for the arguments of events.

use std::time::Duration;

use hyper::header::HeaderName;
use jsonpath_rust::parser::parse_json_path;
use regex::bytes::Regex;

use super::Compiler;
use crate::config::duration::Span;
use crate::load::scenario::model::{
    Acknowledge, Capture, Emit, Match, OneOrMany, Receive, Request, Send, Step as StepModel,
};
use crate::load::scenario::plan::{AnswerPlan, CapturePlan, JsonCheck, JsonPath, Source};

/// The parts that every awaited answer may have.
pub struct AnswerModel<'m> {
    /// Values that it must have.
    pub matches: Option<&'m OneOrMany<Match>>,
    /// Values to keep.
    pub capture: Option<&'m OneOrMany<Capture>>,
    /// How long it may take.
    pub timeout: Option<Span>,
}

impl Compiler<'_> {
    /// Compiles the checks and captures on an event's or acknowledgement's arguments.
    pub fn answer(&mut self, model: &AnswerModel<'_>, at: &str, default: Duration) -> AnswerPlan {
        let checks = self.matches(model.matches, &format!("{at}/match"));
        let captures = self.captures(model.capture, &format!("{at}/capture"), false);
        AnswerPlan { checks, captures, timeout: model.timeout.map_or(default, |span| span.0) }
    }

    /// Compiles `match`.
    pub fn matches(&mut self, matches: Option<&OneOrMany<Match>>, at: &str) -> Vec<JsonCheck> {
        let Some(matches) = matches else { return Vec::new() };
        let mut checks = Vec::new();
        for (rest, model) in matches.items() {
            let at = format!("{at}{rest}");
            let path = self.json_path(&model.json, &format!("{at}/json"));
            let value = self.json(&model.value, &format!("{at}/value"));
            checks.extend(path.zip(value).map(|(path, value)| JsonCheck { path, value: Some(value) }));
        }
        checks
    }

    /// Compiles `capture` and declares its variables.
    pub fn captures(
        &mut self,
        captures: Option<&OneOrMany<Capture>>,
        at: &str,
        http: bool,
    ) -> Vec<CapturePlan> {
        let Some(captures) = captures else { return Vec::new() };
        let mut plans = Vec::new();
        for (rest, model) in captures.items() {
            let from = self.source(model, &format!("{at}{rest}"), http);
            let slot = self.symbols.declare(&model.variable);
            plans.extend(from.map(|from| CapturePlan { from, slot, strict: model.strict.unwrap_or(true) }));
        }
        plans
    }

    fn source(&mut self, model: &Capture, at: &str, http: bool) -> Option<Source> {
        match (&model.json, &model.header, &model.regexp) {
            (Some(path), None, None) => self.json_path(path, &format!("{at}/json")).map(Source::Json),
            (None, Some(name), None) if http => match HeaderName::from_bytes(name.as_bytes()) {
                Ok(name) => Some(Source::Header(name)),
                Err(_) => self.refuse(&format!("{at}/header"), format!("`{name}` is no header name")),
            },
            (None, None, Some(source)) if http => {
                self.regexp(source, &format!("{at}/regexp")).map(Source::Regexp)
            }
            _ if http => self.refuse(at, "a capture has one of `json`, `header`, `regexp`"),
            _ => self.refuse(at, "a capture from an event has `json`"),
        }
    }

    /// Compiles a JSON path; Artillery's `$.0` for the first item and its bare `user.id` are understood.
    pub fn json_path(&mut self, source: &str, at: &str) -> Option<JsonPath> {
        let rooted = if source.starts_with('$') { source.to_owned() } else { format!("$.{source}") };
        match parse_json_path(&bracketed(&rooted)) {
            Ok(query) => Some(JsonPath { source: source.to_owned(), query }),
            Err(_) => self.refuse(at, format!("`{source}` is no JSON path; write it like `$.items[0].id`")),
        }
    }

    /// Compiles a regular expression.
    pub fn regexp(&mut self, source: &str, at: &str) -> Option<Regex> {
        match Regex::new(source) {
            Ok(regex) => Some(regex),
            Err(error) => {
                let reason = error.to_string();
                let reason =
                    reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                self.refuse(at, format!("`{source}` is no regular expression: {reason}"))
            }
        }
    }
}

/// `.0` as `[0]`.
fn bracketed(source: &str) -> String {
    let mut segments = source.split('.');
    let mut out = segments.next().unwrap_or_default().to_owned();
    for segment in segments {
        let digits = segment.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 {
            out += &format!("[{}]{}", &segment[..digits], &segment[digits..]);
        } else {
            out += &format!(".{segment}");
        }
    }
    out
}

/// The variables that one step captures, not counting the steps below it.
pub fn captured(step: &StepModel) -> Vec<&str> {
    let requests = [&step.get, &step.post, &step.put, &step.patch, &step.delete, &step.head, &step.options];
    let mut captures: Vec<&OneOrMany<Capture>> = Vec::new();
    for request in requests.into_iter().flatten() {
        if let Request::Full(full) = request {
            captures.extend(&full.capture);
        }
    }
    captures.extend(acknowledged(step.acknowledge.as_ref()));
    captures.extend(step.response.iter().flat_map(|response| &response.capture));
    if let Some(Emit::Parts(parts)) = &step.emit {
        captures.extend(acknowledged(parts.acknowledge.as_ref()));
        captures.extend(parts.response.iter().flat_map(|response| &response.capture));
    }
    if let Some(Receive::Full(parts)) = &step.receive {
        captures.extend(&parts.capture);
    }
    if let Some(Send::Parts(parts)) = &step.send {
        captures.extend(&parts.capture);
    }
    captures.into_iter().flat_map(OneOrMany::items).map(|(_, capture)| capture.variable.as_str()).collect()
}

fn acknowledged(acknowledge: Option<&Acknowledge>) -> Option<&OneOrMany<Capture>> {
    match acknowledge {
        Some(Acknowledge::Checked(answer)) => answer.capture.as_ref(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::bracketed;

    #[test]
    fn numbers_after_a_dot_become_indexes() {
        assert_eq!(bracketed("$.0.room.code"), "$[0].room.code");
        assert_eq!(bracketed("$.items[0].id"), "$.items[0].id");
        assert_eq!(bracketed("$..id"), "$..id");
    }
}
