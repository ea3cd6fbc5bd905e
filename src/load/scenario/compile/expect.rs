//! What an HTTP answer must be: `expect`.

use hyper::header::HeaderName;

use super::Compiler;
use crate::load::scenario::model::{Expect, OneOrMany, StatusCode};
use crate::load::scenario::plan::{HttpCheck, JsonCheck};
use crate::load::scenario::template::JsonTemplate;

impl Compiler<'_> {
    /// Compiles `expect`, all but its `equals`.
    pub fn expectations(&mut self, expect: Option<&OneOrMany<Expect>>, at: &str) -> Vec<HttpCheck> {
        let Some(expect) = expect else { return Vec::new() };
        let items = expect.items().into_iter();
        items.flat_map(|(rest, expect)| self.expectation(expect, &format!("{at}{rest}"))).collect()
    }

    /// Compiles the `equals` of `expect`: lists of values that must be the same.
    pub fn equalities(&mut self, expect: Option<&OneOrMany<Expect>>, at: &str) -> Vec<Vec<JsonTemplate>> {
        let Some(expect) = expect else { return Vec::new() };
        let mut equalities = Vec::new();
        for (rest, expect) in expect.items() {
            let values = expect.equals.iter().flatten().enumerate();
            let values: Vec<_> =
                values.filter_map(|(i, value)| self.json(value, &format!("{at}{rest}/equals/{i}"))).collect();
            if values.len() > 1 {
                equalities.push(values);
            }
        }
        equalities
    }

    fn expectation(&mut self, expect: &Expect, at: &str) -> Vec<HttpCheck> {
        let mut checks = Vec::new();
        checks.extend(self.statuses(expect.status_code.as_ref(), &format!("{at}/statusCode"), false));
        checks.extend(self.statuses(expect.not_status_code.as_ref(), &format!("{at}/notStatusCode"), true));
        if let Some(content_type) = &expect.content_type {
            let full = if content_type == "json" { "application/json" } else { content_type };
            checks.push(HttpCheck::ContentType(full.to_owned()));
        }
        if let Some(source) = &expect.has_property {
            let path = self.json_path(source, &format!("{at}/hasProperty"));
            checks.extend(path.map(|path| HttpCheck::Json(JsonCheck { path, value: None })));
        }
        if let Some(source) = &expect.not_has_property {
            checks.extend(self.json_path(source, &format!("{at}/notHasProperty")).map(HttpCheck::JsonAbsent));
        }
        if let Some(name) = &expect.has_header {
            checks.extend(self.header_name(name, &format!("{at}/hasHeader")).map(HttpCheck::HasHeader));
        }
        if let Some(parts) = &expect.header_equals {
            checks.extend(self.header_equals(parts, &format!("{at}/headerEquals")));
        }
        if let Some(source) = &expect.matches_regexp {
            checks.extend(self.regexp(source, &format!("{at}/matchesRegexp")).map(HttpCheck::Regexp));
        }
        checks.extend(expect.cdn_hit.map(HttpCheck::CdnHit));
        checks
    }

    fn statuses(
        &mut self,
        statuses: Option<&OneOrMany<StatusCode>>,
        at: &str,
        is_forbidden: bool,
    ) -> Option<HttpCheck> {
        let (mut codes, mut rendered) = (Vec::new(), Vec::new());
        for (rest, status) in statuses?.items() {
            match status {
                StatusCode::Number(code) => codes.push(*code),
                StatusCode::Text(text) => match text.trim().parse() {
                    Ok(code) => codes.push(code),
                    Err(_) if text.contains("{{") => rendered.extend(self.text(text, &format!("{at}{rest}"))),
                    Err(_) => return self.refuse(&format!("{at}{rest}"), format!("`{text}` is no status")),
                },
            }
        }
        Some(HttpCheck::Status { codes, rendered, is_forbidden })
    }

    fn header_equals(&mut self, parts: &[String], at: &str) -> Option<HttpCheck> {
        let [name, values @ ..] = parts else {
            return self.refuse(at, "`headerEquals` has a header's name and its values");
        };
        let name = self.header_name(name, &format!("{at}/0"))?;
        let values = values.iter().enumerate();
        let values: Option<Vec<_>> =
            values.map(|(index, value)| self.text(value, &format!("{at}/{}", index + 1))).collect();
        match values? {
            values if values.is_empty() => {
                self.refuse(at, "`headerEquals` has a header's name and its values")
            }
            values => Some(HttpCheck::HeaderEquals(name, values)),
        }
    }

    /// Compiles the name of a header.
    pub fn header_name(&mut self, name: &str, at: &str) -> Option<HeaderName> {
        match HeaderName::from_bytes(name.as_bytes()) {
            Ok(name) => Some(name),
            Err(_) => self.refuse(at, format!("`{name}` is no header name")),
        }
    }
}
