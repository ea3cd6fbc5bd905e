//! HTTP steps.

use std::collections::BTreeMap;

use hyper::Method;
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};
use serde_json::Value;

use super::{Compiler, DEFAULT_TIMEOUT, JAVASCRIPT};
use crate::config::document::escape;
use crate::load::scenario::extract::Extract;
use crate::load::scenario::model::{BasicAuth, FullRequest, Request};
use crate::load::scenario::plan::{
    CapturePlan, HeaderTemplate, HttpCheck, HttpStep, JsonPath, MetricKind, RequestUrl, Source, Step,
};
use crate::load::scenario::template::{JsonTemplate, Template};

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
        let condition =
            request.if_true.as_ref().map(|source| self.expression(source, &format!("{at}/ifTrue")));
        let step = self.request(request, method, at, &url_at).map(|step| Step::Http(Box::new(step)))?;
        Some(match condition {
            None => step,
            Some(condition) => Step::If { condition: condition?, then: vec![step], otherwise: Vec::new() },
        })
    }

    fn request(&mut self, request: &FullRequest, method: &str, at: &str, url_at: &str) -> Option<HttpStep> {
        self.refuse_hooks(request, at);
        if request.gzip == Some(true) {
            self.idle(&format!("{at}/gzip"), "answers are asked for uncompressed");
        }
        if request.set_content_length_header == Some(false) {
            self.idle(&format!("{at}/setContentLengthHeader"), "the length is always sent");
        }
        let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).ok()?;
        let name = request.name.clone().unwrap_or_else(|| format!("{method} {}", request.url));
        let metric = self.metric(&name, MetricKind::Exchange);
        let url = self.url(&request.url, url_at);
        let query = self.json_pairs(&request.qs, &format!("{at}/qs"));
        let mut headers = self.headers(request, at);
        if let Some(auth) = &request.auth {
            headers.extend(self.basic(auth, &format!("{at}/auth")));
        }
        let body = self.body(request, at, &mut headers);
        let cookies = self.cookies(request, at);
        let mut checks = self.expectations(request.expect.as_ref(), &format!("{at}/expect"));
        let matches = self.matches(request.matches.as_ref(), &format!("{at}/match"));
        checks.extend(matches.into_iter().map(HttpCheck::Json));
        let captures = self.captures(request.capture.as_ref(), &format!("{at}/capture"), true);
        // What the request captures can be compared, so this comes after it.
        let equals = self.equalities(request.expect.as_ref(), &format!("{at}/expect"));
        let timeout = request.timeout.or(self.config.http.timeout).map_or(DEFAULT_TIMEOUT, |span| span.0);
        Some(HttpStep {
            metric,
            method,
            url: url?,
            query: query?,
            headers,
            body: body?,
            cookies: cookies?,
            follows: request.follow_redirect.unwrap_or(true),
            timeout,
            equals,
            json: extract(&checks, &captures),
            checks,
            captures,
        })
    }

    fn basic(&mut self, auth: &BasicAuth, at: &str) -> Option<(HeaderName, HeaderTemplate)> {
        let user = self.text(&auth.user, &format!("{at}/user"));
        let pass = self.text(&auth.pass, &format!("{at}/pass"));
        Some((AUTHORIZATION, HeaderTemplate::Basic(user?, pass?)))
    }

    /// The file's cookies, overridden by the request's own.
    fn cookies(&mut self, request: &FullRequest, at: &str) -> Option<Vec<(String, Template)>> {
        let config = self.config;
        let own = (&request.cookie, format!("{at}/cookie"));
        let defaults = [
            (&config.defaults.cookie, "/config/defaults/cookie".to_owned()),
            (&config.http.defaults.cookie, "/config/http/defaults/cookie".to_owned()),
        ];
        let mut cookies = Vec::new();
        for (map, pointer) in defaults.into_iter().chain([own]) {
            cookies.extend(self.text_map::<Vec<_>>(map, &pointer)?);
        }
        Some(cookies)
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

    pub(super) fn json_pairs(
        &mut self,
        map: &BTreeMap<String, Value>,
        at: &str,
    ) -> Option<Vec<(String, JsonTemplate)>> {
        map.iter()
            .map(|(key, value)| Some((key.clone(), self.json(value, &format!("{at}/{}", escape(key)))?)))
            .collect()
    }
}

/// What is looked at in a JSON body, if anything is.
fn extract(checks: &[HttpCheck], captures: &[CapturePlan]) -> Option<Extract> {
    let checked = checks.iter().filter_map(|check| match check {
        HttpCheck::Json(check) => Some(&check.path),
        HttpCheck::JsonAbsent(path) => Some(path),
        _ => None,
    });
    let captured = captures.iter().filter_map(|capture| match &capture.from {
        Source::Json(path) => Some(path),
        _ => None,
    });
    let paths: Vec<&JsonPath> = checked.chain(captured).collect();
    let is_anywhere = captures.iter().any(|capture| matches!(capture.from, Source::JsonAt(_)));
    match (is_anywhere, paths.is_empty()) {
        (true, _) => Some(Extract::All),
        (false, true) => None,
        (false, false) => Some(Extract::of(paths)),
    }
}
