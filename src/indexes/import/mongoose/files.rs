//! Finds and reads the source files.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::config::Mistakes;

/// The endings of source files.
pub const EXTENSIONS: [&str; 6] = ["js", "mjs", "cjs", "ts", "mts", "cts"];
/// Larger files hold no models.
pub const MAX_BYTES: u64 = 256 << 10;
/// More files than this are a whole disk, not a folder of models.
const MAX_FILES: usize = 10_000;
/// Folders inside one another.
const MAX_DEPTH: usize = 32;

/// A source file that was read.
#[derive(Debug)]
pub struct Source {
    /// Its path.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

/// What was found below some paths.
#[derive(Debug, Default)]
pub struct Found {
    /// The files, by path.
    pub sources: Vec<Source>,
    /// Files that were left out, and why.
    pub left_out: Vec<(String, String)>,
}

/// Reads the files, and those in the folders. A file that is named must be readable; one in a folder may be
/// left out, and is told.
pub fn read(paths: &[PathBuf]) -> Result<Found, Mistakes> {
    let mut found = Vec::new();
    let mut left_out = Vec::new();
    for path in paths {
        let is_folder = match std::fs::metadata(path) {
            Ok(metadata) => metadata.is_dir(),
            Err(error) => return Err(unreadable(path, &error.to_string())),
        };
        match is_folder {
            true => walk(path, 0, &mut found, &mut left_out)?,
            false => found.push((path.clone(), true)),
        }
    }
    found.sort();
    found.dedup_by(|a, b| a.0 == b.0);
    let mut sources = Vec::with_capacity(found.len());
    for (path, is_named) in found {
        match text_of(&path) {
            Ok(text) => sources.push(Source { path, text }),
            Err(reason) if is_named => return Err(unreadable(&path, &reason)),
            Err(reason) => left_out.push((path.display().to_string(), reason)),
        }
    }
    Ok(Found { sources, left_out })
}

/// Links are not followed: a loop of them has no end.
fn walk(
    folder: &Path,
    depth: usize,
    found: &mut Vec<(PathBuf, bool)>,
    left_out: &mut Vec<(String, String)>,
) -> Result<(), Mistakes> {
    let refused = |error: std::io::Error| unreadable(folder, &error.to_string());
    if depth > MAX_DEPTH {
        left_out.push((folder.display().to_string(), "the folder lies too deep".to_owned()));
        return Ok(());
    }
    for entry in std::fs::read_dir(folder).map_err(refused)? {
        let entry = entry.map_err(refused)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(refused)?);
        let name = entry.file_name();
        let is_hidden = name.as_encoded_bytes().starts_with(b".");
        if kind.is_dir() && name != "node_modules" && !is_hidden {
            walk(&path, depth + 1, found, left_out)?;
        } else if kind.is_symlink() && (path.is_dir() || is_source(&path)) {
            left_out.push((path.display().to_string(), "it is a link; name what it leads to".to_owned()));
        } else if kind.is_file() && is_source(&path) {
            found.push((path, false));
        }
        if found.len() > MAX_FILES {
            let reason = format!("more than {MAX_FILES} source files; name the folder with the models");
            return Err(Mistakes::unplaced(&folder.display().to_string(), reason));
        }
    }
    Ok(())
}

fn is_source(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_declaration = [".d.ts", ".d.mts", ".d.cts"].iter().any(|ending| name.ends_with(ending));
    let extension = path.extension().and_then(|extension| extension.to_str());
    !is_declaration && extension.is_some_and(|extension| EXTENSIONS.contains(&extension))
}

fn text_of(path: &Path) -> Result<String, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut text = String::new();
    // Devices and pipes do not know their length: read no further than one byte too many.
    let read = file.take(MAX_BYTES + 1).read_to_string(&mut text);
    match read.map_err(|error| error.to_string())? as u64 > MAX_BYTES {
        true => Err(format!("more than the {} KiB that a file of models may have", MAX_BYTES >> 10)),
        false => Ok(text),
    }
}

fn unreadable(path: &Path, reason: &str) -> Mistakes {
    Mistakes::unplaced(&path.display().to_string(), format!("cannot be read: {reason}"))
}
