//! The server that shows whether latency is measured from the intended start.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::{FaultServer, Seen};

/// How long an answer takes while the server is well.
const SERVICE_TIME: Duration = Duration::from_millis(1);

/// An HTTP/1.1 server with keep-alive that answers everything with 200 after about 1 ms, but nothing at all
/// during the last `stall` of every `period`.
#[derive(Clone, Copy, Debug)]
pub struct StallingServer {
    period: Duration,
    stall: Duration,
    started: Instant,
}

impl StallingServer {
    /// Starts it; its first stall begins after `period - stall`.
    pub fn start(period: Duration, stall: Duration) -> FaultServer {
        assert!(stall < period, "a server that stalls all the time is `Silent`");
        let server = Self { period, stall, started: Instant::now() };
        FaultServer::start(move |connection, _, seen| server.serve(connection, seen))
    }

    async fn serve(self, connection: TcpStream, _: Arc<Seen>) {
        // Ends with an error when the client closes: nothing to report.
        let answer = service_fn(move |request| self.answer(request));
        let _ = http1::Builder::new().serve_connection(TokioIo::new(connection), answer).await;
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        // A body left unread would close the connection.
        let _ = request.into_body().collect().await;
        sleep(SERVICE_TIME).await;
        sleep(compute_stall_left(self.started.elapsed(), self.period, self.stall)).await;
        Ok(Response::new(Full::new(Bytes::from_static(b"ok\n"))))
    }
}

/// How long a stall still lasts at `elapsed` since the start; zero outside of one.
pub fn compute_stall_left(elapsed: Duration, period: Duration, stall: Duration) -> Duration {
    let into_period = Duration::from_nanos((elapsed.as_nanos() % period.as_nanos()) as u64);
    if into_period < period - stall { Duration::ZERO } else { period - into_period }
}
