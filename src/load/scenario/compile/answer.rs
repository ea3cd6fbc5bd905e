//! Checks and captures, the same for HTTP bodies and for the arguments of events.

use std::time::Duration;

use regex::bytes::Regex;

use super::Compiler;
use crate::config::duration::Span;
use crate::load::scenario::model::{
    Acknowledge, Capture, Emit, Group, Match, OneOrMany, Receive, Request, Send, Step as StepModel,
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
        let is_strict = [&self.config.http.defaults, &self.config.defaults];
        let is_strict = is_strict.iter().find_map(|defaults| defaults.strict_capture).unwrap_or(true);
        for (rest, model) in captures.items() {
            let at = format!("{at}{rest}");
            let from = self.source(model, &at, http);
            let default = match &model.default {
                Some(value) => self.json(value, &format!("{at}/default")),
                None => None,
            };
            let slot = self.symbols.declare(&model.variable);
            let strict = model.strict.unwrap_or(is_strict) && model.default.is_none();
            let pick = model.index;
            plans.extend(from.map(|from| CapturePlan { from, slot, strict, pick, default }));
        }
        plans
    }

    fn source(&mut self, model: &Capture, at: &str, http: bool) -> Option<Source> {
        for (key, value, what) in [
            ("xpath", &model.xpath, "XML"),
            ("selector", &model.selector, "HTML"),
            ("attr", &model.attr, "HTML"),
        ] {
            if value.is_some() {
                let message = format!("`{key}` looks into {what}, which is not parsed");
                self.refuse_key(&format!("{at}/{key}"), &message, Some("use `regexp`"));
                return None;
            }
        }
        if model.regexp.is_none() && (model.group.is_some() || model.flags.is_some()) {
            return self.refuse(at, "`group` and `flags` belong to `regexp`");
        }
        match (&model.json, &model.header, &model.regexp) {
            (Some(path), None, None) if http && path.contains("{{") => {
                self.text(path, &format!("{at}/json")).map(Source::JsonAt)
            }
            (Some(path), None, None) => self.json_path(path, &format!("{at}/json")).map(Source::Json),
            (None, Some(name), None) if http => {
                self.header_name(name, &format!("{at}/header")).map(Source::Header)
            }
            (None, None, Some(source)) if http => self.captured_group(source, model, at),
            _ if http => self.refuse(at, "a capture has one of `json`, `header`, `regexp`"),
            _ => self.refuse(at, "a capture from an event has `json`"),
        }
    }

    fn captured_group(&mut self, source: &str, model: &Capture, at: &str) -> Option<Source> {
        let known: String =
            model.flags.iter().flat_map(|flags| flags.chars()).filter(|c| "ims".contains(*c)).collect();
        if model.flags.as_ref().is_some_and(|flags| !flags.chars().all(|c| "gimsuy".contains(c))) {
            return self.refuse(&format!("{at}/flags"), "flags of a regular expression are i, m, s, g");
        }
        let flagged = if known.is_empty() { source.to_owned() } else { format!("(?{known}){source}") };
        let regexp = self.regexp(&flagged, &format!("{at}/regexp"))?;
        let groups = regexp.captures_len();
        let group = match &model.group {
            None => usize::from(groups > 1),
            Some(Group::Number(number)) => *number as usize,
            Some(Group::Name(name)) => {
                regexp.capture_names().position(|known| known == Some(name)).unwrap_or(groups)
            }
        };
        if group >= groups {
            return self.refuse(&format!("{at}/group"), "the regular expression has no such group");
        }
        Some(Source::Regexp(regexp, group))
    }

    /// Compiles a JSON path; Artillery's `$.0` for the first item and its bare `user.id` are understood.
    pub fn json_path(&mut self, source: &str, at: &str) -> Option<JsonPath> {
        JsonPath::parse(source).map_err(|message| self.refuse::<()>(at, message)).ok()
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
