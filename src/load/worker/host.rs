//! A worker: takes a job, makes its users, starts when it is told to, tells what they do.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::message::{Files, Job, Order, Report};
use crate::load::crew::{Crew, Task};
use crate::load::engine::Stop;
use crate::load::run::LoadError;
use crate::load::scenario::source::SourceText;
use crate::load::scenario::template::epoch_micros;
use crate::load::scenario::{Plan, compile_document};

/// Beats that wait to be sent.
const BEATS: usize = 16;

/// Does one job. Ends early when orders end: the lead is gone then.
pub async fn work(mut orders: mpsc::Receiver<Order>, reports: mpsc::Sender<Report>) {
    let Some(Order::Job(job)) = orders.recv().await else { return };
    let stop = Stop::default();
    let crew = tokio::select! {
        crew = muster(*job, stop.clone()) => crew,
        () = stopped(&mut orders, &stop) => return,
    };
    let crew = match crew {
        Ok(crew) => crew,
        Err(refusal) => {
            reports.send(refusal).await.ok();
            return;
        }
    };
    reports.send(Report::Ready).await.ok();
    let Some(start) = start(&mut orders).await else { return };
    make_load(crew, start, orders, &reports, &stop).await;
}

async fn make_load(
    crew: Crew,
    start: Instant,
    mut orders: mpsc::Receiver<Order>,
    reports: &mpsc::Sender<Report>,
    stop: &Stop,
) {
    let (beats, mut heard) = mpsc::channel(BEATS);
    let telling = async {
        while let Some(beat) = heard.recv().await {
            reports.send(Report::Beat(Box::new(beat))).await.ok();
        }
    };
    let watching = async {
        stopped(&mut orders, stop).await;
        std::future::pending::<()>().await;
    };
    let worked = tokio::select! {
        (worked, ()) = async { tokio::join!(crew.work(start, beats), telling) } => worked,
        () = watching => return,
    };
    let last = worked.map_or_else(|error| refusal(&error), |()| Report::Done);
    reports.send(last).await.ok();
}

/// Waits until somebody stops the run, and passes it on. A threshold's stop may be followed by an interrupt.
async fn stopped(orders: &mut mpsc::Receiver<Order>, stop: &Stop) {
    loop {
        match orders.recv().await {
            Some(Order::Stop) => stop.soft.cancel(),
            Some(Order::Job(_) | Order::Start { .. }) => {}
            Some(Order::Interrupt) | None => {
                stop.interrupt.cancel();
                return;
            }
        }
    }
}

/// When load starts; none when it will not.
async fn start(orders: &mut mpsc::Receiver<Order>) -> Option<Instant> {
    match orders.recv().await? {
        Order::Start { at_epoch_micros } => {
            let wait = Duration::from_micros(at_epoch_micros.saturating_sub(epoch_micros()));
            Some(Instant::now() + wait)
        }
        Order::Job(_) | Order::Stop | Order::Interrupt => None,
    }
}

async fn muster(job: Job, stop: Stop) -> Result<Crew, Report> {
    let Job { texts, files, overrides, share, sources, given } = job;
    let document = SourceText::document(&texts).map_err(|mistakes| mistake(&mistakes))?;
    let (folder, _kept) = folder(files).map_err(|error| mistake(&error))?;
    let plan: Plan =
        compile_document(&document, &folder, &overrides).map_err(|mistakes| mistake(&mistakes))?;
    let crew = Crew::muster(Arc::new(plan), Task { share, sources, given }, stop).await;
    crew.map_err(|error| refusal(&error))
}

/// Where the files of the scenario are; those that were sent are gone when the second value is.
fn folder(files: Files) -> std::io::Result<(PathBuf, Option<TempDir>)> {
    let files = match files {
        Files::In(folder) => return Ok((folder, None)),
        Files::Sent(files) => files,
    };
    let folder = tempfile::tempdir()?;
    for (path, text) in files {
        let path = folder.path().join(inside(&path));
        path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        std::fs::write(path, text)?;
    }
    Ok((folder.path().to_owned(), Some(folder)))
}

/// A path that stays in the folder it is put into.
fn inside(path: &Path) -> PathBuf {
    path.components().filter(|part| matches!(part, std::path::Component::Normal(_))).collect()
}

fn mistake(why: &dyn std::fmt::Display) -> Report {
    Report::Refused { why: why.to_string(), is_unreachable: false }
}

fn refusal(error: &LoadError) -> Report {
    let is_unreachable = matches!(error, LoadError::Unreachable { .. });
    Report::Refused { why: error.to_string(), is_unreachable }
}
