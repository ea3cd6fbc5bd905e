//! The stamp in a published message: which room, which publisher, which of its messages, when it was due.
//!
//! It is plain text of letters, digits and dots, so that it survives JSON, forms, columns of a database and servers that
//! forward only some fields; whoever receives it finds it by its beginning, wherever it is.

use std::fmt::{Display, Formatter, Result};

const BEGINNING: &str = "sclfan.";
const END: &str = ".z";

/// Where a message comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The room, see [`room_mark`].
    pub room: u32,
    /// The publisher.
    pub stream: u64,
    /// Which of its messages, from 1.
    pub number: u32,
    /// When it was due, in microseconds since 1970 on the publisher's clock.
    pub sent_micros: u64,
}

impl Stamp {
    /// The first stamp in `text`.
    pub fn find(text: &str) -> Option<Self> {
        text.match_indices(BEGINNING).find_map(|(at, _)| Self::read(&text[at + BEGINNING.len()..]))
    }

    fn read(text: &str) -> Option<Self> {
        let (body, _) = text.split_once(END)?;
        let mut parts = body.split('.');
        let hex = |part: Option<&str>| u64::from_str_radix(part?, 16).ok();
        let room = u32::try_from(hex(parts.next())?).ok()?;
        let stream = hex(parts.next())?;
        let number = parts.next()?.parse().ok().filter(|number| *number > 0)?;
        let sent_micros = parts.next()?.parse().ok()?;
        parts.next().is_none().then_some(Self { room, stream, number, sent_micros })
    }
}

impl Display for Stamp {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self { room, stream, number, sent_micros } = self;
        write!(f, "{BEGINNING}{room:08x}.{stream:016x}.{number}.{sent_micros}{END}")
    }
}

/// A room in a stamp: FNV-1a of its row and its name, the same in every process.
pub fn room_mark(row: usize, name: &str) -> u32 {
    let row = (row as u64).to_le_bytes();
    row.iter()
        .chain(name.as_bytes())
        .fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Stamp, room_mark};

    #[test]
    fn a_stamp_is_found_wherever_it_is() {
        let stamp = Stamp { room: 7, stream: u64::MAX, number: 12, sent_micros: 1_700_000_000_000_000 };
        let text = stamp.to_string();
        assert_eq!(text, "sclfan.00000007.ffffffffffffffff.12.1700000000000000.z");
        for around in [format!("{text}7.z"), format!(r#"["a",{{"text":"sclfan. {text}"}}]"#)] {
            assert_eq!(Stamp::find(&around), Some(stamp), "{around}");
        }
        for cut in ["", "sclfan.", &text[..text.len() - 1], "sclfan.1.2.0.4.z", "sclfan.1.2.3.4.5.z"] {
            assert_eq!(Stamp::find(cut), None, "{cut}");
        }
    }

    #[test]
    fn rooms_of_one_name_differ_between_rows() {
        assert_ne!(room_mark(1, "lobby"), room_mark(2, "lobby"));
        assert_eq!(room_mark(1, "lobby"), room_mark(1, "lobby"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            room in any::<u32>(), stream in any::<u64>(), number in 1u32.., sent_micros in any::<u64>(),
            before in ".{0,20}", after in ".{0,20}",
        ) {
            let stamp = Stamp { room, stream, number, sent_micros };
            prop_assert_eq!(Stamp::find(&format!("{before}{stamp}{after}")), Some(stamp));
        }
    }
}
