//! Rate limits in front of every route of the API, and the headers that tell clients how they stand.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::ApiError;
use super::caller::Identified;
use crate::app::App;
use crate::rate::{Action, Limited, Standing, Subject, whole_seconds};
use crate::server::ClientAddress;

/// Counts the request, and refuses it when it is one too many. Refused requests reach no handler.
pub async fn limit(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let (client, address) = (client(&app, &mut parts).await, address(&parts));
    let request = Request::from_parts(parts, body);
    let mut standings = Vec::with_capacity(2);
    standings.extend(app.limiter.take(Action::General, client).await);
    if !standings.iter().any(is_refusal)
        && let Some(action) = action(&request)
    {
        let subject = if action == Action::Auth { address } else { client };
        standings.extend(app.limiter.take(action, subject).await);
    }
    let refusal = standings.iter().find_map(|standing| standing.retry_after);
    let mut response = match refusal {
        Some(wait) => ApiError::from(Limited(wait)).into_response(),
        None => next.run(request).await,
    };
    tell(&standings, response.headers_mut());
    response
}

fn is_refusal(standing: &Standing) -> bool {
    standing.retry_after.is_some()
}

/// The user, when the request proves who it is; its address otherwise, so that made-up tokens gain nothing.
async fn client(app: &Arc<App>, parts: &mut Parts) -> Subject {
    let identified = Identified::from_request_parts(parts, app).await;
    identified.map_or_else(|_| address(parts), |Identified(identity)| Subject::User(identity.person.id))
}

fn address(parts: &Parts) -> Subject {
    let known = parts.extensions.get::<ClientAddress>();
    Subject::at(known.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |client| client.ip))
}

/// What the request does, beyond being one.
fn action(request: &Request) -> Option<Action> {
    let route = request.extensions().get::<MatchedPath>()?.as_str();
    match (request.method(), route) {
        (&Method::POST, "/api/auth/logout") => None,
        (&Method::POST, route) if route.starts_with("/api/auth/") => Some(Action::Auth),
        (&Method::POST, "/api/posts") => Some(Action::Post),
        (&Method::POST | &Method::DELETE, "/api/users/{user}/follow") => Some(Action::Follow),
        (&Method::POST, "/api/posts/{post}/comments") => Some(Action::Comment),
        (&Method::POST, "/api/messages" | "/api/chats/{id}/messages") => Some(Action::Message),
        _ => None,
    }
}

/// The headers of the IETF draft for all limits, and the older ones for the limit that is closest.
fn tell(standings: &[Standing], headers: &mut HeaderMap) {
    let Some(closest) = standings.iter().min_by_key(|standing| (!is_refusal(standing), standing.remaining))
    else {
        return;
    };
    let policy = list(standings, |Standing { action, limit, .. }| {
        format!("\"{}\";q={};w={}", action.name(), limit.requests, whole_seconds(&limit.window))
    });
    let state = list(standings, |Standing { action, remaining, reset, .. }| {
        format!("\"{}\";r={remaining};t={}", action.name(), whole_seconds(reset))
    });
    let told = [
        ("ratelimit-policy", policy),
        ("ratelimit", state),
        ("ratelimit-limit", closest.limit.requests.to_string()),
        ("ratelimit-remaining", closest.remaining.to_string()),
        ("ratelimit-reset", whole_seconds(&closest.reset).to_string()),
    ];
    for (name, value) in told {
        headers.extend(HeaderValue::try_from(value).ok().map(|value| (HeaderName::from_static(name), value)));
    }
}

fn list(standings: &[Standing], item: impl Fn(&Standing) -> String) -> String {
    standings.iter().map(item).collect::<Vec<_>>().join(", ")
}
