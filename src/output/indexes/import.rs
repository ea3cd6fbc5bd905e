//! What an import has to say beside the specification.

use std::path::Path;

use crate::indexes::import::{ImportNote, ImportReport, NoteKind};

/// One line for each note.
pub fn notes(report: &ImportReport) -> Vec<String> {
    report.notes.iter().map(|note| format!("{}: {}", word(note), note.line())).collect()
}

fn word(note: &ImportNote) -> &'static str {
    match note.kind {
        NoteKind::NotFollowed => "not followed",
        NoteKind::LeftOut => "left out",
        NoteKind::Merged => "declared twice",
        NoteKind::Remark => "note",
    }
}

/// What was written where.
pub fn written(report: &ImportReport, file: &Path) -> String {
    let indexes = report.index_count();
    let collections = report.collections.iter().filter(|collection| !collection.indexes.is_empty()).count();
    let plural = |count: usize, one: &'static str, many: &'static str| if count == 1 { one } else { many };
    format!(
        "{}: {indexes} {} of {collections} {}",
        file.display(),
        plural(indexes, "index", "indexes"),
        plural(collections, "collection", "collections")
    )
}
