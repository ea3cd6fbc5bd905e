//! A page that shows a run while it goes on: an onlooker passes each point of its course on to a task of its own, which
//! draws for whoever is looking, and a small HTTP server of this machine's hands it out.
//!
//! What is kept is bounded: as many points as a report has, one picture of them for all viewers, and a viewer who is slow
//! misses pictures.

mod server;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use self::server::Server;
use crate::load::ledger::Second;
use crate::load::onlooker::Onlooker;
use crate::load::tally::Tally;
use crate::load::timeline::{Chronicle, Point, Timeline, step_seconds};
use crate::load::{LoadReport, Plan};
use crate::output::load::live;

/// Points that wait to be drawn.
const WAITING: usize = 256;
/// How long the end of a run waits until all viewers have its report.
const FAREWELL: Duration = Duration::from_secs(2);

/// What viewers are shown, as events of a stream.
#[derive(Debug, Clone)]
enum Shown {
    /// The course so far.
    Frame(Bytes),
    /// The report; nothing comes after it.
    Over(Bytes),
}

/// A page that is being shown.
#[derive(Debug)]
pub struct LivePage {
    server: Server,
    shown: watch::Sender<Shown>,
    draw: JoinHandle<()>,
}

/// Passes the points of a run on.
#[derive(Debug)]
struct Relay {
    chronicle: Chronicle,
    passed: usize,
    points: mpsc::Sender<Point>,
}

/// Binds the address where the page will be.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

impl LivePage {
    /// Shows what an onlooker of this run will see. A name of another machine leads nobody here, unless `is_public`.
    pub fn start(listener: TcpListener, plan: &Plan, is_public: bool) -> (Self, Box<dyn Onlooker>) {
        let duration = plan.load.duration();
        let (points, drawn) = mpsc::channel(WAITING);
        let (shown, _) = watch::channel(Shown::Frame(live::nothing(plan)));
        let timeline = Timeline { step_seconds: step_seconds(duration), points: Vec::new() };
        let draw = tokio::spawn(draw(drawn, shown.clone(), timeline, duration));
        let server = Server::start(listener, live::page(plan), shown.subscribe(), is_public);
        let chronicle = Chronicle::new(duration, &plan.metrics);
        let relay = Relay { chronicle, passed: 0, points };
        (Self { server, shown, draw }, Box::new(relay))
    }

    /// The run is over: whoever is looking gets the report, and the page is no more.
    pub async fn finish(self, report: &LoadReport) -> io::Result<()> {
        let Self { server, shown, draw } = self;
        draw.abort();
        draw.await.ok();
        shown.send_replace(Shown::Over(live::over(report)?));
        server.finish(FAREWELL).await;
        Ok(())
    }
}

impl Onlooker for Relay {
    fn begin(&mut self, _: Instant) {}

    fn see(&mut self, second: &Second) {
        self.chronicle.take(second);
        let points = self.chronicle.points();
        for point in &points[self.passed..] {
            // Rows are for the report. A page that cannot keep up misses points, and no run waits for it.
            self.points.try_send(Point { rows: Vec::new(), ..point.clone() }).ok();
        }
        self.passed = points.len();
    }

    fn add(&mut self, _: &Tally) {}
}

/// Draws each point that comes, and what waited with it at once.
async fn draw(
    mut points: mpsc::Receiver<Point>,
    shown: watch::Sender<Shown>,
    mut timeline: Timeline,
    duration: Duration,
) {
    while let Some(point) = points.recv().await {
        timeline.points.push(point);
        while let Ok(point) = points.try_recv() {
            timeline.points.push(point);
        }
        // Drawing takes milliseconds that belong to the users of this thread.
        let drawn = tokio::task::spawn_blocking(move || (live::frame(&timeline, duration), timeline));
        let Ok((frame, back)) = drawn.await else { return };
        timeline = back;
        shown.send_replace(Shown::Frame(frame));
    }
}
