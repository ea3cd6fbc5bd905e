//! How Socket.IO is spoken: ways, reconnection, the rows of what no step asks for.

use std::time::Duration;

use super::Compiler;
use crate::clients::socketio::{Backoff, Reconnection};
use crate::config::duration::Span;
use crate::load::scenario::model::{Delay, Engine, Scenario, Transport, TransportChoice, TransportMix, Way};
use crate::load::scenario::plan::{MetricKind, SocketPlan, SocketRows, Ways};

const AT: &str = "/config/socketio";

impl Compiler<'_> {
    /// Works out `config.socketio`, once the rows of all steps are known.
    pub fn socket(&mut self, scenarios: &[Scenario]) -> SocketPlan {
        let ways = self.ways().unwrap_or_default();
        let reconnection = self.reconnection();
        let is_spoken = scenarios.iter().any(|scenario| scenario.engine == Engine::Socketio);
        self.speaks = Engine::Socketio;
        let mut row = |name: &str, is_possible: bool| {
            (is_spoken && is_possible).then(|| self.metric(name, MetricKind::Wait))
        };
        let rows = SocketRows {
            upgrade: row("upgrade", ways.0.upgrade > 0.0),
            reconnect: row("reconnect", reconnection.is_some()),
            recovered: row("reconnect, recovered", reconnection.is_some()),
        };
        let path = self.config.socketio.path.clone().unwrap_or_default();
        SocketPlan { path, ways, reconnection, rows }
    }

    fn ways(&mut self) -> Option<Ways> {
        let config = &self.config.socketio;
        let mix = match (config.transport, &config.transports) {
            (Some(_), Some(_)) => {
                self.refuse_key(
                    &format!("{AT}/transports"),
                    "`transport` says the same",
                    Some("keep one of them"),
                );
                return None;
            }
            (Some(choice), None) => self.chosen(choice)?,
            (None, Some(transports)) => match transports.as_slice() {
                [Transport::Websocket] => only(Way::Websocket),
                [Transport::Polling] => only(Way::Polling),
                [Transport::Polling, Transport::Websocket] if config.upgrade == Some(false) => {
                    only(Way::Polling)
                }
                [Transport::Polling, Transport::Websocket] => only(Way::Upgrade),
                // socket.io-client takes the others only when the first one fails.
                [Transport::Websocket, Transport::Polling] => only(Way::Websocket),
                _ => {
                    let message = "`transports` is [websocket], [polling] or [polling, websocket]";
                    return self.refuse(&format!("{AT}/transports"), message);
                }
            },
            (None, None) => only(Way::Websocket),
        };
        Some(Ways(mix))
    }

    fn chosen(&mut self, choice: TransportChoice) -> Option<TransportMix> {
        let mix = match choice {
            TransportChoice::One(way) => return Some(only(way)),
            TransportChoice::Mix(mix) => mix,
        };
        let sum = mix.websocket + mix.polling + mix.upgrade;
        if (sum - 100.0).abs() > 1e-6 {
            let message = format!("the shares are {sum} % together; they must be 100");
            return self.refuse(&format!("{AT}/transport"), message);
        }
        Some(mix)
    }

    fn reconnection(&mut self) -> Option<Reconnection> {
        let has_storms = self.has_storms();
        let config = &self.config.socketio;
        let defaults = Backoff::default();
        let delay = self.delay(config.reconnection_delay.as_ref(), "reconnectionDelay");
        let delay_max = self.delay(config.reconnection_delay_max.as_ref(), "reconnectionDelayMax");
        let backoff = Backoff {
            delay: delay.unwrap_or(defaults.delay),
            delay_max: delay_max.unwrap_or(defaults.delay_max),
            randomization: config.randomization_factor.unwrap_or(defaults.randomization),
            attempts: config.reconnection_attempts,
        };
        (config.reconnection || has_storms).then(|| Reconnection { backoff, limit: self.socket_timeout() })
    }

    fn delay(&mut self, delay: Option<&Delay>, key: &str) -> Option<Duration> {
        match delay? {
            Delay::Millis(millis) => Some(Duration::from_secs_f64(millis / 1_000.0)),
            Delay::Text(text) => match text.parse::<Span>() {
                Ok(span) => Some(span.0),
                Err(message) => self.refuse(&format!("{AT}/{key}"), message),
            },
        }
    }
}

fn only(way: Way) -> TransportMix {
    let none = TransportMix::default();
    match way {
        Way::Websocket => TransportMix { websocket: 100.0, ..none },
        Way::Polling => TransportMix { polling: 100.0, ..none },
        Way::Upgrade => TransportMix { upgrade: 100.0, ..none },
    }
}
