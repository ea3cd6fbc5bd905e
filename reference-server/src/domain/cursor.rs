//! Pages that stay where they are while newer items arrive: a cursor names the last item seen, not a count.

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::hex;

/// The place after one item of a newest-first list. Opaque to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor([u8; 16]);

/// A cursor that this server never gave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this cursor was not given out by this server: start again without a cursor")]
pub struct BadCursor;

const VERSION: u8 = 1;

impl Cursor {
    /// The place after the item with these sortable bytes.
    pub fn after(item: &[u8; 16]) -> Self {
        Self(*item)
    }

    /// The bytes of the item before this place.
    pub fn item(&self) -> &[u8; 16] {
        &self.0
    }

    /// Version, item and check byte in lower-case hexadecimal.
    pub fn encode(&self) -> String {
        let mut bytes = [VERSION; 18];
        bytes[1..17].copy_from_slice(&self.0);
        bytes[17] = check_byte(&self.0);
        hex::encode(&bytes)
    }

    /// The cursor of a text that [`Cursor::encode`] made.
    pub fn decode(text: &str) -> Result<Self, BadCursor> {
        let [VERSION, item @ .., check] = hex::decode::<18>(text).ok_or(BadCursor)? else {
            return Err(BadCursor);
        };
        if check == check_byte(&item) { Ok(Self(item)) } else { Err(BadCursor) }
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.encode())
    }
}

fn check_byte(item: &[u8; 16]) -> u8 {
    item.iter().fold(0x5a, |sum: u8, byte| sum.rotate_left(1) ^ byte)
}

/// Which page is wanted.
#[derive(Debug, Clone, Copy)]
pub struct PageRequest {
    /// Absent for the newest items.
    pub after: Option<Cursor>,
    /// Items at most.
    pub limit: usize,
}

/// One page of a newest-first list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The items, newest first.
    pub items: Vec<T>,
    /// Where the next page starts, absent at the end.
    #[schema(value_type = Option<String>)]
    pub next_cursor: Option<Cursor>,
}

impl<T> Page<T> {
    /// The page of a list that was asked for one item more than the limit.
    pub fn from_overfull(mut items: Vec<T>, limit: usize, key: impl Fn(&T) -> [u8; 16]) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = items.last().filter(|_| more).map(|last| Cursor::after(&key(last)));
        Self { items, next_cursor }
    }

    /// The same page of other items.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), next_cursor: self.next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn decoding_undoes_encoding(item: [u8; 16]) {
            let cursor = Cursor::after(&item);
            prop_assert_eq!(Cursor::decode(&cursor.encode()), Ok(cursor));
        }

        #[test]
        fn no_text_makes_decoding_panic(text in ".{0,40}") {
            let _ = Cursor::decode(&text);
        }

        #[test]
        fn one_changed_byte_is_noticed(item: [u8; 16], at in 0_usize..36) {
            let mut text = Cursor::after(&item).encode().into_bytes();
            text[at] = if text[at] == b'0' { b'1' } else { b'0' };
            prop_assert_eq!(Cursor::decode(std::str::from_utf8(&text).unwrap()), Err(BadCursor));
        }
    }

    #[test]
    fn only_a_full_page_has_a_successor() {
        let key = |n: &u8| [*n; 16];
        let full = Page::from_overfull(vec![3, 2, 1], 2, key);
        assert_eq!((full.items, full.next_cursor), (vec![3, 2], Some(Cursor::after(&[2; 16]))));
        let last = Page::from_overfull(vec![3, 2], 2, key);
        assert_eq!((last.items, last.next_cursor), (vec![3, 2], None));
    }
}
