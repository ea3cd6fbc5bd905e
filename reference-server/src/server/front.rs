//! Where every request comes in. `/health` is answered here, ahead of all routing; the rest goes to the
//! Socket.IO service or to the router. Every response leaves with its request id and the protecting headers.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::future::{BoxFuture, Either};
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::Service;
use socketioxide::service::SocketIoService;
use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, ServiceExt};

use super::peer::ClientAddress;
use super::request_id::{self, RequestId};
use super::sent;
use super::trace;
use crate::app::App;
use crate::http::{ApiError, health, protect};
use crate::socket::Adapter;

/// What is answered even without a free place.
const FOR_OPERATORS: [&str; 3] = ["/health", "/ready", "/metrics"];

/// The service behind every connection. Cheap to clone.
#[derive(Clone)]
pub struct Front {
    parts: Arc<Parts>,
    peer: IpAddr,
    has_place: bool,
}

type Routes = BoxCloneSyncService<Request<Incoming>, Response, Infallible>;

struct Parts {
    app: Arc<App>,
    plain: Routes,
    /// For pages of allowed origins.
    cors: Routes,
}

type Answer = Result<Response, Infallible>;

impl Front {
    /// The front of a service that has a Socket.IO layer.
    pub fn new(app: Arc<App>, service: SocketIoService<Router, Adapter>) -> Self {
        let service = ServiceExt::<Request<Incoming>>::map_response(service, |it| it.map(Body::new));
        let plain = BoxCloneSyncService::new(service);
        let cors = ServiceBuilder::new().layer(app.origins.layer()).service(plain.clone());
        let parts = Parts { app, plain, cors: BoxCloneSyncService::new(cors) };
        Self { parts: Arc::new(parts), peer: Ipv4Addr::UNSPECIFIED.into(), has_place: true }
    }

    /// The front that this peer sees.
    pub fn facing(&self, peer: IpAddr) -> Self {
        Self { peer, ..self.clone() }
    }

    /// For connections beyond the bound: answers operators, and tells all others to come back later.
    pub fn beyond_the_bound(self) -> Self {
        Self { has_place: false, ..self }
    }

    fn answer_now(&self, request: &Request<Incoming>) -> Option<Response> {
        let path = request.uri().path();
        if path == "/health" && request.method() == Method::GET {
            return Some(health(&self.parts.app, request.headers()));
        }
        if self.has_place || FOR_OPERATORS.contains(&path) {
            return None;
        }
        let mut refusal = ApiError::OverCapacity.into_response();
        refusal.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        Some(refusal)
    }

    fn routes(&self, request: &Request<Incoming>) -> Routes {
        let is_allowed = self.parts.app.origins.include(request.headers());
        if is_allowed { self.parts.cors.clone() } else { self.parts.plain.clone() }
    }
}

impl Service<Request<Incoming>> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = Either<Ready<Answer>, BoxFuture<'static, Answer>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let security = &self.parts.app.config.security;
        let client = ClientAddress::of(self.peer, request.headers(), security.trust_forwarded);
        let seal = Seal {
            id: RequestId::of(request.headers()),
            is_tls: client.is_over_tls(),
            parts: Arc::clone(&self.parts),
        };
        if let Some(response) = seal.id.scope_sync(|| self.answer_now(&request)) {
            let response = sent::count(response, self.parts.app.telemetry.response_bytes());
            return Either::Left(ready(Ok(seal.on(response))));
        }
        let span = trace::span_of(&request, &seal.id);
        let routes = self.routes(&request);
        request.extensions_mut().insert(client);
        request.extensions_mut().insert(seal.id.clone());
        let answer = seal.id.scope(routes.oneshot(request));
        let bytes = self.parts.app.telemetry.response_bytes().clone();
        let answer = async move { Ok(seal.on(sent::count(answer.await?, &bytes))) };
        Either::Right(Box::pin(trace::within(span, answer)))
    }
}

/// What every response leaves with.
struct Seal {
    id: RequestId,
    is_tls: bool,
    parts: Arc<Parts>,
}

impl Seal {
    fn on(self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        protect(headers, self.is_tls);
        let says_so =
            headers.get_all(header::VARY).iter().any(|value| value.as_bytes().starts_with(b"origin"));
        if !self.parts.app.origins.is_empty() && !says_so {
            headers.append(header::VARY, HeaderValue::from_static("origin"));
        }
        headers.insert(request_id::HEADER, self.id.into_header());
        if self.parts.app.is_draining() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
