//! How a room is written: the same in each home that is not this process's memory alone.

use serde::{Deserialize, Serialize};
use state_map::Codec;
use state_map::wire::call::Bytes;

use super::Kept;
use crate::chess::{Room, RoomRecord};

/// The value. The version comes first, where a script can find it without reading the rest.
#[derive(Serialize, Deserialize)]
pub struct Stored {
    version: u64,
    #[serde(flatten)]
    room: RoomRecord,
}

impl Stored {
    /// A room as this version.
    pub fn new(room: &Room, version: u64) -> Self {
        Self { version, room: room.record() }
    }

    /// The room of a value. One that breaks the rules is as good as none.
    pub fn read(json: &[u8]) -> Option<Kept> {
        parse(json)
            .inspect_err(|failure| tracing::error!(%failure, "what Redis has of a room is no room"))
            .ok()
    }
}

/// Rooms in a map that moves: what [`Stored`] writes.
pub struct RoomCodec;

impl Codec<Kept> for RoomCodec {
    fn encode(&self, kept: &Kept) -> Result<Bytes, String> {
        let written = serde_json::to_vec(&Stored::new(&kept.room, kept.version));
        written.map(Bytes::from).map_err(|failure| failure.to_string())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Kept, String> {
        parse(bytes)
    }
}

fn parse(json: &[u8]) -> Result<Kept, String> {
    let stored: Stored = serde_json::from_slice(json).map_err(|failure| failure.to_string())?;
    let room = Room::restore(stored.room).map_err(|failure| failure.to_string())?;
    Ok(Kept { room, version: stored.version, ahead: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chess::tests::occupant;
    use crate::chess::{RoomCode, TimeControl};
    use crate::domain::Timestamp;

    #[test]
    fn a_room_comes_back_as_it_was_and_is_always_written_alike() {
        let (white, now) = (occupant("ada"), Timestamp::now());
        let player = white.person.id;
        let mut room = Room::new(RoomCode::random(), white, TimeControl::new(60, 1).ok(), now);
        room.join(occupant("bob"), now).unwrap();
        room.play(player, "e2e4", now).unwrap();
        let kept = Kept { room, version: 7, ahead: 0 };
        let written = RoomCodec.encode(&kept).unwrap();
        assert!(written.starts_with(br#"{"version":7,"#));
        let read = RoomCodec.decode(&written).unwrap();
        assert_eq!((&read, RoomCodec.encode(&read)), (&kept, Ok(written)));
        assert!(RoomCodec.decode(b"{}").is_err() && Stored::read(b"[]").is_none());
    }
}
