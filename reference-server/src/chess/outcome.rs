//! How a game stands and how it ended, in the words of the protocol.

use serde::{Deserialize, Serialize};

/// The colour of a player.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Moves first.
    White,
    /// Moves second.
    Black,
}

impl Side {
    /// The opponent's colour.
    pub fn other(self) -> Self {
        match self {
            Self::White => Self::Black,
            Self::Black => Self::White,
        }
    }
}

/// The score as it is written on a score sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum GameResult {
    /// White won.
    #[serde(rename = "1-0")]
    White,
    /// Black won.
    #[serde(rename = "0-1")]
    Black,
    /// Nobody won.
    #[serde(rename = "1/2-1/2")]
    Draw,
}

impl GameResult {
    /// The score in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::White => "1-0",
            Self::Black => "0-1",
            Self::Draw => "1/2-1/2",
        }
    }

    /// The score when this side wins.
    pub fn win_of(side: Side) -> Self {
        match side {
            Side::White => Self::White,
            Side::Black => Self::Black,
        }
    }
}

/// Why a game is drawn by rule although moves are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DrawReason {
    /// Fifty moves of each side without a capture or a pawn's move.
    FiftyMove,
    /// The same position, with the same rights, for the third time.
    Repetition,
    /// Nobody can be mated any more.
    InsufficientMaterial,
}

/// How a game ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndReason {
    /// The side to move is mated.
    Checkmate,
    /// The side to move has no move and is not in check.
    Stalemate,
    /// A player gave up.
    Resignation,
    /// One player offered a draw and the other took it.
    Agreement,
    /// The time of the side to move ran out. Drawn when the opponent has nothing but a king.
    Timeout,
    /// See [`DrawReason`].
    #[serde(untagged)]
    Draw(DrawReason),
}

/// The end of a game.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Who won.
    pub result: GameResult,
    /// How.
    pub reason: EndReason,
}

impl Ended {
    /// Whether this is an end by what the players did, and not by the position on the board.
    pub fn is_by_players(self) -> bool {
        matches!(
            (self.reason, self.result),
            (EndReason::Resignation, GameResult::White | GameResult::Black)
                | (EndReason::Agreement, GameResult::Draw)
                | (EndReason::Timeout, _)
        )
    }
}

/// The state of the game as clients are told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Moves are expected.
    Playing,
    /// The last move mated.
    Checkmate,
    /// The last move left the opponent without one.
    Stalemate,
    /// Drawn by rule or by agreement.
    Draw,
    /// A player gave up.
    Resigned,
    /// A player's time ran out.
    Timeout,
}

impl From<Option<Ended>> for Status {
    fn from(ended: Option<Ended>) -> Self {
        match ended.map(|end| end.reason) {
            None => Self::Playing,
            Some(EndReason::Checkmate) => Self::Checkmate,
            Some(EndReason::Stalemate) => Self::Stalemate,
            Some(EndReason::Draw(_) | EndReason::Agreement) => Self::Draw,
            Some(EndReason::Resignation) => Self::Resigned,
            Some(EndReason::Timeout) => Self::Timeout,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_told_in_words_of_the_protocol_and_read_back() {
        let words = [
            (EndReason::Draw(DrawReason::FiftyMove), "fifty-move"),
            (EndReason::Draw(DrawReason::InsufficientMaterial), "insufficient-material"),
            (EndReason::Stalemate, "stalemate"),
            (EndReason::Agreement, "agreement"),
        ];
        for (reason, word) in words {
            let ended = Ended { result: GameResult::Draw, reason };
            assert_eq!(serde_json::to_value(ended.result).unwrap(), ended.result.as_str());
            let told = serde_json::to_string(&ended).unwrap();
            assert_eq!(told, format!(r#"{{"result":"1/2-1/2","reason":"{word}"}}"#));
            assert_eq!(serde_json::from_str::<Ended>(&told).unwrap(), ended);
        }
        assert!(serde_json::from_str::<EndReason>("\"adjourned\"").is_err());
    }
}
