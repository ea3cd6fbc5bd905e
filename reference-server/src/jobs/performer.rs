//! Does what a job says, wherever it came from.

use std::io;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use tokio::io::AsyncReadExt;

use super::{Job, Mailer, Task};
use crate::domain::{Upload, UploadId, UploadStatus};
use crate::store::{Store, StoreError};
use crate::upload::Files;

/// Bytes of a file that are looked at together.
const CHUNK: usize = 64 * 1024;

/// Why a job was not done.
#[derive(Debug, thiserror::Error)]
pub enum JobFailure {
    /// The outbox does not take the mail.
    #[error("the mail could not be handed over: {0}")]
    Mail(io::Error),
    /// The file cannot be read.
    #[error("the file could not be read: {0}")]
    File(io::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A bug.
    #[error("the job panicked: this is a bug")]
    Panic,
}

/// What jobs need.
pub struct Performer {
    mailer: Mailer,
    files: Files,
    store: Arc<dyn Store>,
}

impl Performer {
    /// A performer with these tools.
    pub fn new(mailer: Mailer, files: Files, store: Arc<dyn Store>) -> Self {
        Self { mailer, files, store }
    }

    /// Performs a job.
    pub async fn perform(&self, job: &Job) -> Result<(), JobFailure> {
        match &job.task {
            Task::Email(email) => self.mailer.send(job.id, email).await.map_err(JobFailure::Mail),
            Task::Upload { upload } => self.process(*upload).await,
        }
    }

    /// A file that its owner has removed meanwhile needs nothing.
    async fn process(&self, id: UploadId) -> Result<(), JobFailure> {
        let Some(upload) = self.store.upload(id).await? else { return Ok(()) };
        let is_whole = self.is_whole(&upload).await.map_err(JobFailure::File)?;
        let status = if is_whole { UploadStatus::Processed } else { UploadStatus::Failed };
        self.store.mark_upload(id, status).await?;
        Ok(())
    }

    async fn is_whole(&self, upload: &Upload) -> io::Result<bool> {
        let mut file = self.files.open(upload.id).await?;
        let (mut digest, mut chunk) = (Context::new(&SHA256), vec![0; CHUNK]);
        loop {
            match file.read(&mut chunk).await? {
                0 => return Ok(digest.finish().as_ref() == upload.sha256.0),
                length => digest.update(&chunk[..length]),
            }
        }
    }
}
