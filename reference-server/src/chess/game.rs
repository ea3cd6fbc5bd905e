//! One game by the rules of chess: moves in UCI notation, and every way in which a game ends.

use cozy_chess::util::{display_uci_move, parse_uci_move};
use cozy_chess::{Board, Color, GameStatus, Move, Piece, Rank, Square, get_pawn_attacks};

use super::material::is_insufficient;
use super::outcome::{DrawReason, EndReason, Ended, GameResult, Side, Status};
use super::uci::Uci;

/// No game is longer: each side has 50 moves between any two of the at most 118 captures and pawn moves that
/// the rules allow, less those that change the side that makes them (5,898.5 moves in all).
pub const MOST_PLIES: usize = 11_797;

/// A move that the rules do not allow here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this move is not legal here: moves are written like e2e4, e1g1 (castling) or e7e8q (promotion)")]
pub struct IllegalMove;

/// A game, from the first move to its end.
#[derive(Debug, Clone)]
pub struct Game {
    board: Board,
    moves: Vec<Uci>,
    /// Keys of the positions since the last capture or pawn move, the present one last: only these can repeat.
    reachable_again: Vec<u64>,
    ended: Option<Ended>,
}

impl Default for Game {
    fn default() -> Self {
        Self::from_board(Board::default())
    }
}

impl Game {
    fn from_board(board: Board) -> Self {
        let reachable_again = vec![position_key(&board)];
        Self { board, moves: Vec::new(), reachable_again, ended: None }
    }

    /// The game of these moves. Refuses one that is not legal, or comes after the end.
    pub fn replay(moves: &[Uci]) -> Result<Self, IllegalMove> {
        let mut game = Self::default();
        for uci in moves {
            if game.ended.is_some() {
                return Err(IllegalMove);
            }
            game.play(uci.as_str())?;
        }
        Ok(game)
    }

    /// Plays a move of the side whose turn it is. The caller checks whose turn it is, and that the game goes on.
    pub fn play(&mut self, uci: &str) -> Result<(), IllegalMove> {
        let chosen = self.parse(uci)?;
        let written = Uci::try_from(display_uci_move(&self.board, chosen).to_string().as_str());
        self.moves.push(written.map_err(|_| IllegalMove)?);
        self.board.play_unchecked(chosen);
        if self.board.halfmove_clock() == 0 {
            self.reachable_again.clear();
        }
        self.reachable_again.push(position_key(&self.board));
        self.ended = self.compute_end();
        Ok(())
    }

    /// A side gives up.
    pub fn resign(&mut self, loser: Side) {
        self.end(Ended { result: GameResult::win_of(loser.other()), reason: EndReason::Resignation });
    }

    /// Both sides want a draw.
    pub fn agree(&mut self) {
        self.end(Ended { result: GameResult::Draw, reason: EndReason::Agreement });
    }

    /// The time of the side to move is up. Whoever has nothing but a king cannot win by that.
    pub fn time_out(&mut self) {
        let opponent = !self.board.side_to_move();
        let can_win = self.board.colors(opponent).len() > 1;
        let result = if can_win { GameResult::win_of(self.turn().other()) } else { GameResult::Draw };
        self.end(Ended { result, reason: EndReason::Timeout });
    }

    /// Ends a game that goes on.
    pub fn end(&mut self, ended: Ended) {
        self.ended.get_or_insert(ended);
    }

    /// Whose turn it is.
    pub fn turn(&self) -> Side {
        match self.board.side_to_move() {
            Color::White => Side::White,
            Color::Black => Side::Black,
        }
    }

    /// Moves made so far, in UCI notation.
    pub fn moves(&self) -> &[Uci] {
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
        self.ended.into()
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
                let result = GameResult::win_of(self.turn().other());
                Some(Ended { result, reason: EndReason::Checkmate })
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
        let present = self.reachable_again.last();
        self.reachable_again.iter().filter(|earlier| Some(*earlier) == present).count() >= 3
    }
}

/// The same for the same position with the same rights, and only then: a right to capture in passing counts
/// when some pawn can use it.
fn position_key(board: &Board) -> u64 {
    if can_capture_in_passing(board) { board.hash() } else { board.hash_without_ep() }
}

fn can_capture_in_passing(board: &Board) -> bool {
    let mover = board.side_to_move();
    let Some(file) = board.en_passant() else { return false };
    let to = Square::new(file, Rank::Sixth.relative_to(mover));
    let pawns = get_pawn_attacks(to, !mover) & board.colored_pieces(mover, Piece::Pawn);
    pawns.into_iter().any(|from| board.is_legal(Move { from, to, promotion: None }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Game {
        fn from_fen(fen: &str) -> Self {
            Self::from_board(fen.parse().unwrap())
        }

        pub fn legal_moves(&self) -> Vec<String> {
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
        assert_eq!(game.moves().last().map(Uci::as_str), Some("e1g1"));
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
    fn a_bare_king_does_not_win_on_time() {
        let mut game = Game::from_fen("4k3/8/8/8/8/8/8/R3K3 w - - 0 1");
        game.time_out();
        assert_eq!(game.ended(), Some(Ended { result: GameResult::Draw, reason: EndReason::Timeout }));
        let mut game = Game::from_fen("4k3/8/8/8/8/8/8/R3K3 b - - 0 1");
        game.time_out();
        assert_eq!(game.ended().unwrap().result, GameResult::White);
    }

    #[test]
    fn the_first_end_counts() {
        let mut game = Game::default();
        game.agree();
        game.resign(Side::White);
        assert_eq!(game.ended().unwrap().reason, EndReason::Agreement);
    }

    #[test]
    fn a_right_to_capture_in_passing_counts_while_it_can_be_used() {
        let key = |fen: &str| position_key(&fen.parse().unwrap());
        let usable = "4k3/8/8/8/3pP3/8/8/4K3 b - e3 0 1";
        assert_ne!(key(usable), key("4k3/8/8/8/3pP3/8/8/4K3 b - - 0 1"));
        let pinned = "8/8/8/8/k2pP2R/8/8/4K3 b - e3 0 1";
        assert_eq!(key(pinned), key("8/8/8/8/k2pP2R/8/8/4K3 b - - 0 1"), "the capture would open the rank");
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
        fn keys_agree_with_the_librarys_comparison(choices in prop::collection::vec(any::<usize>(), 0..120)) {
            let (mut game, mut seen) = (Game::default(), Vec::<Board>::new());
            for choice in choices {
                let moves = game.legal_moves();
                if game.ended().is_some() {
                    break;
                }
                game.play(&moves[choice % moves.len()]).unwrap();
                for earlier in &seen {
                    let same = earlier.same_position(&game.board);
                    prop_assert_eq!(position_key(earlier) == position_key(&game.board), same);
                }
                seen.push(game.board.clone());
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
