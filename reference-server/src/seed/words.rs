//! Names and sentences out of short lists: plausible at a glance, and they compress like text.

use super::chance::Chance;

const GIVEN: &[&str] = &[
    "Ada", "Amir", "Ana", "Bela", "Chen", "Dara", "Elif", "Emeka", "Farah", "Grace", "Hugo", "Ines", "Ivo",
    "Jonas", "Kavya", "Kofi", "Lena", "Liam", "Maja", "Mara", "Mei", "Nadia", "Noor", "Olga", "Omar",
    "Pablo", "Priya", "Quinn", "Rosa", "Sami", "Sofia", "Tariq", "Uma", "Viktor", "Wanjiru", "Yuki",
    "Zeynep", "Zoe",
];

const FAMILY: &[&str] = &[
    "Adeyemi", "Almeida", "Andersen", "Banerjee", "Costa", "Diallo", "Dubois", "Fischer", "Garcia", "Haddad",
    "Hansen", "Ivanova", "Jensen", "Kaya", "Kim", "Kowalski", "Lopez", "Mensah", "Moreau", "Mwangi",
    "Nakamura", "Novak", "Okafor", "Petrov", "Rahman", "Rossi", "Sato", "Silva", "Singh", "Tanaka", "Weber",
    "Yilmaz",
];

const OPENINGS: &[&str] = &[
    "Today I learned that",
    "Nobody told me that",
    "After ten years I still think that",
    "It turns out that",
    "Small reminder:",
    "Unpopular opinion:",
    "My coach keeps saying that",
    "I wrote down why",
    "Good news:",
    "Question for everybody here: is it true that",
    "Between two games I noticed that",
    "For the record,",
];

const SUBJECTS: &[&str] = &[
    "a quiet bishop",
    "the endgame",
    "a good opening book",
    "the clock",
    "a lost pawn",
    "one calm evening",
    "a long walk",
    "the local club",
    "a strong coffee",
    "an honest post-mortem",
    "the Sicilian",
    "rapid chess",
    "a patient opponent",
    "the last round",
    "a rook on the seventh rank",
    "a cup of tea",
];

const CLAIMS: &[&str] = &[
    "decides more games than talent",
    "is worth more than it looks",
    "comes back to you in the end",
    "teaches more than any lecture",
    "never gets old",
    "deserves a second look",
    "saved my tournament",
    "makes the whole week better",
    "is what beginners underrate",
    "wins when nothing else does",
    "needs more practice than I thought",
    "is the best part of the day",
];

const REPLIES: &[&str] = &[
    "So true.",
    "I would not go that far.",
    "Same here!",
    "Can you say more?",
    "Saved for later.",
    "Well put.",
    "This made my day.",
    "Source?",
    "We should talk about it at the club.",
    "Exactly my experience.",
    "Thanks for writing this down.",
    "Rematch tonight?",
];

const LINES: &[&str] = &[
    "Are you around this evening?",
    "I will be there at eight.",
    "Good game yesterday!",
    "Shall we analyse it?",
    "Let me check and come back to you.",
    "Perfect, thank you.",
    "Could we move it to Friday?",
    "On my way.",
    "That knight move was something.",
    "I sent you the code of the room.",
    "Haha, never again.",
    "Sounds good.",
];

/// A display name.
pub fn name(chance: &mut Chance) -> String {
    format!("{} {}", chance.pick(GIVEN), chance.pick(FAMILY))
}

/// What an account says about itself.
pub fn bio(chance: &mut Chance) -> String {
    format!("Believes that {} {}.", chance.pick(SUBJECTS), chance.pick(CLAIMS))
}

/// A post of one to three sentences.
pub fn post(chance: &mut Chance) -> String {
    let sentences = 1 + chance.below(3);
    let mut text = String::with_capacity(80 * sentences);
    for _ in 0..sentences {
        let parts = [chance.pick(OPENINGS), chance.pick(SUBJECTS), chance.pick(CLAIMS)];
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&parts.join(" "));
        text.push('.');
    }
    text
}

/// A comment.
pub fn comment(chance: &mut Chance) -> String {
    chance.pick(REPLIES).to_owned()
}

/// A message.
pub fn message(chance: &mut Chance) -> String {
    chance.pick(LINES).to_owned()
}
