//! The HTTP step: a request on the connection that the user owns.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, COOKIE, HOST, HeaderName, HeaderValue, LOCATION, SET_COOKIE};
use hyper::{HeaderMap, Method, Request, Uri};
use serde_json::Value;
use tokio::time::Instant;

use super::check;
use super::session::keep_driving;
use super::user::{StepResult, VirtualUser};
use crate::clients::http::{HttpConnection, HttpResponse};
use crate::clients::net::within;
use crate::clients::{ClientError, Connector};
use crate::load::recorder::Failure;
use crate::load::scenario::plan::{Body, HeaderTemplate, HttpStep, RequestUrl};
use crate::load::scenario::template::{JsonTemplate, Slots};

/// Room for a JSON body before it is known how long it is.
const USUAL_BODY_BYTES: usize = 256;

/// A chain of redirects that is longer leads nowhere.
const MOST_REDIRECTS: usize = 10;

impl VirtualUser {
    /// Sends a request, reads the whole answer, checks it and keeps what is asked for.
    pub(super) async fn http(&mut self, step: &HttpStep) -> StepResult {
        let mut request = self.request(step).map_err(|error| self.broken(&error))?;
        let begun = self.begin(step.metric);
        let mut redirects = 0;
        let (answer, lost) = loop {
            let left = step.timeout.saturating_sub(begun.elapsed());
            let (answer, lost) = self.exchange(request, left).await;
            match answer.as_ref().ok().and_then(|response| self.redirected(step, response, redirects)) {
                Some(next) if lost.is_none() => request = next,
                _ => break (answer, lost),
            }
            redirects += 1;
        };
        let ended = Instant::now();
        let result = match answer {
            Ok(response) => self.take_answer(step, &response),
            Err(error) => {
                // What is left of the exchange would be taken for the answer to the next one.
                self.http = None;
                Err(failure(&error, step))
            }
        };
        self.finish_at(ended, step.metric, begun, result)?;
        lost.map_or(Ok(()), |failure| self.lost(failure))
    }

    /// One request and its answer, while the Socket.IO connection is kept alive.
    async fn exchange(
        &mut self,
        request: Request<Bytes>,
        limit: Duration,
    ) -> (Result<HttpResponse, ClientError>, Option<Failure>) {
        let shared = Arc::clone(&self.shared);
        let awaited = &shared.plan.scenarios[self.scenario].awaited;
        let exchange = within(limit, exchange(&mut self.http, &shared.connector, request));
        let mut exchange = Box::pin(exchange);
        tokio::select! {
            answer = &mut exchange => (answer, None),
            // The request has nothing to do with the socket and gets its answer.
            failure = keep_driving(self.session.as_mut(), awaited) => (exchange.as_mut().await, Some(failure)),
        }
    }

    /// The request that a redirect to the target itself asks for.
    pub(super) fn redirected(
        &mut self,
        step: &HttpStep,
        response: &HttpResponse,
        redirects: usize,
    ) -> Option<Request<Bytes>> {
        let status = response.status.as_u16();
        if !step.follows || !matches!(status, 301 | 302 | 303 | 307 | 308) || redirects >= MOST_REDIRECTS {
            return None;
        }
        let location = response.headers.text(&LOCATION)?;
        let path = self.own_path(location)?.parse().ok()?;
        self.cookies.keep(response.headers.texts(&SET_COOKIE));
        let mut request = self.request(step).ok()?;
        *request.uri_mut() = path;
        // As browsers do: the answer to a form is read with GET.
        let is_read = status == 303 || (matches!(status, 301 | 302) && step.method == Method::POST);
        if is_read && step.method != Method::HEAD {
            *request.method_mut() = Method::GET;
            *request.body_mut() = Bytes::new();
            request.headers_mut().remove(CONTENT_TYPE);
        }
        Some(request)
    }

    /// Path and query of an address, if it is one of the target's.
    fn own_path(&self, location: &str) -> Option<String> {
        let target = &self.shared.plan.target;
        let resolved = target.join(location).ok().filter(|url| url.origin() == target.origin())?;
        Some(match resolved.query() {
            Some(query) => format!("{}?{query}", resolved.path()),
            None => resolved.path().to_owned(),
        })
    }

    /// The request that a step sends.
    pub(super) fn request(&mut self, step: &HttpStep) -> Result<Request<Bytes>, String> {
        for (name, template) in &step.cookies {
            let value = template.render(&self.slots)?;
            self.cookies.set(name, value);
        }
        let uri = self.uri(step)?;
        let body = body(&step.body, &self.slots)?;
        let mut request = Request::new(body);
        *request.method_mut() = step.method.clone();
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(HOST, self.shared.connector.host_header().clone());
        self.add_headers(step, headers)?;
        Ok(request)
    }

    fn add_headers(&self, step: &HttpStep, headers: &mut HeaderMap) -> Result<(), String> {
        for (name, header) in &step.headers {
            let value = match header {
                HeaderTemplate::Static(value) => value.clone(),
                HeaderTemplate::Rendered(template) => header_value(name, template.render(&self.slots)?)?,
                HeaderTemplate::Basic(user, pass) => {
                    let pair = format!("{}:{}", user.render(&self.slots)?, pass.render(&self.slots)?);
                    header_value(name, format!("Basic {}", BASE64.encode(pair)))?
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
        if !text.starts_with('/') {
            let origin = self.shared.plan.target.origin().ascii_serialization();
            match text.strip_prefix(&origin) {
                Some("") => text = "/".to_owned(),
                Some(path) if path.starts_with(['/', '?']) => text = path.to_owned(),
                _ => return Err(format!("`{text}` is no path of {origin}; load goes to the target only")),
            }
        }
        if !step.query.is_empty() {
            text.push(if text.contains('?') { '&' } else { '?' });
            text += &form(&step.query, &self.slots)?;
        }
        text.parse().map_err(|error| format!("`{text}` is no valid path: {error}"))
    }

    /// Checks an answer and keeps what is asked for.
    pub(super) fn take_answer(&mut self, step: &HttpStep, response: &HttpResponse) -> Result<(), Failure> {
        self.cookies.keep(response.headers.texts(&SET_COOKIE));
        if self.shared.plan.asks_caches
            && let Some(is_hit) = check::cache_hit(&response.headers)
        {
            self.shared.recorder.cache(step.metric, is_hit);
        }
        check::take(step, response, &mut self.slots)
    }
}

/// What the step allows in all, not what was left of it after a redirect.
pub(super) fn failure(error: &ClientError, step: &HttpStep) -> Failure {
    match error {
        ClientError::Timeout(_) => Failure::from(&ClientError::Timeout(step.timeout)),
        other => Failure::from(other),
    }
}

fn header_value(name: &HeaderName, text: String) -> Result<HeaderValue, String> {
    HeaderValue::try_from(text).map_err(|_| format!("the value of header {name} is not valid"))
}

/// Sends on the open connection, or opens one first.
pub(super) async fn exchange(
    connection: &mut Option<HttpConnection>,
    connector: &Connector,
    request: Request<Bytes>,
) -> Result<HttpResponse, ClientError> {
    if !connection.as_mut().is_some_and(HttpConnection::is_open) {
        *connection = Some(HttpConnection::open(connector).await?);
    }
    let response = match connection {
        Some(connection) => connection.send(request).await?,
        None => return Err(ClientError::Closed("before the request")),
    };
    if connection.as_ref().is_some_and(HttpConnection::is_spent) {
        // The server need not wait for the user to come back.
        *connection = None;
    }
    Ok(response)
}

fn body(body: &Body, slots: &Slots) -> Result<Bytes, String> {
    Ok(match body {
        Body::Empty => Bytes::new(),
        Body::Static(bytes) => bytes.clone(),
        Body::Json(template) => {
            let mut json = Vec::with_capacity(USUAL_BODY_BYTES);
            template.write(&mut json, slots)?;
            Bytes::from(json)
        }
        Body::Form(pairs) => Bytes::from(form(pairs, slots)?),
        Body::Text(template) => Bytes::from(template.render(slots)?),
        Body::Multipart(form) => form.render(slots)?,
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
