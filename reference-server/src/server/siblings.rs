//! What instances tell each other: each answers for its own measurements on a Unix socket, and whoever is asked
//! for all of them asks the others.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, header};
use axum::routing::get;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use crate::app::App;
use crate::config::Instance;
use crate::http::{ApiError, measurements};

/// Time that a sibling has to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Largest answer that is read.
const LARGEST: usize = 16 << 20;

/// Takes the place of whoever had this number before.
pub fn listen(instance: &Instance) -> io::Result<UnixListener> {
    let path = instance.socket(instance.number);
    match std::fs::remove_file(&path) {
        Err(failure) if failure.kind() != io::ErrorKind::NotFound => Err(failure),
        _ => UnixListener::bind(path),
    }
}

/// Answers until it is dropped.
pub async fn answer(listener: UnixListener, app: Arc<App>) {
    let own = async |State(app): State<Arc<App>>| -> Result<String, ApiError> { measurements(&app).await };
    let router = Router::new().route("/metrics", get(own)).with_state(app);
    if let Err(failure) = axum::serve(listener, router).await {
        tracing::warn!(%failure, "this instance is missing from the metrics");
    }
}

/// The measurements of a sibling; nothing when it does not answer in time.
pub async fn ask(instance: &Instance, number: u32) -> Option<String> {
    let answer = timeout(PATIENCE, fetch(&instance.socket(number))).await;
    match answer {
        Ok(Ok(text)) => Some(text),
        Ok(Err(failure)) => {
            tracing::debug!(number, %failure, "an instance does not answer");
            None
        }
        Err(_) => None,
    }
}

async fn fetch(path: &Path) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let stream = UnixStream::connect(path).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get("/metrics").header(header::HOST, "instance").body(Body::empty())?;
    let ask = async {
        let response = sender.send_request(request).await?;
        let body = axum::body::to_bytes(Body::new(response.into_body()), LARGEST).await?;
        Ok(String::from_utf8(body.into())?)
    };
    tokio::pin!(connection);
    tokio::pin!(ask);
    tokio::select! {
        text = &mut ask => text,
        ended = &mut connection => { ended?; ask.await }
    }
}
