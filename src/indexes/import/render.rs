//! Writes what was found as a specification that people read and change.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::{ImportNote, ImportReport, ImportedCollection, ImportedIndex, NoteKind, shown_name};
use crate::config::{Document, Mistakes};
use crate::indexes::spec::Spec;

/// Flow style goes up to this column.
const WIDTH: usize = 100;

/// The report as a specification. What the rules of specifications refuse is taken out of the report, and noted.
pub fn specification(report: &mut ImportReport) -> Result<String, Mistakes> {
    let text = render(report);
    if check(&text).is_ok() {
        return Ok(text);
    }
    take_out_refused(report);
    let text = render(report);
    check(&text).map(|()| text)
}

fn check(text: &str) -> Result<(), Mistakes> {
    Spec::from_document(&Document::parse("the specification", text.to_owned())?).map(drop)
}

/// Finds what is refused: a collection by its name, then each index beside those before it.
fn take_out_refused(report: &mut ImportReport) {
    let mut notes = Vec::new();
    let ImportReport { database, collections, .. } = report;
    for collection in collections.iter_mut() {
        for index in std::mem::take(&mut collection.indexes) {
            collection.indexes.push(index);
            if let Some(reason) = refusal(database, collection)
                && let Some(index) = collection.indexes.pop()
            {
                let message = format!("{}: {} is left out: {reason}", collection.name, index.shown());
                notes.push(ImportNote { place: index.place, kind: NoteKind::LeftOut, message });
            }
        }
    }
    report.notes.extend(notes);
}

/// Why a specification with nothing but this collection would be refused.
fn refusal(database: &str, collection: &ImportedCollection) -> Option<String> {
    let text = format!("databases:\n  {}:\n    collections:\n{}", scalar(database), rendered(collection));
    check(&text).err().map(|mistakes| mistakes.messages())
}

/// The report as YAML.
fn render(report: &ImportReport) -> String {
    let mut text = header(report);
    let with_content =
        |collection: &&ImportedCollection| !collection.indexes.is_empty() || collection.clustered;
    let collections: String = report.collections.iter().filter(with_content).map(rendered).collect();
    let _ = write!(text, "databases:\n  {}:\n    collections:", scalar(&report.database));
    match collections.is_empty() {
        true => text.push_str(" {}\n"),
        false => {
            text.push('\n');
            text.push_str(&collections);
        }
    }
    text
}

fn header(report: &ImportReport) -> String {
    let mut text = format!(
        "# Indexes of {}, as `scalectl migrate indexes import` found them.\n",
        comment(&report.source)
    );
    let missing: Vec<&ImportNote> = report.notes.iter().filter(|note| note.is_loss()).collect();
    if !missing.is_empty() {
        text.push_str("#\n# Not here, or perhaps missing:\n");
        for note in missing {
            let _ = writeln!(text, "#   {}", comment(&note.line()));
        }
    }
    text.push('\n');
    text
}

fn rendered(collection: &ImportedCollection) -> String {
    let ImportedCollection { name, models, clustered, indexes } = collection;
    let mut text = String::new();
    if !models.is_empty() {
        let _ = writeln!(text, "      # {}", comment(&models.join(", ")));
    }
    let _ = writeln!(text, "      {}:", scalar(name));
    if *clustered {
        text.push_str("        clustered: true\n");
    }
    match indexes.is_empty() {
        true => text.push_str("        indexes: []\n"),
        false => {
            text.push_str("        indexes:\n");
            indexes.iter().for_each(|index| rendered_index(index, &mut text));
        }
    }
    text
}

fn rendered_index(index: &ImportedIndex, text: &mut String) {
    let ImportedIndex { name, named, keys, options, .. } = index;
    rendered_field("          - ", "keys", &Value::Object(keys.clone()), text);
    if *named {
        rendered_field("            ", "name", &Value::String(name.clone()), text);
    }
    for (name, value) in options {
        rendered_field("            ", name, value, text);
    }
}

/// One key and its value: on one line where it fits, else one entry a line.
fn rendered_field(indent: &str, name: &str, value: &Value, text: &mut String) {
    let line = format!("{indent}{}: {}", scalar(name), flow(value));
    match value {
        Value::Object(entries) if line.chars().count() > WIDTH && !entries.is_empty() => {
            let _ = writeln!(text, "{indent}{}:", scalar(name));
            let deeper = format!("{}  ", " ".repeat(indent.len()));
            entries.iter().for_each(|(name, value)| rendered_field(&deeper, name, value, text));
        }
        _ => {
            text.push_str(&line);
            text.push('\n');
        }
    }
}

/// A value in one line.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => flow_entries(entries),
        plain => plain.to_string(),
    }
}

fn flow_entries(entries: &Map<String, Value>) -> String {
    let entries = entries.iter().map(|(name, value)| format!("{}: {}", scalar(name), flow(value)));
    format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
}

/// A text, in quotes where YAML would read something else without.
pub fn scalar(text: &str) -> String {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '$' | '.' | '-');
    let starts_well =
        text.starts_with(|first: char| first.is_ascii_alphabetic() || matches!(first, '_' | '$'));
    let lower = text.to_ascii_lowercase();
    let means_more = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&lower.as_str());
    let is_kind = ["2d", "2dsphere"].contains(&text);
    if is_kind || (starts_well && !means_more && text.chars().all(is_word)) {
        return text.to_owned();
    }
    // JSON's texts are YAML's, but for letters that YAML wants escaped.
    let quoted = shown_name(text);
    let is_odd = |letter: char| {
        matches!(letter, '\u{7f}'..='\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
    };
    let escaped = quoted.chars().map(|letter| match is_odd(letter) {
        true => format!("\\u{:04x}", letter as u32),
        false => letter.to_string(),
    });
    escaped.collect()
}

/// A text for a comment: one line, whatever is in it.
fn comment(text: &str) -> String {
    crate::text::one_line(text)
}
