//! Where files are.

use std::io;
use std::path::{Path, PathBuf};

use tokio::fs;

use crate::config::Config;
use crate::domain::UploadId;

/// The folder of the files.
#[derive(Debug, Clone)]
pub struct Files {
    folder: PathBuf,
}

impl Files {
    /// The folder of a server. It is made when the first file comes.
    pub fn of(config: &Config) -> Self {
        Self { folder: config.data.join("uploads") }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a file is, if there is one.
    pub fn path(&self, upload: UploadId) -> PathBuf {
        self.folder.join(upload.to_string())
    }

    /// Opens a file for reading.
    pub async fn open(&self, upload: UploadId) -> io::Result<fs::File> {
        fs::File::open(self.path(upload)).await
    }

    /// Removes a file. One that is not there is as good as removed.
    pub async fn remove(&self, upload: UploadId) -> io::Result<()> {
        match fs::remove_file(self.path(upload)).await {
            Err(failure) if failure.kind() == io::ErrorKind::NotFound => Ok(()),
            outcome => outcome,
        }
    }
}
