//! Requests that are sent at once, each on a connection of its own.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hyper::Request;
use tokio::time::Instant;

use super::http::{exchange, failure};
use super::session::keep_driving;
use super::user::{Ending, StepResult, VirtualUser};
use crate::clients::http::{HttpConnection, HttpResponse};
use crate::clients::net::within;
use crate::clients::{ClientError, Connector};
use crate::load::scenario::plan::{HttpStep, Parallel};

/// A request under way.
struct Flight<'s> {
    step: &'s HttpStep,
    /// When it could have been sent.
    due: Instant,
    begun: Instant,
    redirects: usize,
}

/// What became of it, with the connection when it can be used again.
struct Landing<'s> {
    flight: Flight<'s>,
    ended: Instant,
    answer: Result<HttpResponse, ClientError>,
    connection: Option<HttpConnection>,
}

impl VirtualUser {
    /// Sends all requests, as many at once as are allowed, and takes their answers as they come. All are
    /// counted; the first failure ends the iteration once they are through.
    pub(super) async fn parallel(&mut self, parallel: &Parallel) -> StepResult {
        let mut waiting = Vec::with_capacity(parallel.steps.len());
        for step in &parallel.steps {
            waiting.push((step, self.request(step).map_err(|error| self.broken(&error))?));
        }
        let mut waiting = waiting.into_iter();
        let shared = Arc::clone(&self.shared);
        let awaited = &shared.plan.scenarios[self.scenario].awaited;
        let mut running = FuturesUnordered::new();
        let (mut due, mut result, mut lost) = (self.due, Ok(()), None);
        loop {
            while running.len() < parallel.at_once
                && let Some((step, request)) = waiting.next()
            {
                let begun = Instant::now();
                self.at_once.push((step.metric, begun));
                let flight = Flight { step, due, begun, redirects: 0 };
                running.push(fly(flight, request, self.connection(), &shared.connector));
            }
            let session = self.session.as_mut().filter(|_| lost.is_none());
            let landing = tokio::select! {
                landing = running.next() => landing,
                failure = keep_driving(session, awaited) => {
                    lost = Some(failure);
                    continue;
                }
            };
            let Some(mut landing) = landing else { break };
            if let Some(request) = self.next_hop(&landing) {
                landing.flight.redirects += 1;
                running.push(fly(landing.flight, request, landing.connection, &shared.connector));
                continue;
            }
            let landed = self.land(landing);
            result = result.and(landed);
            // The requests that had to wait are due when there is a place for them.
            due = Instant::now();
        }
        result?;
        lost.map_or(Ok(()), |failure| self.lost(failure))
    }

    fn next_hop(&mut self, landing: &Landing<'_>) -> Option<Request<Bytes>> {
        let response = landing.answer.as_ref().ok()?;
        self.redirected(landing.flight.step, response, landing.flight.redirects)
    }

    fn land(&mut self, landing: Landing<'_>) -> Result<(), Ending> {
        let Landing { flight, ended, answer, connection } = landing;
        let Flight { step, due, begun, .. } = flight;
        match &mut self.http {
            None => self.http = connection,
            Some(_) => self.spare.extend(connection),
        }
        let result = match answer {
            Ok(response) => self.take_answer(step, &response),
            Err(error) => Err(failure(&error, step)),
        };
        if let Some(index) =
            self.at_once.iter().position(|(metric, since)| (*metric, *since) == (step.metric, begun))
        {
            self.at_once.swap_remove(index);
        }
        self.due = due;
        self.finish_at(ended, step.metric, begun, result)
    }

    /// A connection that is open and idle, if there is one.
    fn connection(&mut self) -> Option<HttpConnection> {
        self.http.take().or_else(|| self.spare.pop())
    }
}

async fn fly<'s>(
    flight: Flight<'s>,
    request: Request<Bytes>,
    mut connection: Option<HttpConnection>,
    connector: &Connector,
) -> Landing<'s> {
    let left = flight.step.timeout.saturating_sub(flight.begun.elapsed());
    let answer = within(left, exchange(&mut connection, connector, request)).await;
    if answer.is_err() {
        // What is left of the exchange would be taken for the answer to the next one.
        connection = None;
    }
    Landing { flight, ended: Instant::now(), answer, connection }
}
