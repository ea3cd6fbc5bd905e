//! Names, addresses and sentences for test data. The addresses are of `example.org`, where no mail arrives.

use rand::RngExt;

use super::chance::SplitMix;

const FIRST_NAMES: [&str; 24] = [
    "Ada", "Alan", "Amina", "Barbara", "Carlos", "Chiara", "Daniel", "Edith", "Fatima", "Grace", "Hiro",
    "Ines", "Jonas", "Katya", "Leila", "Mateo", "Nadia", "Omar", "Priya", "Rosa", "Samuel", "Tomas", "Wei",
    "Yuki",
];
const LAST_NAMES: [&str; 24] = [
    "Anderson",
    "Becker",
    "Castillo",
    "Dubois",
    "Eriksson",
    "Fischer",
    "Garcia",
    "Haddad",
    "Ivanova",
    "Jensen",
    "Kowalski",
    "Lindqvist",
    "Moreau",
    "Nakamura",
    "Okafor",
    "Patel",
    "Quinn",
    "Rossi",
    "Silva",
    "Tanaka",
    "Ueda",
    "Vargas",
    "Weber",
    "Zhang",
];
const WORDS: [&str; 32] = [
    "the", "board", "opens", "after", "a", "quiet", "move", "and", "every", "piece", "finds", "its",
    "square", "while", "clock", "runs", "on", "nobody", "knows", "how", "long", "game", "will", "last",
    "until", "one", "side", "resigns", "or", "time", "is", "over",
];
const WORDS_OF_A_SENTENCE: std::ops::RangeInclusive<usize> = 6..=14;
const MOST_WORDS: usize = 1_000;

fn any<'w>(words: &[&'w str], chance: &mut SplitMix) -> &'w str {
    words[chance.random_range(0..words.len())]
}

/// A given name.
pub fn first_name(chance: &mut SplitMix) -> String {
    any(&FIRST_NAMES, chance).to_owned()
}

/// A family name.
pub fn last_name(chance: &mut SplitMix) -> String {
    any(&LAST_NAMES, chance).to_owned()
}

/// A whole name.
pub fn name(chance: &mut SplitMix) -> String {
    format!("{} {}", any(&FIRST_NAMES, chance), any(&LAST_NAMES, chance))
}

/// A name to log in with; 2^40 of each stem, so that two users hardly ever meet.
pub fn username(chance: &mut SplitMix) -> String {
    let number: u64 = chance.random_range(0..1 << 40);
    format!("{}_{number:010x}", any(&FIRST_NAMES, chance).to_lowercase())
}

/// An address at `example.org`.
pub fn email(chance: &mut SplitMix) -> String {
    format!("{}@example.org", username(chance))
}

/// A sentence of so many words, or of a usual length.
pub fn sentence(chance: &mut SplitMix, words: Option<usize>) -> String {
    let count = words.unwrap_or_else(|| chance.random_range(WORDS_OF_A_SENTENCE)).clamp(1, MOST_WORDS);
    let words: Vec<&str> = (0..count).map(|_| any(&WORDS, chance)).collect();
    let text = words.join(" ");
    let (first, rest) = text.split_at(1);
    format!("{}{rest}.", first.to_uppercase())
}
