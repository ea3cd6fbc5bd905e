//! The journal on disk: a line of JSON for each entry, on the disk before anything else is done.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::line::{Flaw, Line};
use crate::state::StateError;

/// What a file has.
#[derive(Debug, Default)]
pub struct Content {
    /// The entries, oldest first.
    pub lines: Vec<Line>,
    /// Lines that are no entries.
    pub flaws: Vec<Flaw>,
    /// Whether the last line was only begun: the machine stopped while it was written, before anything was changed.
    pub torn: bool,
    /// How many bytes the whole entries take.
    whole_bytes: u64,
}

/// Reads a journal; an empty one where there is no file.
pub fn read(path: &Path) -> Result<Content, StateError> {
    let mut text = Vec::new();
    match File::open(path).and_then(|mut file| file.read_to_end(&mut text)) {
        Ok(_) => Ok(parse(&text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Content::default()),
        Err(error) => Err(fault(path, "cannot be read", error)),
    }
}

fn parse(text: &[u8]) -> Content {
    let mut content = Content::default();
    for raw in text.split_inclusive(|byte| *byte == b'\n') {
        let number = content.lines.last().map_or(1, |line| line.number + 1);
        match serde_json::from_slice::<Line>(raw) {
            _ if !raw.ends_with(b"\n") => {
                content.torn = true;
                return content;
            }
            Ok(line) => content.lines.push(line),
            Err(_) => content.flaws.push(Flaw { number, what: "is no entry".to_owned() }),
        }
        content.whole_bytes += raw.len() as u64;
    }
    content
}

fn fault(path: &Path, what: &str, source: io::Error) -> StateError {
    StateError::File { what: format!("the journal {} {what}", path.display()), source }
}

/// A journal on disk, for adding to it.
#[derive(Debug)]
pub struct Appender {
    path: PathBuf,
    file: Option<File>,
}

impl Appender {
    /// Adds to the file at this path; it is made when the first entry comes.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), file: None }
    }

    /// The entry is on the disk when this returns.
    pub fn add(&mut self, line: &Line) -> Result<(), StateError> {
        self.try_add(line).map_err(|error| fault(&self.path, "cannot be written", error))
    }

    fn try_add(&mut self, line: &Line) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            vacant => vacant.insert(open(&self.path)?),
        };
        file.write_all(format!("{}\n", line.text()).as_bytes())?;
        file.sync_all()
    }

    /// Moves the file out of the way, under the name that is returned.
    pub fn set_aside(&mut self) -> Result<PathBuf, StateError> {
        self.file = None;
        let free = (1..).map(|number| self.path.with_extension(format!("{number}.jsonl")));
        let aside = free.into_iter().find(|path| !path.exists()).unwrap_or_else(|| self.path.clone());
        let moved = std::fs::rename(&self.path, &aside);
        moved.map_err(|error| fault(&self.path, "cannot be moved out of the way", error))?;
        Ok(aside)
    }
}

/// Opens it for adding; what is left of an entry that was only begun goes.
fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    file.set_len(parse(&text).whole_bytes)?;
    file.seek(SeekFrom::End(0))?;
    sync_folder(path)?;
    Ok(file)
}

/// A new file is there after a power cut only when its folder is on the disk too.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::super::line::tests::chain;
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn what_was_added_is_read_again() {
        let folder = folder();
        let path = folder.path().join("a/b/journal.jsonl");
        let mut appender = Appender::new(&path);
        let lines = chain(3);
        lines.iter().for_each(|line| appender.add(line).unwrap());
        assert_eq!(read(&path).unwrap().lines, lines);
        assert!(read(&folder.path().join("none")).unwrap().lines.is_empty());
    }

    #[test]
    fn an_entry_that_was_only_begun_is_recognised_and_goes_with_the_next() {
        let folder = folder();
        let path = folder.path().join("journal.jsonl");
        let lines = chain(3);
        let mut appender = Appender::new(&path);
        lines[..2].iter().for_each(|line| appender.add(line).unwrap());
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&whole[..], &lines[2].text().as_bytes()[..40]].concat()).unwrap();
        let content = read(&path).unwrap();
        assert!(content.torn && content.flaws.is_empty());
        assert_eq!(content.lines.len(), 2);
        Appender::new(&path).add(&lines[2]).unwrap();
        assert_eq!(read(&path).unwrap().lines, lines);
    }

    #[test]
    fn a_line_that_is_no_entry_is_a_flaw() {
        let folder = folder();
        let path = folder.path().join("journal.jsonl");
        Appender::new(&path).add(&chain(1)[0]).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{text}nonsense\n")).unwrap();
        let content = read(&path).unwrap();
        assert_eq!(content.flaws, [Flaw { number: 2, what: "is no entry".to_owned() }]);
    }
}
