//! What is turned up: each axis has its own meaning of level, of what was achieved, and of goodput.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a search turns up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Axis {
    /// Users at work at once, each starting over when done. Achieved: users within an iteration. Goodput:
    /// successful exchanges a second.
    Users,
    /// New users a second, however slow the system is. Achieved and goodput: scenarios' worth of exchanges a
    /// second, all of them and those without an error.
    ArrivalRate,
    /// Connections of Socket.IO or plain websockets held at once. Achieved and goodput: connections that are held, and those of them
    /// that were never lost.
    Sockets,
    /// Connections opened a second. Achieved and goodput: openings and joins of a namespace a second, all of them
    /// and those without an error.
    Connects,
    /// Messages sent on connections a second: events, messages of a plain websocket, those that a fan-out publishes.
    /// Achieved and goodput: messages a second, all of them and those without an error.
    Messages,
}

impl Axis {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Users, Self::ArrivalRate, Self::Sockets, Self::Connects, Self::Messages];

    /// The name on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::ArrivalRate => "arrival-rate",
            Self::Sockets => "sockets",
            Self::Connects => "connects",
            Self::Messages => "messages",
        }
    }

    /// The unit of a level.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::ArrivalRate => "arrivals/s",
            Self::Sockets => "sockets",
            Self::Connects => "connects/s",
            Self::Messages => "messages/s",
        }
    }

    /// The unit of goodput.
    pub fn goodput_unit(self) -> &'static str {
        if self == Self::Users { "exchanges/s" } else { self.unit() }
    }

    /// Whether load comes at its own rate, and not from users that wait for their answers.
    pub fn is_open(self) -> bool {
        matches!(self, Self::ArrivalRate | Self::Connects | Self::Messages)
    }

    /// Whether more of it can make goodput stand still without a threshold being missed.
    pub fn can_saturate(self) -> bool {
        self == Self::Users
    }

    /// A level that can be run: whole users, rates to three figures.
    pub fn round(self, level: f64) -> f64 {
        if !self.is_open() {
            return level.round().max(1.0);
        }
        let unit = 10_f64.powf(level.max(0.1).log10().floor() - 2.0);
        ((level / unit).round() * unit).max(0.1)
    }

    /// Where the climb begins when nothing is said.
    pub fn usual_start(self) -> f64 {
        match self {
            Self::Users | Self::ArrivalRate | Self::Connects => 10.0,
            Self::Sockets => 100.0,
            Self::Messages => 50.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Axis;

    #[test]
    fn levels_are_whole_users_or_rates_of_three_figures() {
        assert_eq!(Axis::Users.round(14.4), 14.0);
        assert_eq!(Axis::Sockets.round(0.2), 1.0);
        assert_eq!(Axis::ArrivalRate.round(1_234.5), 1_230.0);
        assert_eq!(Axis::Messages.round(99.96), 100.0);
        assert_eq!(Axis::Connects.round(0.01), 0.1);
    }
}
