//! The value: a game of chess as the reference server writes it, about a kilobyte.

use serde::{Deserialize, Serialize};

/// A game in the middle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Game {
    version: u64,
    room: String,
    white: String,
    black: String,
    fen: String,
    moves: Vec<String>,
}

impl Game {
    /// Its first version.
    pub fn new() -> Self {
        let player = |name: &str| format!("{name}, 0196f3a2-7c1e-7d53-9c0b-5b1f2f6f1a77");
        Self {
            version: 1,
            room: "0196f3a2-8d20-7b1c-8f55-27a5c1d2e3f4".to_owned(),
            white: player("White"),
            black: player("Black"),
            fen: "r1bqkb1r/pppp1ppp/2n2n2/4p3/2B1P3/5N2/PPPP1PPP/RNBQK2R w KQkq - 4 4".to_owned(),
            moves: ["e2e4", "e7e5", "g1f3", "b8c6"].repeat(26).into_iter().map(str::to_owned).collect(),
        }
    }

    /// The version after this one.
    pub fn next(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }
}
