//! Whatever is thrown at the readers comes to an end, and what is written is read back.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{ImportReport, ImportedCollection, ImportedIndex, render};
use crate::config::Document;
use crate::indexes::index::{Index, Key, Kind, Options, default_name};
use crate::indexes::spec::Spec;

/// A sound specification, to be spoiled.
const SOUND: &str = include_str!("../../../indexes/social-chess.yaml");

/// Sound models, to be spoiled.
const MODELS: [&str; 4] = [
    include_str!("../../../tests/fixtures/mongoose/social/user.js"),
    include_str!("../../../tests/fixtures/mongoose/social/post.js"),
    include_str!("../../../tests/fixtures/mongoose/legal/User.ts"),
    include_str!("../../../tests/fixtures/mongoose/legal/Chat.ts"),
];

fn parse(text: &str) -> Result<Spec, String> {
    let document = Document::parse("spec.yaml", text.to_owned()).map_err(|mistakes| mistakes.to_string())?;
    Spec::from_document(&document).map_err(|mistakes| mistakes.to_string())
}

/// Fails unless the text is read, or refused with the place of a mistake.
fn holds(text: &str) -> Result<(), TestCaseError> {
    if let Err(message) = parse(text) {
        let has_place = message.lines().any(|line| line.trim_start().starts_with("--> spec.yaml:"));
        prop_assert!(has_place, "no place: {message}\n{text}");
    }
    Ok(())
}

/// Words of specifications, and YAML's own signs.
fn token() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "databases:",
        "app:",
        "collections:",
        "users:",
        "indexes:",
        "- keys:",
        "{a: 1}",
        "unique:",
        "true",
        "false",
        "expireAfterSeconds:",
        "60",
        "-1",
        "1e400",
        "queries:",
        "- name:",
        "find:",
        "filter:",
        "{$sample: a}",
        "&a",
        "*a",
        "<<: *a",
        "!!binary",
        "|",
        ">",
        "? ",
        ": ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "'",
        "\"",
        "#",
        "---",
        "...",
        "\n",
        "\n  ",
        "\n    ",
        "\n      ",
        "\n        ",
        "\t",
        "\u{0}",
        "é",
        "\u{feff}",
        "text",
        "2dsphere",
        "~",
        "weights:",
        "collation:",
        "{locale: en}",
        "partialFilterExpression:",
        "soak:",
        "1h",
        "commitQuorum:",
        "null",
    ])
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z_][a-zA-Z0-9_]{0,8}", "(true|no|null|on|y|2d|1|1.5|0x1F|1e3|-|~)", "[^$.\u{0}]{1,6}"]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        (-1e9..1e9_f64).prop_map(|number| json!(number)),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((name(), inner), 1..3)
                .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

prop_compose! {
    fn index()(
        keys in prop::collection::btree_map(name(), any::<bool>(), 1..4),
        named in prop::option::of("[^\u{0}*]{1,12}"),
        filter in prop::option::of(prop::collection::vec((name(), value()), 1..3)),
        unique in any::<bool>(),
    ) -> Index {
        let kind = |up| if up { Kind::Ascending } else { Kind::Descending };
        let keys: Vec<Key> = keys.into_iter().map(|(field, up)| Key::new(field, kind(up))).collect();
        let filter = filter.map(|entries| {
            let object: Map<String, Value> = entries.into_iter().collect();
            bson::Bson::try_from(Value::Object(object)).unwrap().as_document().unwrap().clone()
        });
        let options = Options { unique, partial_filter_expression: filter, ..Options::default() };
        Index { name: named.unwrap_or_else(|| default_name(&keys)), keys, options }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused_with_a_place(text in "\\PC{0,200}") {
        holds(&text)?;
    }

    #[test]
    fn any_words_are_read_or_refused_with_a_place(tokens in prop::collection::vec(token(), 0..60)) {
        holds(&tokens.join(" "))?;
        holds(&tokens.concat())?;
    }

    #[test]
    fn a_spoiled_specification_is_read_or_refused_with_a_place(
        at in 0..SOUND.len(), length in 0..40_usize, put in prop::option::of(token()),
    ) {
        let end = (at + length).min(SOUND.len());
        let (Some(before), Some(after)) = (SOUND.get(..at), SOUND.get(end..)) else { return Ok(()) };
        holds(&format!("{before}{}{after}", put.unwrap_or_default()))?;
    }

    #[test]
    fn what_is_written_is_read_back(indexes in prop::collection::vec(index(), 1..4), collection in "[^$\u{0}]{1,10}") {
        let indexes = indexes.into_iter().map(|index| {
            let named = index.name != default_name(&index.keys);
            ImportedIndex::new(index, named, None)
        });
        let collection = ImportedCollection {
            name: collection, clustered: true, indexes: indexes.collect(), ..ImportedCollection::default()
        };
        let (source, database) = ("a\nb".to_owned(), "app".to_owned());
        let mut report = ImportReport { source, database, collections: vec![collection], notes: Vec::new() };
        // Names such as `system.x` are refused, and nothing is written then.
        let Ok(text) = render::specification(&mut report) else { return Ok(()) };
        let spec = parse(&text).map_err(TestCaseError::fail)?;
        let read = &spec.databases[0].collections[0];
        prop_assert_eq!(&read.name, &report.collections[0].name);
        prop_assert_eq!(read.indexes.len(), report.collections[0].indexes.len());
        for (read, written) in read.indexes.iter().zip(&report.collections[0].indexes) {
            prop_assert_eq!(&read.index.name, &written.name);
            prop_assert!(read.index.is_same_as(&written.index), "{:?}\n{}", read.index, text);
        }
    }

    #[test]
    fn a_spoiled_source_is_read_or_refused(
        number in 0..MODELS.len(), at in any::<prop::sample::Index>(), length in 0..30_usize, put in prop::option::of(js_token()),
    ) {
        let model = MODELS[number];
        let at = at.index(model.len());
        let end = (at + length).min(model.len());
        let (Some(before), Some(after)) = (model.get(..at), model.get(end..)) else { return Ok(()) };
        let text = format!("{before}{}{after}", put.unwrap_or_default());
        if let Ok(mut report) = super::mongoose::read_text("a.ts", &text) {
            let text = render::specification(&mut report).map_err(|mistakes| TestCaseError::fail(mistakes.to_string()))?;
            prop_assert!(parse(&text).is_ok(), "{}", text);
        }
    }

    #[test]
    fn any_source_is_read_or_refused(tokens in prop::collection::vec(js_token(), 0..40)) {
        let _ = super::mongoose::read_text("a.ts", &tokens.join(" "));
        let _ = super::mongoose::read_text("a.js", &tokens.concat());
    }
}

fn js_token() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "const",
        "s",
        "=",
        "new",
        "Schema",
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "a",
        "index",
        "1",
        "-1",
        "'text'",
        "type",
        "String",
        ".index(",
        "model(",
        "'A'",
        "...",
        "require('mongoose')",
        ";",
        "\n",
        "mongoose",
        ".",
        "=>",
        "import { Schema, model } from 'mongoose'\n",
        "{ a: { type: String, index: true } }",
        "unique: true",
        "`",
        "const s = new Schema({ a: s });",
        "model('A', s);",
        "s.index({ a: 1 }, { expires: '1h' });",
        "é",
        "?",
        "for",
    ])
}

#[test]
fn every_shipped_specification_is_sound() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/indexes");
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 4);
    for file in files {
        let spec = Spec::load(&file).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        for collection in spec.databases.iter().flat_map(|database| &database.collections) {
            assert!(!collection.queries.is_empty(), "{}: {} names no query", file.display(), collection.name);
        }
    }
}

#[test]
fn the_examples_of_the_documentation_are_sound() {
    let text = include_str!("../../../docs/index-specs.md");
    let blocks: Vec<&str> =
        text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 3);
    for block in blocks {
        let indented: String = block.lines().map(|line| format!("        {line}\n")).collect();
        let needed = if block.starts_with("queries") {
            "        indexes: [{keys: {postedBy: 1, _id: -1}}]\n"
        } else {
            ""
        };
        let whole = match block.starts_with("databases") {
            true => block.to_owned(),
            false => format!("databases:\n  app:\n    collections:\n      things:\n{needed}{indented}"),
        };
        parse(&whole).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    }
}
