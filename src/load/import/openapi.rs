//! An OpenAPI document (3.0 or 3.1, JSON or YAML) as scenarios: one for each operation, with bodies from examples
//! and schemas, and a login before the load where the document has one that needs no account.

use std::path::Path;

use serde_json::{Map, Value, json};
use url::Url;

use super::draft::{Draft, is_header, is_sendable, literal, variable_name};
use super::example::{example, given, resolve};
use super::{ImportError, ImportReport, read_text, report};
use crate::config::Document;

const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];
/// Operations that a scenario has; a document with more is a catalogue.
const MOST_OPERATIONS: usize = 500;
const USUAL_TARGET: &str = "http://127.0.0.1:8080";
/// What a login calls its answer.
const TOKEN_NAMES: [&str; 5] = ["token", "access_token", "accessToken", "jwt", "id_token"];

/// What to take from a document.
#[derive(Debug, Clone, Default)]
pub struct ApiOptions {
    /// Base URL, instead of the document's own.
    pub target: Option<Url>,
    /// Whether only operations that change nothing are taken.
    pub read_only: bool,
}

/// Reads a document.
pub fn import(path: &Path, options: &ApiOptions) -> Result<ImportReport, ImportError> {
    import_text(path, read_text(path)?, options)
}

/// The same of a text that was read already.
pub fn import_text(path: &Path, text: String, options: &ApiOptions) -> Result<ImportReport, ImportError> {
    let document = match serde_json::from_str::<Value>(&text) {
        Ok(document) => document,
        Err(_) => {
            let name = path.display().to_string();
            Document::parse(&name, text)
                .map_err(|mistakes| ImportError::unreadable(path, &mistakes.messages()))?
                .value
        }
    };
    let version = document.get("openapi").and_then(Value::as_str).unwrap_or_default();
    if !version.starts_with("3.") {
        return Err(ImportError::nothing(
            path,
            "is no OpenAPI 3 document: its `openapi` does not begin with 3",
        ));
    }
    let mut api = Api::new(&document, options);
    let operations = api.operations();
    let found = operations.len() as u64;
    let token = api.login(&operations);
    let mut kept = 0;
    for operation in operations.iter().take(MOST_OPERATIONS) {
        if (options.read_only && !matches!(operation.method, "get" | "head" | "options"))
            || token.as_ref().is_some_and(|login| login == &operation.name())
        {
            continue;
        }
        if let Some(scenario) = api.scenario(operation) {
            api.draft.scenarios.push(scenario);
            kept += 1;
        }
    }
    if kept == 0 {
        return Err(ImportError::nothing(path, "it has no operation that can be sent"));
    }
    if found > MOST_OPERATIONS as u64 {
        api.draft.notes.push(format!("only the first {MOST_OPERATIONS} operations are taken"));
    }
    Ok(report(path, found, kept, api.draft))
}

struct Operation<'d> {
    method: &'static str,
    path: &'d str,
    item: &'d Value,
    body: &'d Value,
}

impl Operation<'_> {
    fn name(&self) -> String {
        format!("{} {}", self.method.to_uppercase(), self.path)
    }
}

struct Api<'d> {
    document: &'d Value,
    draft: Draft,
    /// What the paths are below.
    prefix: String,
    has_token: bool,
}

impl<'d> Api<'d> {
    fn new(document: &'d Value, options: &ApiOptions) -> Self {
        let mut draft = Draft { phase: json!({"duration": "1m", "arrivalRate": 5}), ..Draft::default() };
        let server = document.pointer("/servers/0/url").and_then(Value::as_str).unwrap_or_default();
        let base = options.target.clone().unwrap_or_else(|| Url::parse(USUAL_TARGET).unwrap_or(fallback()));
        let url = Url::parse(server).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        // As an address: braces in it are encoded and open no expression.
        let relative = || base.join(server).ok().filter(|_| server.starts_with('/'));
        let prefix = url.clone().or_else(relative).map_or_else(String::new, |url| url.path().to_owned());
        if url.is_none() && options.target.is_none() {
            draft.notes.push(format!("the document names no server: {USUAL_TARGET} stands for it"));
        }
        let target = if options.target.is_some() { base } else { url.unwrap_or(base) };
        draft.target = target.origin().ascii_serialization();
        Self { document, draft, prefix: prefix.trim_end_matches('/').to_owned(), has_token: false }
    }

    fn operations(&self) -> Vec<Operation<'d>> {
        let paths = self.document.get("paths").and_then(Value::as_object);
        let mut operations = Vec::new();
        for (path, item) in paths.into_iter().flatten() {
            let item = resolve(self.document, item);
            for method in METHODS {
                if let Some(body) = item.get(method).filter(|body| body.is_object()) {
                    operations.push(Operation { method, path, item, body });
                }
            }
        }
        operations
    }

    /// A login that needs nothing but what can be made up: the operation without security that asks for least and
    /// answers with a token. It is done once before the load. Returns its name.
    fn login(&mut self, operations: &[Operation<'d>]) -> Option<String> {
        let wants_token = operations.iter().any(|operation| self.scheme(operation) == Some(Scheme::Bearer));
        let candidates =
            operations.iter().filter(|operation| operation.method == "post" && !operation.path.contains('{'));
        let found = candidates.filter_map(|operation| {
            let is_open = self.scheme(operation).is_none();
            let token = self.token_of(operation).filter(|_| is_open && wants_token)?;
            let body = self.request_body(operation)?;
            let fields = body.1.as_object().filter(|_| body.0 == "json")?;
            // What asks for a token cannot give the first one.
            let is_first =
                !fields.is_empty() && !fields.keys().any(|name| name.to_lowercase().contains("token"));
            is_first.then(|| (fields.len(), operation, token, body.1.clone()))
        });
        let (_, operation, token, body) = found.min_by_key(|(fields, ..)| *fields)?;
        let url = format!("{}{}", self.prefix, operation.path);
        let capture = json!({"json": format!("$.{token}"), "as": "token"});
        self.draft.before.push(json!({"post": {"url": url, "json": body, "capture": capture}}));
        self.draft
            .notes
            .push(format!("{} gives the token of all users, once before the load", operation.name()));
        self.has_token = true;
        Some(operation.name())
    }

    fn token_of(&self, operation: &Operation<'d>) -> Option<&'static str> {
        let responses = operation.body.get("responses")?.as_object()?;
        let (_, response) = responses.iter().find(|(status, _)| status.starts_with('2'))?;
        let content = resolve(self.document, response).pointer("/content/application~1json/schema")?;
        let properties = resolve(self.document, content).get("properties")?;
        TOKEN_NAMES.into_iter().find(|name| properties.get(name).is_some())
    }

    fn scenario(&mut self, operation: &Operation<'d>) -> Option<Value> {
        let mut request = Map::new();
        let name = operation.name();
        if !is_sendable(&format!("{}{}", self.prefix, operation.path)) {
            self.draft.notes.push(format!("{name} is left out: its path cannot be sent"));
            return None;
        }
        request.insert("url".to_owned(), self.url(operation).into());
        request.insert("name".to_owned(), name.clone().into());
        let (mut query, mut headers, mut cookies) = (Map::new(), Map::new(), Map::new());
        for parameter in self.parameters(operation) {
            let text = |key: &str| parameter.get(key).and_then(Value::as_str).unwrap_or_default();
            let is_required = parameter.get("required") == Some(&Value::Bool(true));
            let place = match text("in") {
                "query" => &mut query,
                "header" => &mut headers,
                "cookie" => &mut cookies,
                _ => continue,
            };
            if is_required {
                place.insert(text("name").to_owned(), self.value_of(parameter));
            }
        }
        self.secure(operation, &mut query, &mut headers, &mut cookies, &mut request);
        headers.retain(|name, value| value.as_str().is_none_or(|value| is_header(name, value)));
        for (key, map) in [("qs", query), ("headers", headers), ("cookie", cookies)] {
            if !map.is_empty() {
                let as_text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let map: Map<_, _> =
                    map.into_iter().map(|(name, value)| (name, as_text(value).into())).collect();
                request.insert(key.to_owned(), map.into());
            }
        }
        match self.request_body(operation) {
            Some((key, body)) => _ = request.insert(key.to_owned(), body),
            None if operation.body.pointer("/requestBody/required") == Some(&Value::Bool(true)) => {
                self.draft
                    .notes
                    .push(format!("{name} is left out: its body is of no kind that can be made up"));
                return None;
            }
            None => {}
        }
        let expected = expected(operation.body);
        if !expected.is_empty() {
            request.insert("expect".to_owned(), json!({"statusCode": expected}));
        }
        Some(json!({"name": name, "flow": [{operation.method: request}]}))
    }

    fn parameters(&self, operation: &Operation<'d>) -> Vec<&'d Value> {
        let lists = [operation.item.get("parameters"), operation.body.get("parameters")];
        let all = lists.into_iter().flatten().filter_map(Value::as_array).flatten();
        all.map(|parameter| resolve(self.document, parameter)).collect()
    }

    fn value_of(&self, parameter: &Value) -> Value {
        let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default();
        let schema = parameter.get("schema").cloned().unwrap_or(json!({}));
        given(parameter).unwrap_or_else(|| example(self.document, &schema, name))
    }

    /// The path, with a variable for each of its parameters.
    fn url(&mut self, operation: &Operation<'d>) -> String {
        let parameters = self.parameters(operation);
        let mut url = self.prefix.clone();
        let mut rest = operation.path;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else { break };
            url += before;
            let parameter = parameters
                .iter()
                .find(|parameter| parameter.get("name").and_then(Value::as_str) == Some(name));
            url += &self.path_variable(name, parameter.copied());
            rest = after;
        }
        // What is never closed is no parameter.
        url + &literal(rest)
    }

    fn path_variable(&mut self, name: &str, parameter: Option<&Value>) -> String {
        let variable = variable_name(name);
        if !self.draft.variables.contains_key(&variable) {
            let value = parameter.map_or(json!("1"), |parameter| self.value_of(parameter));
            // A variable's value is no template; a made-up value is as good as another.
            let value = match value {
                Value::String(text) if text.contains("$uuid") => {
                    json!("00000000-0000-4000-8000-000000000000")
                }
                Value::String(text) if text.contains("{{") => json!("1"),
                other => other,
            };
            self.draft.variables.insert(variable.clone(), json!([value]));
            self.draft.notes.push(format!(
                "config.variables.{variable} holds a made-up value for the paths with {{{name}}}"
            ));
        }
        format!("{{{{ {variable} }}}}")
    }

    fn request_body(&self, operation: &Operation<'d>) -> Option<(&'static str, Value)> {
        let content =
            resolve(self.document, operation.body.get("requestBody")?).get("content")?.as_object()?;
        let kinds = [
            ("json", "json"),
            ("x-www-form-urlencoded", "form"),
            ("multipart/form-data", "formData"),
            ("text/", "body"),
        ];
        let (key, media) = kinds.iter().find_map(|(kind, key)| {
            content.iter().find(|(name, _)| name.contains(kind)).map(|(_, media)| (*key, media))
        })?;
        let schema = media.get("schema").cloned().unwrap_or(json!({}));
        let body = given(media).unwrap_or_else(|| example(self.document, &schema, "text"));
        match (key, body) {
            ("form" | "formData", body) if !body.is_object() => None,
            ("formData", Value::Object(map)) => {
                let plain = |value: Value| match value {
                    Value::Array(_) | Value::Object(_) | Value::Null => Value::from(value.to_string()),
                    plain => plain,
                };
                let map = map.into_iter().map(|(name, value)| (name, plain(value)));
                Some((key, Value::Object(map.collect())))
            }
            ("body", body) => Some((key, body.as_str()?.into())),
            (key, body) => Some((key, body)),
        }
    }

    /// The first way that is understood of those that the operation may be secured with.
    fn scheme(&self, operation: &Operation<'d>) -> Option<Scheme> {
        let security = operation.body.get("security").or(self.document.get("security"))?.as_array()?;
        if security.iter().any(|way| way.as_object().is_some_and(Map::is_empty)) {
            return None;
        }
        let names = security.iter().filter_map(Value::as_object).flat_map(Map::keys);
        names.filter_map(|name| self.named_scheme(name)).next()
    }

    fn named_scheme(&self, name: &str) -> Option<Scheme> {
        let scheme = self.document.pointer("/components/securitySchemes")?.get(name)?;
        let scheme = resolve(self.document, scheme);
        let text = |key: &str| scheme.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        match (text("type").as_str(), text("scheme").to_lowercase().as_str(), text("in").as_str()) {
            ("http", "bearer", _) | ("oauth2" | "openIdConnect", ..) => Some(Scheme::Bearer),
            ("http", "basic", _) => Some(Scheme::Basic),
            ("apiKey", _, "header") => Some(Scheme::Header(text("name"))),
            ("apiKey", _, "query") => Some(Scheme::Query(text("name"))),
            ("apiKey", _, "cookie") => Some(Scheme::Cookie(text("name"))),
            _ => None,
        }
    }

    fn secure(
        &mut self,
        operation: &Operation<'d>,
        query: &mut Map<String, Value>,
        headers: &mut Map<String, Value>,
        cookies: &mut Map<String, Value>,
        request: &mut Map<String, Value>,
    ) {
        let Some(scheme) = self.scheme(operation) else { return };
        match scheme {
            Scheme::Bearer => {
                let token = if self.has_token { "token".to_owned() } else { self.draft.placeholder("token") };
                headers.insert("authorization".to_owned(), format!("Bearer {{{{ {token} }}}}").into());
            }
            Scheme::Basic => {
                let (user, pass) = (self.draft.placeholder("user"), self.draft.placeholder("password"));
                let auth = json!({"user": format!("{{{{ {user} }}}}"), "pass": format!("{{{{ {pass} }}}}")});
                request.insert("auth".to_owned(), auth);
            }
            Scheme::Header(name) => _ = headers.insert(name.clone(), self.key(&name)),
            Scheme::Query(name) => _ = query.insert(name.clone(), self.key(&name)),
            Scheme::Cookie(name) => _ = cookies.insert(name.clone(), self.key(&name)),
        }
    }

    fn key(&mut self, name: &str) -> Value {
        format!("{{{{ {} }}}}", self.draft.placeholder(name)).into()
    }
}

/// How an operation is secured.
#[derive(Debug, PartialEq)]
enum Scheme {
    Bearer,
    Basic,
    Header(String),
    Query(String),
    Cookie(String),
}

/// The statuses of success that the document names.
fn expected(operation: &Value) -> Vec<u16> {
    let responses = operation.get("responses").and_then(Value::as_object);
    let statuses = responses.into_iter().flatten().filter_map(|(status, _)| status.parse().ok());
    statuses.filter(|status| (200..400).contains(status)).collect()
}

#[expect(clippy::expect_used, reason = "a constant")]
fn fallback() -> Url {
    USUAL_TARGET.parse().expect("a valid URL")
}
