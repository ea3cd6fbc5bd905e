//! What an HTTP answer must be, and what is kept of it.

use hyper::header::{CONTENT_TYPE, HeaderName};
use serde_json::Value;

use super::answer;
use crate::clients::http::{Headers, HttpResponse};
use crate::load::recorder::Failure;
use crate::load::scenario::extract::Extract;
use crate::load::scenario::plan::{CapturePlan, HttpCheck, HttpStep, JsonPath, Source};
use crate::load::scenario::template::{JsonTemplate, Slots, Template};
use crate::text::{body_excerpt, json_excerpt};

/// Checks an answer, keeps what is asked for, and compares.
pub fn take(step: &HttpStep, response: &HttpResponse, slots: &mut Slots) -> Result<(), Failure> {
    check_status(step, response, slots)?;
    let json = step.json.as_ref().map_or(Ok(Value::Null), |wanted| parse(wanted, &response.body))?;
    for check in &step.checks {
        hold(check, response, &json, slots)?;
    }
    for capture in &step.captures {
        let found = captured(capture, response, &json, slots)?;
        answer::keep(capture, found, slots, || missing(&capture.from, &response.body))?;
    }
    step.equals.iter().try_for_each(|values| equal(values, slots))
}

fn hold(check: &HttpCheck, response: &HttpResponse, json: &Value, slots: &Slots) -> Result<(), Failure> {
    match check {
        HttpCheck::Status { .. } => Ok(()),
        HttpCheck::ContentType(expected) => match response.headers.text(&CONTENT_TYPE) {
            Some(found) if found.starts_with(expected.as_str()) => Ok(()),
            found => {
                let detail = format!("expected {expected}, found {}", found.unwrap_or("none"));
                Err(Failure::answered("content type does not match", detail))
            }
        },
        HttpCheck::HasHeader(name) if response.headers.contains(name) => Ok(()),
        HttpCheck::HasHeader(name) => Err(Failure::answered(format!("no header {name}"), "")),
        HttpCheck::HeaderEquals(name, values) => {
            header_equals(name, values, response.headers.text(name), slots)
        }
        HttpCheck::CdnHit(expected) => cdn_hit(*expected, &response.headers),
        HttpCheck::Regexp(regexp) if regexp.is_match(&response.body) => Ok(()),
        HttpCheck::Regexp(regexp) => {
            Err(Failure::answered(format!("the body does not match {regexp}"), body_excerpt(&response.body)))
        }
        HttpCheck::Json(check) => answer::check(check, json, slots, || body_excerpt(&response.body)),
        HttpCheck::JsonAbsent(path) => match answer::find(path, json) {
            None => Ok(()),
            Some(found) => {
                Err(Failure::answered(format!("{} is in the answer", path.source), json_excerpt(found)))
            }
        },
    }
}

fn header_equals(
    name: &HeaderName,
    values: &[Template],
    found: Option<&str>,
    slots: &Slots,
) -> Result<(), Failure> {
    let values: Result<Vec<_>, _> = values.iter().map(|value| value.render(slots)).collect();
    let values = values.map_err(|error| Failure::answered("template", error))?;
    if found.is_some_and(|found| values.iter().any(|value| value == found)) {
        return Ok(());
    }
    let detail = format!("expected {}, found {}", values.join(" or "), found.unwrap_or("none"));
    Err(Failure::answered(format!("header {name} does not match"), detail))
}

/// The headers in which the caches of the large providers say whether they had the answer.
static CACHE_HEADERS: [HeaderName; 5] = [
    HeaderName::from_static("cf-cache-status"),
    HeaderName::from_static("x-cache"),
    HeaderName::from_static("x-cache-status"),
    HeaderName::from_static("x-cache-remote"),
    HeaderName::from_static("cache-status"),
];

/// What caches on the way say.
fn said(headers: &Headers) -> impl Iterator<Item = &str> {
    CACHE_HEADERS.iter().filter_map(|name| headers.text(name))
}

/// Whether a cache on the way had the answer; none where none says so.
pub fn cache_hit(headers: &Headers) -> Option<bool> {
    let hits = said(headers).map(|value| value.to_ascii_lowercase().contains("hit"));
    hits.reduce(|a, b| a || b)
}

fn cdn_hit(expected: bool, headers: &Headers) -> Result<(), Failure> {
    match cache_hit(headers) {
        Some(is_hit) if is_hit == expected => Ok(()),
        None => Err(Failure::answered("no cache says whether it had the answer", "")),
        Some(_) => {
            let cause = if expected { "no cache hit" } else { "a cache hit" };
            Err(Failure::answered(cause, said(headers).collect::<Vec<_>>().join(", ")))
        }
    }
}

fn equal(values: &[JsonTemplate], slots: &Slots) -> Result<(), Failure> {
    let rendered: Result<Vec<Value>, _> = values.iter().map(|value| value.render(slots)).collect();
    let rendered = rendered.map_err(|error| Failure::answered("template", error))?;
    match rendered.windows(2).find(|pair| !answer::is_same(&pair[0], &pair[1])) {
        None => Ok(()),
        Some(pair) => Err(Failure::answered("values differ", format!("{} and {}", pair[0], pair[1]))),
    }
}

fn check_status(step: &HttpStep, response: &HttpResponse, slots: &Slots) -> Result<(), Failure> {
    let status = response.status.as_u16();
    let mut is_good = None;
    for check in &step.checks {
        if let HttpCheck::Status { codes, rendered, is_forbidden } = check {
            let is_named = codes.contains(&status) || is_rendered(status, rendered, slots)?;
            is_good = Some(is_good.unwrap_or(true) && is_named != *is_forbidden);
        }
    }
    if is_good.unwrap_or(status < 400) {
        Ok(())
    } else {
        Err(Failure::answered(format!("HTTP {status}"), body_excerpt(&response.body)))
    }
}

fn is_rendered(status: u16, rendered: &[Template], slots: &Slots) -> Result<bool, Failure> {
    for template in rendered {
        let text = template.render(slots).map_err(|error| Failure::answered("template", error))?;
        if text.trim().parse() == Ok(status) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn captured(
    capture: &CapturePlan,
    response: &HttpResponse,
    json: &Value,
    slots: &Slots,
) -> Result<Option<Value>, Failure> {
    Ok(match &capture.from {
        Source::Json(path) => answer::captured(capture, path, json, slots),
        Source::JsonAt(template) => {
            let path = template.render(slots).and_then(|source| JsonPath::parse(&source));
            let path = path.map_err(|error| Failure::answered("template", error))?;
            answer::captured(capture, &path, json, slots)
        }
        Source::Header(name) => pick(capture, response.headers.texts(name).map(Value::from), slots),
        Source::Regexp(regexp, group) => {
            let found = regexp.captures_iter(&response.body).filter_map(|captures| captures.get(*group));
            pick(capture, found.map(|found| String::from_utf8_lossy(found.as_bytes()).into()), slots)
        }
    })
}

fn pick(capture: &CapturePlan, mut found: impl Iterator<Item = Value>, slots: &Slots) -> Option<Value> {
    match capture.pick {
        None => found.next(),
        Some(pick) => answer::picked(pick, found.collect(), slots),
    }
}

fn missing(from: &Source, body: &[u8]) -> Failure {
    match from {
        Source::Json(path) => answer::missing(&path.source, body_excerpt(body)),
        Source::Header(name) => Failure::answered(format!("nothing to capture in header {name}"), ""),
        Source::JsonAt(_) => answer::missing("a path with expressions", body_excerpt(body)),
        Source::Regexp(regexp, _) => Failure::answered(format!("nothing to capture with {regexp}"), ""),
    }
}

fn parse(wanted: &Extract, body: &[u8]) -> Result<Value, Failure> {
    wanted
        .read(body)
        .map_err(|error| Failure::answered("the body is no JSON", format!("{error}: {}", body_excerpt(body))))
}
