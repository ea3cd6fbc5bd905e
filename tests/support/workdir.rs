//! A folder per process: where it runs, keeps its data and writes its log.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use tempfile::TempDir;

/// A temporary folder that outlives a failing test, so that the logs in it can be read.
#[derive(Debug)]
pub struct WorkDir {
    name: String,
    folder: Option<TempDir>,
}

impl WorkDir {
    /// A new, empty folder; `name` says whose it is.
    pub fn new(name: &str) -> Self {
        let folder = tempfile::Builder::new().prefix(&format!("scalectl-test-{name}-")).tempdir();
        Self { name: name.to_owned(), folder: Some(folder.expect("a temporary folder can be made")) }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        self.folder.as_ref().expect("the folder is there until drop").path()
    }

    /// The path of `name` inside the folder.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file into the folder, with the folders above it, and returns its path.
    pub fn write(&self, name: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        let parent = path.parent().expect("a file inside the folder has a parent");
        fs::create_dir_all(parent).expect("the folders of the file can be made");
        fs::write(&path, contents).expect("the file can be written");
        path
    }
}

impl Drop for WorkDir {
    fn drop(&mut self) {
        let Some(folder) = self.folder.take() else { return };
        if thread::panicking() {
            eprintln!("{}: data and log are kept in {}", self.name, folder.keep().display());
        }
    }
}
