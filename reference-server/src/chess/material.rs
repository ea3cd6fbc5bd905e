//! Positions in which no sequence of legal moves can end in mate.

use cozy_chess::{BitBoard, Board, Piece};

/// King against king, with at most one knight between them, or with bishops that all stand on one colour.
pub fn is_insufficient(board: &Board) -> bool {
    let mating = board.pieces(Piece::Pawn) | board.pieces(Piece::Rook) | board.pieces(Piece::Queen);
    if !mating.is_empty() {
        return false;
    }
    let (knights, bishops) = (board.pieces(Piece::Knight), board.pieces(Piece::Bishop));
    if knights.is_empty() {
        return stand_on_one_colour(bishops);
    }
    knights.len() == 1 && bishops.is_empty()
}

fn stand_on_one_colour(bishops: BitBoard) -> bool {
    (bishops & BitBoard::DARK_SQUARES).is_empty() || (bishops & BitBoard::LIGHT_SQUARES).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insufficient(fen: &str) -> bool {
        is_insufficient(&fen.parse().unwrap())
    }

    #[test]
    fn bare_kings_one_minor_piece_and_bishops_of_one_colour_cannot_mate() {
        assert!(insufficient("8/8/4k3/8/8/4K3/8/8 w - - 0 1"));
        assert!(insufficient("8/8/4k3/8/8/4K3/8/6N1 w - - 0 1"));
        assert!(insufficient("8/8/4k3/8/8/4K3/8/5b2 w - - 0 1"));
        assert!(insufficient("8/8/4k3/8/8/B3K3/8/B1B1b3 w - - 0 1"));
    }

    #[test]
    fn everything_else_can() {
        assert!(!insufficient("8/8/4k3/8/8/4K3/4P3/8 w - - 0 1"));
        assert!(!insufficient("8/8/4k3/8/8/4K3/8/7R w - - 0 1"));
        assert!(!insufficient("8/8/4k3/8/8/4K3/8/7q w - - 0 1"));
        assert!(!insufficient("8/8/4k3/8/8/4K3/8/5NN1 w - - 0 1"));
        assert!(!insufficient("8/8/4k3/8/8/4K3/8/4BN2 w - - 0 1"));
        assert!(!insufficient("8/8/4k3/8/8/4K3/8/1B4b1 w - - 0 1"), "bishops of both colours");
    }
}
