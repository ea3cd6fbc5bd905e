//! Alive and ready, in plain JSON or, for those who ask for it, as `application/health+json`
//! (draft-inadarei-api-health-check).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::domain::Timestamp;

/// A dependency that takes longer than this is slow.
const PATIENCE: Duration = Duration::from_secs(2);

const HEALTH_JSON: &str = "application/health+json";

const VERSION: &str = env!("CARGO_PKG_VERSION");

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(health_route)).routes(routes!(ready))
}

/// The process answers.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Alive {
    /// `ok`.
    status: &'static str,
    uptime_seconds: u64,
    version: &'static str,
    /// Its number, where several serve one port.
    instance: Option<u32>,
    /// Where it is in a migration of its state, where it takes part in one.
    state: Option<Part>,
}

/// A process in a migration of state.
#[derive(Serialize, ToSchema)]
struct Part {
    /// `off`, `dual`, `backfill`, `shadow`, `read-new`, `strict`, `primary-new`, `stop-old` or `done`.
    phase: &'static str,
    /// The change of the control record that it has acknowledged.
    epoch: u64,
}

impl Part {
    fn of(app: &App) -> Option<Self> {
        let status = app.live.migration.as_ref()?.status();
        Some(Self { phase: status.phase.name(), epoch: status.acknowledged.epoch })
    }
}

/// Liveness: the process answers, and asks nobody else
#[utoipa::path(
    get,
    path = "/health",
    tag = "operations",
    security(()),
    responses((status = 200, description = "It answers", content((Alive = "application/json"), (Object = "application/health+json"))))
)]
async fn health_route(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    health(&app, &headers)
}

/// Liveness. Asks nobody else, so that a slow store restarts no server.
pub fn health(app: &App, headers: &HeaderMap) -> Response {
    app.telemetry.health_requests.increment(1);
    let uptime = app.started.elapsed().as_secs();
    if wants_health_json(headers) {
        let observed = json!({
            "componentType": "system", "observedValue": uptime, "observedUnit": "s", "status": "pass",
        });
        let mut observed = json!({ "uptime": [observed] });
        if let Some(Part { phase, .. }) = Part::of(app) {
            observed["state:phase"] =
                json!([{ "componentType": "component", "observedValue": phase, "status": "pass" }]);
        }
        return health_json(StatusCode::OK, "pass", &observed, None);
    }
    let instance = app.config.instance.as_ref();
    let instance =
        instance.map_or_else(String::new, |instance| format!(r#","instance":{}"#, instance.number));
    let state = Part::of(app).map_or_else(String::new, |Part { phase, epoch }| {
        format!(r#","state":{{"phase":"{phase}","epoch":{epoch}}}"#)
    });
    let body =
        format!(r#"{{"status":"ok","uptimeSeconds":{uptime},"version":"{VERSION}"{instance}{state}}}"#);
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// How one dependency is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Condition {
    Ok,
    /// No answer in time.
    Slow,
    Down,
}

impl Condition {
    fn word(self) -> &'static str {
        if self == Self::Ok { "pass" } else { "fail" }
    }
}

/// What one dependency answered, and how fast.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
struct Check {
    status: Condition,
    milliseconds: f64,
    /// Whether requests fail without it; all others have a way around it.
    essential: bool,
}

/// Whether requests should come here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ready,
    /// Something that requests can do without is down.
    Degraded,
    Unavailable,
    /// On its way out.
    Draining,
}

impl Verdict {
    fn of<'a>(is_draining: bool, checks: impl Iterator<Item = &'a Check>) -> Self {
        let down: Vec<&Check> = checks.filter(|check| check.status != Condition::Ok).collect();
        match down.as_slice() {
            _ if is_draining => Self::Draining,
            [] => Self::Ready,
            down if down.iter().any(|check| check.essential) => Self::Unavailable,
            _ => Self::Degraded,
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Ready | Self::Degraded => StatusCode::OK,
            Self::Unavailable | Self::Draining => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Ready => "pass",
            Self::Degraded => "warn",
            Self::Unavailable | Self::Draining => "fail",
        }
    }
}

type Checks = BTreeMap<&'static str, Check>;

/// Whether requests should come here, and why not.
#[derive(Serialize, ToSchema)]
struct Readiness {
    status: Verdict,
    /// By name: `store`, and `redis`, `adapter` and `state` where they are used.
    checks: Checks,
}

/// Readiness: whether requests should come here, and which dependency is down
#[utoipa::path(
    get,
    path = "/ready",
    tag = "operations",
    security(()),
    responses(
        (status = 200, description = "`ready` or `degraded`",
            content((Readiness = "application/json"), (Object = "application/health+json"))),
        (status = 503, description = "`unavailable` or `draining`",
            content((Readiness = "application/json"), (Object = "application/health+json"))),
    )
)]
async fn ready(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let checks = checks(&app).await;
    let status = Verdict::of(app.is_draining(), checks.values());
    if wants_health_json(&headers) {
        let output = (status == Verdict::Draining).then_some("draining");
        return health_json(status.status(), status.word(), &in_health_json(&checks), output);
    }
    (status.status(), vary(), Json(Readiness { status, checks })).into_response()
}

async fn checks(app: &App) -> Checks {
    let mut checks = Checks::from([("store", check(true, PATIENCE, app.store.ping()).await)]);
    if let Some(redis) = &app.redis {
        checks.insert("redis", check(false, PATIENCE, redis.ping()).await);
        if app.config.spans_instances() {
            let listens = async { redis.is_subscribed().then_some(()).ok_or(()) };
            checks.insert("adapter", check(false, PATIENCE, listens).await);
        }
    }
    if let Some(migration) = &app.live.migration {
        let status = migration.status();
        let serves = async { (status.registered && !status.retired).then_some(()).ok_or(()) };
        checks.insert("state", check(true, PATIENCE, serves).await);
    }
    checks
}

async fn check<T, E>(
    essential: bool,
    patience: Duration,
    answer: impl Future<Output = Result<T, E>>,
) -> Check {
    let started = Instant::now();
    let status = match timeout(patience, answer).await {
        Ok(Ok(_)) => Condition::Ok,
        Ok(Err(_)) => Condition::Down,
        Err(_) => Condition::Slow,
    };
    let micros = started.elapsed().as_micros() as f64;
    Check { status, milliseconds: micros / 1_000.0, essential }
}

fn in_health_json(checks: &Checks) -> Value {
    let time = Timestamp::now();
    let entry = |(name, check): (&&str, &Check)| {
        let detail = json!([{
            "componentType": if matches!(*name, "adapter" | "state") { "component" } else { "datastore" },
            "observedValue": check.milliseconds, "observedUnit": "ms",
            "status": check.status.word(), "time": time,
        }]);
        (format!("{name}:responseTime"), detail)
    };
    Value::Object(checks.iter().map(entry).collect())
}

fn health_json(code: StatusCode, status: &str, checks: &Value, output: Option<&str>) -> Response {
    let mut body = json!({ "status": status, "version": "1", "releaseId": VERSION, "checks": checks });
    if let Some(output) = output {
        body["output"] = output.into();
    }
    (code, vary(), [(header::CONTENT_TYPE, HEALTH_JSON)], body.to_string()).into_response()
}

/// The answer depends on what was asked for, and on when.
fn vary() -> [(header::HeaderName, &'static str); 2] {
    [(header::VARY, "accept"), (header::CACHE_CONTROL, "no-store")]
}

fn wants_health_json(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case(HEALTH_JSON)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: Condition, essential: bool) -> Check {
        Check { status, milliseconds: 0.0, essential }
    }

    #[test]
    fn only_what_is_essential_makes_a_server_unavailable() {
        let (store, redis) = (|status| of(status, true), |status| of(status, false));
        let verdict = |checks: &[Check]| Verdict::of(false, checks.iter());
        assert_eq!(verdict(&[store(Condition::Ok), redis(Condition::Ok)]), Verdict::Ready);
        assert_eq!(verdict(&[store(Condition::Ok), redis(Condition::Down)]), Verdict::Degraded);
        assert_eq!(verdict(&[store(Condition::Slow), redis(Condition::Down)]), Verdict::Unavailable);
        assert_eq!(verdict(&[store(Condition::Down), redis(Condition::Ok)]), Verdict::Unavailable);
        assert_eq!(Verdict::of(true, [store(Condition::Down)].iter()), Verdict::Draining);
        assert_eq!(Verdict::Degraded.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn a_dependency_that_does_not_answer_in_time_is_slow() {
        let never = check(true, Duration::ZERO, std::future::pending::<Result<(), ()>>()).await;
        assert_eq!(never.status, Condition::Slow);
        assert_eq!(check(true, PATIENCE, async { Err::<(), ()>(()) }).await.status, Condition::Down);
        assert_eq!(check(true, PATIENCE, async { Ok::<(), ()>(()) }).await.status, Condition::Ok);
    }
}
