//! Where every request comes in. `/health` is answered here, ahead of all routing; the rest goes to the
//! Socket.IO service or to the router. Every response leaves with its request id.

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
use tower::ServiceExt;

use super::peer::ClientAddress;
use super::request_id::{self, RequestId};
use crate::app::App;
use crate::http::{ApiError, health};

/// What is answered even without a free place.
const FOR_OPERATORS: [&str; 3] = ["/health", "/ready", "/metrics"];

/// The service behind every connection. Cheap to clone.
#[derive(Clone)]
pub struct Front {
    parts: Arc<Parts>,
    peer: IpAddr,
    has_place: bool,
}

struct Parts {
    app: Arc<App>,
    service: SocketIoService<Router>,
}

type Answer = Result<Response, Infallible>;

impl Front {
    /// The front of a service that has a Socket.IO layer.
    pub fn new(app: Arc<App>, service: SocketIoService<Router>) -> Self {
        Self { parts: Arc::new(Parts { app, service }), peer: Ipv4Addr::UNSPECIFIED.into(), has_place: true }
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
            return Some(health(&self.parts.app));
        }
        if self.has_place || FOR_OPERATORS.contains(&path) {
            return None;
        }
        let mut refusal = ApiError::OverCapacity.into_response();
        refusal.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        Some(refusal)
    }
}

impl Service<Request<Incoming>> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = Either<Ready<Answer>, BoxFuture<'static, Answer>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let id = RequestId::of(request.headers());
        if let Some(response) = self.answer_now(&request) {
            return Either::Left(ready(Ok(self.parts.finish(response, id))));
        }
        let trust_forwarded = self.parts.app.config.security.trust_forwarded;
        let client = ClientAddress::of(self.peer, request.headers(), trust_forwarded);
        request.extensions_mut().insert(client);
        request.extensions_mut().insert(id.clone());
        let parts = Arc::clone(&self.parts);
        Either::Right(Box::pin(async move {
            let response = parts.service.clone().oneshot(request).await?;
            Ok(parts.finish(response.map(Body::new), id))
        }))
    }
}

impl Parts {
    /// Every response names its request; at the end of the server it is the last of its connection.
    fn finish(&self, mut response: Response, id: RequestId) -> Response {
        response.headers_mut().insert(request_id::HEADER, id.into_header());
        if self.app.is_draining() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
