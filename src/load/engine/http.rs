//! The HTTP step: a request on the connection that the user owns.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderValue};
use hyper::{HeaderMap, Request, Uri};
use serde_json::Value;
use tokio::time::Instant;

use super::answer;
use super::session::keep_driving;
use super::user::{StepResult, VirtualUser};
use crate::clients::http::{HttpConnection, HttpResponse};
use crate::clients::net::within;
use crate::clients::{ClientError, Connector};
use crate::load::recorder::Failure;
use crate::load::scenario::plan::{Body, HeaderTemplate, HttpCheck, HttpStep, RequestUrl, Source};
use crate::load::scenario::template::{JsonTemplate, Slots};
use crate::text::body_excerpt;

impl VirtualUser {
    /// Sends a request, reads the whole answer, checks it and keeps what is asked for.
    pub(super) async fn http(&mut self, step: &HttpStep) -> StepResult {
        let request = self.request(step).map_err(|error| self.broken(&error))?;
        let begun = self.begin(step.metric);
        let shared = Arc::clone(&self.shared);
        let awaited = &shared.plan.scenarios[self.scenario].awaited;
        let exchange = within(step.timeout, exchange(&mut self.http, &shared.connector, request));
        let mut exchange = Box::pin(exchange);
        let (answer, lost) = tokio::select! {
            answer = &mut exchange => (answer, None),
            // The request has nothing to do with the socket and gets its answer.
            failure = keep_driving(self.session.as_mut(), awaited) => (exchange.as_mut().await, Some(failure)),
        };
        drop(exchange);
        let ended = Instant::now();
        let result = match answer {
            Ok(response) => self.take_answer(step, &response),
            Err(error) => {
                // What is left of the exchange would be taken for the answer to the next one.
                self.http = None;
                Err(Failure::from(&error))
            }
        };
        self.finish_at(ended, step.metric, begun, result)?;
        lost.map_or(Ok(()), |failure| self.lost(failure))
    }

    fn request(&self, step: &HttpStep) -> Result<Request<Full<Bytes>>, String> {
        let uri = self.uri(step)?;
        let body = body(&step.body, &self.slots)?;
        let mut request = Request::new(Full::new(body.clone()));
        *request.method_mut() = step.method.clone();
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        let authority = self.shared.connector.authority();
        headers.insert(HOST, HeaderValue::from_str(authority).map_err(|error| error.to_string())?);
        if !matches!(step.body, Body::Empty) {
            headers.insert(CONTENT_LENGTH, body.len().into());
        }
        self.add_headers(step, headers)?;
        Ok(request)
    }

    fn add_headers(&self, step: &HttpStep, headers: &mut HeaderMap) -> Result<(), String> {
        for (name, header) in &step.headers {
            let value = match header {
                HeaderTemplate::Static(value) => value.clone(),
                HeaderTemplate::Rendered(template) => {
                    let text = template.render(&self.slots)?;
                    HeaderValue::from_str(&text)
                        .map_err(|_| format!("the value of header {name} is not valid"))?
                }
            };
            headers.insert(name, value);
        }
        if let Some(cookies) = self.cookies.header(headers.get(COOKIE)) {
            headers.insert(COOKIE, cookies);
        }
        Ok(())
    }

    /// The request's path. Load goes to the target and nowhere else.
    fn uri(&self, step: &HttpStep) -> Result<Uri, String> {
        let mut text = match &step.url {
            RequestUrl::Static(uri) if step.query.is_empty() => return Ok(uri.clone()),
            RequestUrl::Static(uri) => uri.to_string(),
            RequestUrl::Rendered(template) => template.render(&self.slots)?,
        };
        let origin = self.shared.plan.target.origin().ascii_serialization();
        if let Some(path) = text.strip_prefix(&origin) {
            text = path.to_owned();
        }
        if !text.starts_with('/') {
            return Err(format!("`{text}` is no path of {origin}; load goes to the target only"));
        }
        if !step.query.is_empty() {
            text.push(if text.contains('?') { '&' } else { '?' });
            text += &form(&step.query, &self.slots)?;
        }
        text.parse().map_err(|error| format!("`{text}` is no valid path: {error}"))
    }

    fn take_answer(&mut self, step: &HttpStep, response: &HttpResponse) -> Result<(), Failure> {
        self.cookies.store(&response.headers);
        check_status(step, response)?;
        let needs_json = step.checks.iter().any(|check| matches!(check, HttpCheck::Json(_)))
            || step.captures.iter().any(|capture| matches!(capture.from, Source::Json(_)));
        let json = if needs_json { parse(&response.body)? } else { Value::Null };
        for check in &step.checks {
            self.check(check, response, &json)?;
        }
        for capture in &step.captures {
            let found = captured(&capture.from, response, &json);
            match found {
                Some(value) => self.slots[capture.slot] = Some(value),
                None if capture.strict => return Err(missing(&capture.from, &json)),
                None => {}
            }
        }
        Ok(())
    }

    fn check(&self, check: &HttpCheck, response: &HttpResponse, json: &Value) -> Result<(), Failure> {
        let header = |name| response.headers.get(name).and_then(|value| value.to_str().ok());
        match check {
            HttpCheck::Status(_) => Ok(()),
            HttpCheck::ContentType(expected) => match header(&CONTENT_TYPE) {
                Some(found) if found.starts_with(expected.as_str()) => Ok(()),
                found => {
                    let detail = format!("expected {expected}, found {}", found.unwrap_or("none"));
                    Err(Failure::answered("content type does not match", detail))
                }
            },
            HttpCheck::HasHeader(name) if response.headers.contains_key(name) => Ok(()),
            HttpCheck::HasHeader(name) => Err(Failure::answered(format!("no header {name}"), "")),
            HttpCheck::Regexp(regexp) if regexp.is_match(&response.body) => Ok(()),
            HttpCheck::Regexp(regexp) => Err(Failure::answered(
                format!("the body does not match {regexp}"),
                body_excerpt(&response.body),
            )),
            HttpCheck::Json(check) => answer::check(check, json, &self.slots),
        }
    }
}

/// Sends on the open connection, or opens one first.
async fn exchange(
    connection: &mut Option<HttpConnection>,
    connector: &Connector,
    request: Request<Full<Bytes>>,
) -> Result<HttpResponse, ClientError> {
    if !connection.as_ref().is_some_and(HttpConnection::is_open) {
        *connection = Some(HttpConnection::open(connector).await?);
    }
    match connection {
        Some(connection) => connection.send(request).await,
        None => Err(ClientError::Closed("before the request")),
    }
}

fn check_status(step: &HttpStep, response: &HttpResponse) -> Result<(), Failure> {
    let status = response.status.as_u16();
    let mut expected = step.checks.iter().filter_map(|check| match check {
        HttpCheck::Status(statuses) => Some(statuses),
        _ => None,
    });
    let is_good = match expected.next() {
        None => status < 400,
        Some(first) => first.contains(&status) && expected.all(|statuses| statuses.contains(&status)),
    };
    if is_good {
        Ok(())
    } else {
        Err(Failure::answered(format!("HTTP {status}"), body_excerpt(&response.body)))
    }
}

fn captured(from: &Source, response: &HttpResponse, json: &Value) -> Option<Value> {
    match from {
        Source::Json(path) => answer::find(path, json).cloned(),
        Source::Header(name) => response.headers.get(name)?.to_str().ok().map(Value::from),
        Source::Regexp(regexp) => {
            let captures = regexp.captures(&response.body)?;
            let found = captures.get(1).or_else(|| captures.get(0))?;
            Some(String::from_utf8_lossy(found.as_bytes()).into())
        }
    }
}

fn missing(from: &Source, json: &Value) -> Failure {
    match from {
        Source::Json(path) => answer::missing(&path.source, json),
        Source::Header(name) => Failure::answered(format!("nothing to capture in header {name}"), ""),
        Source::Regexp(regexp) => Failure::answered(format!("nothing to capture with {regexp}"), ""),
    }
}

fn parse(body: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(body)
        .map_err(|error| Failure::answered("the body is no JSON", format!("{error}: {}", body_excerpt(body))))
}

fn body(body: &Body, slots: &Slots) -> Result<Bytes, String> {
    Ok(match body {
        Body::Empty => Bytes::new(),
        Body::Static(bytes) => bytes.clone(),
        Body::Json(template) => Bytes::from(template.render(slots)?.to_string()),
        Body::Form(pairs) => Bytes::from(form(pairs, slots)?),
        Body::Text(template) => Bytes::from(template.render(slots)?),
    })
}

fn form(pairs: &[(String, JsonTemplate)], slots: &Slots) -> Result<String, String> {
    let mut encoded = url::form_urlencoded::Serializer::new(String::new());
    for (name, template) in pairs {
        match template.render(slots)? {
            Value::String(text) => encoded.append_pair(name, &text),
            other => encoded.append_pair(name, &other.to_string()),
        };
    }
    Ok(encoded.finish())
}
