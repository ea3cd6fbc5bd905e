//! The name that Mongoose gives the collection of a model: the model's in lower case and in the plural.
//!
//! Its rules are old and odd (`Matrix` becomes `matrixes`), and part of every database made with it.

/// Words without a plural.
const UNCOUNTABLE: [&str; 27] = [
    "advice",
    "cooperation",
    "deer",
    "digestion",
    "energy",
    "equipment",
    "excretion",
    "expertise",
    "fish",
    "health",
    "information",
    "justice",
    "labour",
    "machinery",
    "media",
    "money",
    "moose",
    "news",
    "paper",
    "pollution",
    "rain",
    "rice",
    "series",
    "sewage",
    "sheep",
    "species",
    "status",
];

/// An ending, how many of its letters go, and what comes instead; the first that fits holds.
type Rule = (&'static str, usize, &'static str);

const IRREGULAR: [Rule; 17] = [
    ("human", 0, "s"),
    ("man", 2, "en"),
    ("person", 4, "ople"),
    ("child", 0, "ren"),
    ("axis", 2, "es"),
    ("testis", 2, "es"),
    ("octopus", 2, "i"),
    ("virus", 2, "i"),
    ("alias", 0, "es"),
    ("status", 0, "es"),
    ("bus", 0, "es"),
    ("buffalo", 0, "es"),
    ("tomato", 0, "es"),
    ("potato", 0, "es"),
    ("tum", 2, "a"),
    ("ium", 2, "a"),
    ("sis", 2, "es"),
];
const WOLVES: [Rule; 2] = [("lf", 1, "ves"), ("rf", 1, "ves")];
const HISSING: [Rule; 4] = [("x", 0, "es"), ("ch", 0, "es"), ("ss", 0, "es"), ("sh", 0, "es")];
const MICE: [Rule; 4] = [("mouse", 4, "ice"), ("louse", 4, "ice"), ("|ouse", 4, "ice"), ("quiz", 0, "zes")];

/// The collection of a model of this name.
pub fn collection_of(model: &str) -> String {
    let word = model.to_lowercase();
    if UNCOUNTABLE.contains(&word.as_str()) { word } else { plural_of(word) }
}

fn plural_of(word: String) -> String {
    if word == "ox" {
        return "oxen".to_owned();
    }
    if let Some(plural) = by_ending(&word, &IRREGULAR) {
        return plural;
    }
    let before = |ending: &str| word.strip_suffix(ending).and_then(|stem| stem.chars().next_back());
    // knife: knives, but giraffe: giraffes.
    if before("fe").is_some_and(|letter| letter != 'f') {
        return replaced(&word, 2, "ves");
    }
    if let Some(plural) = by_ending(&word, &WOLVES) {
        return plural;
    }
    let is_vowel = |letter: char| "aeiouy".contains(letter);
    if before("y").is_some_and(|letter| !is_vowel(letter)) || word.ends_with("quy") {
        return replaced(&word, 1, "ies");
    }
    if let Some(plural) = by_ending(&word, &HISSING) {
        return plural;
    }
    // In the middle of a word only: at its end, `x` has been seen.
    if ["matrix", "vertix", "indix"].iter().any(|part| word.contains(part)) {
        return ["matr", "vert", "ind"]
            .iter()
            .fold(word, |word, stem| word.replace(&format!("{stem}ix"), &format!("{stem}ices")));
    }
    if let Some(plural) = by_ending(&word, &MICE) {
        return plural;
    }
    if word == "goose" {
        return "geese".to_owned();
    }
    let last = word.chars().next_back();
    match last {
        Some('s') => word,
        Some(letter) if !letter.is_ascii_lowercase() => word,
        _ => word + "s",
    }
}

fn by_ending(word: &str, rules: &[Rule]) -> Option<String> {
    let (_, goes, comes) = rules.iter().find(|(ending, _, _)| word.ends_with(ending))?;
    Some(replaced(word, *goes, comes))
}

fn replaced(word: &str, goes: usize, comes: &str) -> String {
    format!("{}{comes}", &word[..word.len() - goes])
}

#[cfg(test)]
mod tests {
    use super::collection_of;

    /// What Mongoose 8 itself answers.
    #[test]
    fn names_are_those_of_mongoose() {
        for (model, collection) in include_str!("../../../../tests/fixtures/mongoose/plurals.txt")
            .lines()
            .filter_map(|line| line.split_once(' '))
        {
            assert_eq!(collection_of(model), collection, "{model}");
        }
    }
}
