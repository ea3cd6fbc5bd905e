//! Reads the indexes that Mongoose's models declare, from JavaScript and TypeScript sources.
//!
//! Nothing is run: what only running the code would tell is noted with its place, never passed over.

mod collect;
mod convert;
mod duration;
mod field;
mod files;
mod models;
mod modules;
mod parse;
mod paths;
mod plural;
mod reader;
mod resolve;
mod schema;
mod shapes;
mod syntax;
#[cfg(test)]
mod tests;
mod value;

use std::path::PathBuf;

use self::files::Source;
use self::reader::Reader;
use self::resolve::Project;
use super::{ImportNote, ImportReport, NoteKind};
use crate::config::Mistakes;

/// Why sources could not be read: every file with what is wrong in it.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct SourceError(pub Vec<Mistakes>);

/// Reads the models in files and folders.
pub fn read(paths: &[PathBuf], database: &str) -> Result<ImportReport, SourceError> {
    let found = files::read(paths).map_err(|mistakes| SourceError(vec![mistakes]))?;
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let mut report = read_sources(found.sources, database)?;
    report.source = names.join(", ");
    let left_out = found.left_out.into_iter().map(|(file, reason)| {
        ImportNote::unplaced(NoteKind::NotFollowed, format!("{file}: left out: {reason}"))
    });
    report.notes.extend(left_out);
    if report.collections.is_empty() {
        report.notes.push(ImportNote::unplaced(NoteKind::Remark, "no model of Mongoose was found"));
    }
    Ok(report)
}

/// Reads one source; `path` tells its language.
pub fn read_text(path: &str, text: &str) -> Result<ImportReport, SourceError> {
    read_sources(vec![Source { path: PathBuf::from(path), text: text.to_owned() }], "app")
}

/// Reads sources on a thread whose stack no source can exhaust.
fn read_sources(sources: Vec<Source>, database: &str) -> Result<ImportReport, SourceError> {
    let longest = sources.iter().map(|source| source.text.len()).max().unwrap_or_default();
    let unstarted = |error: std::io::Error| {
        SourceError(vec![Mistakes::unplaced("sources", format!("cannot be read: no thread: {error}"))])
    };
    let work = move || read_here(sources);
    let thread =
        std::thread::Builder::new().name("mongoose".to_owned()).stack_size(parse::stack_for(longest));
    let mut report =
        std::thread::scope(|scope| match thread.spawn_scoped(scope, work).map_err(unstarted)?.join() {
            Ok(read) => read,
            Err(panic) => std::panic::resume_unwind(panic),
        })?;
    database.clone_into(&mut report.database);
    Ok(report)
}

fn read_here(sources: Vec<Source>) -> Result<ImportReport, SourceError> {
    let (mut modules, mut mistakes) = (Vec::new(), Vec::new());
    for Source { path, text } in sources {
        match parse::parse(&path.display().to_string(), &path, text) {
            Ok(module) => modules.push((path, module)),
            Err(found) => mistakes.push(found),
        }
    }
    if !mistakes.is_empty() {
        return Err(SourceError(mistakes));
    }
    let project = Project::new(modules);
    let mut reader = Reader::new(&project);
    let collections = models::collections(&mut reader);
    let (source, database) = (String::new(), String::new());
    Ok(ImportReport { source, database, collections, notes: reader.into_notes() })
}
