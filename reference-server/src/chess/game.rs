//! One game by the rules of chess: moves in UCI notation, and every way in which a game ends.

use cozy_chess::util::{display_uci_move, parse_uci_move};
use cozy_chess::{Board, Color, GameStatus, Move};
use serde::Serialize;

use super::material::is_insufficient;

/// The colour of a player.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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

/// Why a game is drawn although moves are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndReason {
    /// The side to move is mated.
    Checkmate,
    /// The side to move has no move and is not in check.
    Stalemate,
    /// A player gave up.
    Resignation,
    /// See [`DrawReason`].
    #[serde(untagged)]
    Draw(DrawReason),
}

/// The end of a game.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ended {
    /// Who won.
    pub result: GameResult,
    /// How.
    pub reason: EndReason,
}

/// The state of the game as clients are told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Moves are expected.
    Playing,
    /// The last move mated.
    Checkmate,
    /// The last move left the opponent without one.
    Stalemate,
    /// Drawn by rule.
    Draw,
    /// A player gave up.
    Resigned,
}

/// A move that the rules do not allow here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this move is not legal here: moves are written like e2e4, e1g1 (castling) or e7e8q (promotion)")]
pub struct IllegalMove;

/// A game, from the first move to its end.
#[derive(Debug, Clone)]
pub struct Game {
    board: Board,
    moves: Vec<Box<str>>,
    /// Positions since the last capture or pawn move, the present one last: only these can repeat.
    reachable_again: Vec<Board>,
    ended: Option<Ended>,
}

impl Default for Game {
    fn default() -> Self {
        Self::from_board(Board::default())
    }
}

impl Game {
    fn from_board(board: Board) -> Self {
        let reachable_again = vec![board.clone()];
        Self { board, moves: Vec::new(), reachable_again, ended: None }
    }

    /// Plays a move of the side whose turn it is. The caller checks whose turn it is, and that the game goes on.
    pub fn play(&mut self, uci: &str) -> Result<(), IllegalMove> {
        let chosen = self.parse(uci)?;
        self.moves.push(display_uci_move(&self.board, chosen).to_string().into());
        self.board.play_unchecked(chosen);
        if self.board.halfmove_clock() == 0 {
            self.reachable_again.clear();
        }
        self.reachable_again.push(self.board.clone());
        self.ended = self.compute_end();
        Ok(())
    }

    /// Ends the game in favour of the other side.
    pub fn resign(&mut self, loser: Side) {
        self.ended = Some(Ended { result: win_of(loser.other()), reason: EndReason::Resignation });
    }

    /// Whose turn it is.
    pub fn turn(&self) -> Side {
        match self.board.side_to_move() {
            Color::White => Side::White,
            Color::Black => Side::Black,
        }
    }

    /// Moves made so far, in UCI notation.
    pub fn moves(&self) -> &[Box<str>] {
        &self.moves
    }

    /// The position in Forsyth-Edwards notation.
    pub fn fen(&self) -> String {
        self.board.to_string()
    }

    /// How the game ended, if it has.
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// The state in one word.
    pub fn status(&self) -> Status {
        match self.ended.map(|end| end.reason) {
            None => Status::Playing,
            Some(EndReason::Checkmate) => Status::Checkmate,
            Some(EndReason::Stalemate) => Status::Stalemate,
            Some(EndReason::Draw(_)) => Status::Draw,
            Some(EndReason::Resignation) => Status::Resigned,
        }
    }

    /// Standard castling only: the library's own king-takes-rook notation is no move a player may send.
    fn parse(&self, uci: &str) -> Result<Move, IllegalMove> {
        let written: Move = uci.parse().map_err(|_| IllegalMove)?;
        let takes_own = self.board.color_on(written.to) == Some(self.board.side_to_move());
        let chosen = parse_uci_move(&self.board, uci).map_err(|_| IllegalMove)?;
        let exact = written.to_string().len() == uci.len();
        if exact && !takes_own && self.board.is_legal(chosen) { Ok(chosen) } else { Err(IllegalMove) }
    }

    fn compute_end(&self) -> Option<Ended> {
        let draw = |reason| Some(Ended { result: GameResult::Draw, reason });
        match self.board.status() {
            GameStatus::Won => {
                Some(Ended { result: win_of(self.turn().other()), reason: EndReason::Checkmate })
            }
            GameStatus::Drawn if self.board.halfmove_clock() < 100 || !self.has_moves() => {
                draw(EndReason::Stalemate)
            }
            GameStatus::Drawn => draw(EndReason::Draw(DrawReason::FiftyMove)),
            GameStatus::Ongoing if self.is_third_time() => draw(EndReason::Draw(DrawReason::Repetition)),
            GameStatus::Ongoing if is_insufficient(&self.board) => {
                draw(EndReason::Draw(DrawReason::InsufficientMaterial))
            }
            GameStatus::Ongoing => None,
        }
    }

    fn has_moves(&self) -> bool {
        self.board.generate_moves(|_| true)
    }

    fn is_third_time(&self) -> bool {
        self.reachable_again.iter().filter(|earlier| earlier.same_position(&self.board)).count() >= 3
    }
}

fn win_of(side: Side) -> GameResult {
    match side {
        Side::White => GameResult::White,
        Side::Black => GameResult::Black,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Game {
        fn from_fen(fen: &str) -> Self {
            Self::from_board(fen.parse().unwrap())
        }

        fn legal_moves(&self) -> Vec<String> {
            let mut found = Vec::new();
            self.board.generate_moves(|group| {
                found.extend(group.into_iter().map(|m| display_uci_move(&self.board, m).to_string()));
                false
            });
            found
        }
    }

    fn play_all(game: &mut Game, moves: &str) {
        for uci in moves.split_whitespace() {
            game.play(uci).unwrap_or_else(|_| panic!("{uci} in {}", game.fen()));
        }
    }

    fn perft(game: &Game, depth: u32) -> u64 {
        if depth == 0 {
            return 1;
        }
        let after = |uci: &String| {
            let mut next = game.clone();
            next.play(uci).unwrap();
            perft(&next, depth - 1)
        };
        game.legal_moves().iter().map(after).sum()
    }

    #[test]
    fn the_start_has_the_known_number_of_continuations() {
        let counts: Vec<_> = (1..=4).map(|depth| perft(&Game::default(), depth)).collect();
        assert_eq!(counts, [20, 400, 8_902, 197_281]);
    }

    #[test]
    fn kiwipete_has_the_known_number_of_continuations() {
        let game = Game::from_fen("r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1");
        let counts: Vec<_> = (1..=3).map(|depth| perft(&game, depth)).collect();
        assert_eq!(counts, [48, 2_039, 97_862]);
    }

    #[test]
    fn castling_is_written_with_the_kings_squares() {
        let mut game = Game::default();
        play_all(&mut game, "e2e4 e7e5 g1f3 b8c6 f1c4 f8c5");
        assert_eq!(game.play("e1h1"), Err(IllegalMove), "king takes rook is not standard notation");
        play_all(&mut game, "e1g1");
        assert_eq!(game.moves().last().map(AsRef::as_ref), Some("e1g1"));
        assert!(game.fen().starts_with("r1bqk1nr/pppp1ppp/2n5/2b1p3/2B1P3/5N2/PPPP1PPP/RNBQ1RK1 b"));
    }

    #[test]
    fn the_shortest_mate_is_seen() {
        let mut game = Game::default();
        play_all(&mut game, "f2f3 e7e5 g2g4 d8h4");
        assert_eq!(game.status(), Status::Checkmate);
        assert_eq!(game.ended().unwrap().result, GameResult::Black);
    }

    #[test]
    fn stalemate_is_a_draw() {
        let mut game = Game::from_fen("7k/5K2/8/6Q1/8/8/8/8 w - - 0 1");
        play_all(&mut game, "g5g6");
        assert_eq!(game.ended(), Some(Ended { result: GameResult::Draw, reason: EndReason::Stalemate }));
    }

    #[test]
    fn the_third_same_position_ends_the_game_and_the_second_does_not() {
        let mut game = Game::default();
        play_all(&mut game, "g1f3 g8f6 f3g1 f6g8 g1f3 g8f6 f3g1");
        assert_eq!(game.status(), Status::Playing);
        play_all(&mut game, "f6g8");
        assert_eq!(game.ended().unwrap().reason, EndReason::Draw(DrawReason::Repetition));
    }

    #[test]
    fn lost_castling_rights_make_it_another_position() {
        let mut game = Game::from_fen("r3k3/8/8/8/8/8/8/4K2R w Kq - 0 1");
        play_all(&mut game, "h1g1 a8b8 g1h1 b8a8 h1g1 a8b8 g1h1 b8a8");
        assert_eq!(game.status(), Status::Playing);
        play_all(&mut game, "h1g1");
        assert_eq!(game.status(), Status::Playing, "the first time, Black could still castle");
        play_all(&mut game, "a8b8");
        assert_eq!(game.ended().unwrap().reason, EndReason::Draw(DrawReason::Repetition));
    }

    #[test]
    fn fifty_moves_without_progress_are_a_draw_but_mate_comes_first() {
        let mut game = Game::from_fen("4k3/8/8/8/8/8/8/R3K3 w - - 99 80");
        play_all(&mut game, "a1a2");
        assert_eq!(game.ended().unwrap().reason, EndReason::Draw(DrawReason::FiftyMove));
        let mut game = Game::from_fen("4k3/R7/4K3/8/8/8/8/1R6 w - - 99 80");
        play_all(&mut game, "b1b8");
        assert_eq!(game.status(), Status::Checkmate);
    }

    #[test]
    fn the_last_capture_may_leave_too_little_to_mate() {
        let mut game = Game::from_fen("8/8/4k3/8/8/4Kn2/8/8 w - - 0 1");
        play_all(&mut game, "e3f3");
        assert_eq!(game.ended().unwrap().reason, EndReason::Draw(DrawReason::InsufficientMaterial));
    }

    #[test]
    fn a_promotion_names_its_piece() {
        let mut game = Game::from_fen("8/4P3/8/8/8/4k3/8/4K3 w - - 0 1");
        assert_eq!(game.play("e7e8"), Err(IllegalMove));
        assert_eq!(game.play("e7e8k"), Err(IllegalMove));
        play_all(&mut game, "e7e8q");
    }

    #[test]
    fn the_end_is_told_in_words_of_the_protocol() {
        let told = |reason| serde_json::to_string(&Ended { result: GameResult::Draw, reason }).unwrap();
        let drawn = told(EndReason::Draw(DrawReason::FiftyMove));
        assert_eq!(drawn, r#"{"result":"1/2-1/2","reason":"fifty-move"}"#);
        assert_eq!(told(EndReason::Stalemate), r#"{"result":"1/2-1/2","reason":"stalemate"}"#);
    }

    proptest! {
        #[test]
        fn no_text_makes_a_move_panic(text in ".{0,8}") {
            let mut game = Game::default();
            let before = game.fen();
            if game.play(&text).is_err() {
                prop_assert_eq!(game.fen(), before);
            }
        }

        #[test]
        fn random_games_end_or_go_on_with_a_legal_move(choices in prop::collection::vec(any::<usize>(), 0..300)) {
            let mut game = Game::default();
            for choice in choices {
                let moves = game.legal_moves();
                if game.ended().is_some() {
                    break;
                }
                prop_assert!(!moves.is_empty());
                let turn = game.turn();
                game.play(&moves[choice % moves.len()]).unwrap();
                prop_assert_eq!(game.turn(), turn.other());
                prop_assert!(game.reachable_again.len() <= 101);
            }
        }
    }
}
