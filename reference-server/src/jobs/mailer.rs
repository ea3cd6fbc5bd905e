//! The mail provider: an outbox folder, one file for each mail. It takes as long as the settings say, because
//! what a queue buys is the time of the provider.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use tempfile::NamedTempFile;
use uuid::Uuid;

use super::Email;

/// Writes mails.
#[derive(Debug, Clone)]
pub struct Mailer {
    outbox: PathBuf,
    latency: Duration,
}

#[derive(Serialize)]
struct Mail<'a> {
    id: Uuid,
    #[serde(flatten)]
    email: &'a Email,
}

impl Mailer {
    /// A mailer with this outbox.
    pub fn new(outbox: PathBuf, latency: Duration) -> Self {
        Self { outbox, latency }
    }

    /// Sends a mail. The same id twice is one mail.
    pub async fn send(&self, id: Uuid, email: &Email) -> io::Result<()> {
        tokio::time::sleep(self.latency).await;
        let (outbox, file) = (self.outbox.clone(), self.outbox.join(format!("{id}.json")));
        let mail = serde_json::to_vec(&Mail { id, email })?;
        tokio::task::spawn_blocking(move || write(&outbox, &file, &mail)).await.map_err(io::Error::other)?
    }
}

/// Whole or not at all: another process may read the outbox.
fn write(outbox: &Path, file: &Path, mail: &[u8]) -> io::Result<()> {
    std::fs::create_dir_all(outbox)?;
    let mut draft = NamedTempFile::new_in(outbox)?;
    io::Write::write_all(&mut draft, mail)?;
    draft.as_file().sync_all()?;
    draft.persist(file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_same_mail_twice_is_one_file() {
        let dir = tempfile::tempdir().unwrap();
        let mailer = Mailer::new(dir.path().join("outbox"), Duration::ZERO);
        let email = Email { to: "ada@example.com".into(), subject: "Hi".into(), text: "Hello".into() };
        let id = Uuid::now_v7();
        mailer.send(id, &email).await.unwrap();
        mailer.send(id, &email).await.unwrap();
        let files: Vec<_> = std::fs::read_dir(dir.path().join("outbox")).unwrap().flatten().collect();
        assert_eq!(files.len(), 1);
        let mail: serde_json::Value =
            serde_json::from_slice(&std::fs::read(files[0].path()).unwrap()).unwrap();
        assert_eq!(
            (mail["to"].as_str(), mail["id"].as_str()),
            (Some("ada@example.com"), Some(&*id.to_string()))
        );
    }
}
