//! HTTP steps.

use std::collections::BTreeMap;

use bytes::Bytes;
use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};

use serde_json::Value;

use super::{Compiler, DEFAULT_TIMEOUT, JAVASCRIPT};
use crate::config::document::escape;
use crate::load::scenario::model::{Expect, FullRequest, OneOrMany, Request};
use crate::load::scenario::plan::{
    Body, HeaderTemplate, HttpCheck, HttpStep, JsonCheck, MetricKind, RequestUrl, Step,
};
use crate::load::scenario::template::JsonTemplate;

impl Compiler<'_> {
    /// Compiles a request; `at` points to what the method's key holds.
    pub fn http(&mut self, request: &Request, method: &str, at: &str) -> Option<Step> {
        let short;
        let (request, url_at) = match request {
            Request::Path(path) => {
                short = FullRequest { url: path.clone(), ..FullRequest::default() };
                (&short, at.to_owned())
            }
            Request::Full(full) => (full.as_ref(), format!("{at}/url")),
        };
        self.refuse_hooks(request, at);
        let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).ok()?;
        let name = request.name.clone().unwrap_or_else(|| format!("{method} {}", request.url));
        let metric = self.metric(&name, MetricKind::Exchange);
        let url = self.url(&request.url, &url_at);
        let query = self.json_pairs(&request.qs, &format!("{at}/qs"));
        let mut headers = self.headers(request, at);
        let body = self.body(request, at, &mut headers);
        let mut checks = self.expectations(request.expect.as_ref(), &format!("{at}/expect"));
        let matches = self.matches(request.matches.as_ref(), &format!("{at}/match"));
        checks.extend(matches.into_iter().map(HttpCheck::Json));
        let captures = self.captures(request.capture.as_ref(), &format!("{at}/capture"), true);
        let timeout = request.timeout.or(self.config.http.timeout).map_or(DEFAULT_TIMEOUT, |span| span.0);
        Some(Step::Http(Box::new(HttpStep {
            metric,
            method,
            url: url?,
            query: query?,
            headers,
            body: body?,
            timeout,
            checks,
            captures,
        })))
    }

    fn refuse_hooks(&mut self, request: &FullRequest, at: &str) {
        let hooks = [("beforeRequest", &request.before_request), ("afterResponse", &request.after_response)];
        for (hook, _) in hooks.iter().filter(|(_, value)| value.is_some()) {
            let message = format!("`{hook}` calls JavaScript");
            self.refuse_key(&format!("{at}/{hook}"), &message, Some(JAVASCRIPT));
        }
    }

    /// A path of the target, or a URL of the target's own origin.
    fn url(&mut self, source: &str, at: &str) -> Option<RequestUrl> {
        let origin = self.origin.clone();
        let path = match source.strip_prefix(&origin) {
            Some("") => "/",
            Some(path) if path.starts_with(['/', '?']) => path,
            _ => source,
        };
        if !path.starts_with('/') && !path.starts_with("{{") {
            return self.refuse(at, format!("`{source}` must be a path of {origin}, starting with `/`"));
        }
        let template = self.text(path, at)?;
        match template.as_static().filter(|text| text.starts_with('/')).map(str::parse) {
            None => Some(RequestUrl::Rendered(template)),
            Some(Ok(uri)) => Some(RequestUrl::Static(uri)),
            Some(Err(_)) => self.refuse(at, format!("`{source}` is no valid path")),
        }
    }

    /// The file's headers, overridden by the request's own.
    fn headers(&mut self, request: &FullRequest, at: &str) -> Vec<(HeaderName, HeaderTemplate)> {
        let config = self.config;
        let defaults = [
            (&config.defaults.headers, "/config/defaults/headers".to_owned()),
            (&config.http.defaults.headers, "/config/http/defaults/headers".to_owned()),
            (&request.headers, format!("{at}/headers")),
        ];
        let mut headers: Vec<(HeaderName, HeaderTemplate)> = Vec::new();
        for (map, pointer) in defaults {
            for (name, header) in self.header_map(map, &pointer) {
                headers.retain(|(known, _)| *known != name);
                headers.push((name, header));
            }
        }
        headers
    }

    fn header_map(&mut self, map: &BTreeMap<String, String>, at: &str) -> Vec<(HeaderName, HeaderTemplate)> {
        map.iter()
            .filter_map(|(name, value)| self.header(name, value, &format!("{at}/{}", escape(name))))
            .collect()
    }

    fn header(&mut self, name: &str, value: &str, at: &str) -> Option<(HeaderName, HeaderTemplate)> {
        let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
            return self.refuse(at, format!("`{name}` is no header name"));
        };
        let template = self.text(value, at)?;
        let value = match template.as_static().map(HeaderValue::from_str) {
            None => HeaderTemplate::Rendered(template),
            Some(Ok(value)) => HeaderTemplate::Static(value),
            Some(Err(_)) => return self.refuse(at, format!("`{name}`: no valid header value")),
        };
        Some((header, value))
    }

    fn body(
        &mut self,
        request: &FullRequest,
        at: &str,
        headers: &mut Vec<(HeaderName, HeaderTemplate)>,
    ) -> Option<Body> {
        let mut content_type = |value: &'static str| {
            if !headers.iter().any(|(name, _)| *name == CONTENT_TYPE) {
                headers.push((CONTENT_TYPE, HeaderTemplate::Static(HeaderValue::from_static(value))));
            }
        };
        match (&request.json, &request.form, &request.body) {
            (None, None, None) => Some(Body::Empty),
            (Some(json), None, None) => {
                content_type("application/json");
                let template = self.json(json, &format!("{at}/json"))?;
                Some(match template.as_static() {
                    Some(value) => Body::Static(Bytes::from(value.to_string())),
                    None => Body::Json(template),
                })
            }
            (None, Some(form), None) => {
                content_type("application/x-www-form-urlencoded");
                self.json_pairs(form, &format!("{at}/form")).map(Body::Form)
            }
            (None, None, Some(text)) => {
                let template = self.text(text, &format!("{at}/body"))?;
                Some(match template.as_static() {
                    Some(text) => Body::Static(Bytes::from(text.to_owned())),
                    None => Body::Text(template),
                })
            }
            _ => self.refuse(at, "a request has one of `json`, `form`, `body`"),
        }
    }

    fn json_pairs(&mut self, map: &BTreeMap<String, Value>, at: &str) -> Option<Vec<(String, JsonTemplate)>> {
        map.iter()
            .map(|(key, value)| Some((key.clone(), self.json(value, &format!("{at}/{}", escape(key)))?)))
            .collect()
    }

    fn expectations(&mut self, expect: Option<&OneOrMany<Expect>>, at: &str) -> Vec<HttpCheck> {
        let Some(expect) = expect else { return Vec::new() };
        let items = expect.items().into_iter();
        items.flat_map(|(rest, expect)| self.expectation(expect, &format!("{at}{rest}"))).collect()
    }

    fn expectation(&mut self, expect: &Expect, at: &str) -> Vec<HttpCheck> {
        let mut checks = Vec::new();
        if let Some(statuses) = &expect.status_code {
            checks.push(HttpCheck::Status(statuses.items().into_iter().map(|(_, status)| *status).collect()));
        }
        if let Some(content_type) = &expect.content_type {
            let full = if content_type == "json" { "application/json" } else { content_type };
            checks.push(HttpCheck::ContentType(full.to_owned()));
        }
        if let Some(source) = &expect.has_property {
            let path = self.json_path(source, &format!("{at}/hasProperty"));
            checks.extend(path.map(|path| HttpCheck::Json(JsonCheck { path, value: None })));
        }
        if let Some(name) = &expect.has_header {
            match HeaderName::from_bytes(name.as_bytes()) {
                Ok(name) => checks.push(HttpCheck::HasHeader(name)),
                Err(_) => {
                    self.refuse::<()>(&format!("{at}/hasHeader"), format!("`{name}` is no header name"));
                }
            }
        }
        if let Some(source) = &expect.matches_regexp {
            checks.extend(self.regexp(source, &format!("{at}/matchesRegexp")).map(HttpCheck::Regexp));
        }
        checks
    }
}
