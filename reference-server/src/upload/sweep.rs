//! Files that a crash left behind.

use std::ffi::OsStr;
use std::io;
use std::time::Duration;

use tokio::fs::{self, DirEntry};

use super::Files;
use super::incoming::UNFINISHED;
use crate::store::UploadStore;

/// Younger files may belong to a request that still runs, here or in another process.
const GRACE: Duration = Duration::from_secs(3_600);

/// Removes unfinished files, and those that no record names, once they are an hour old.
pub async fn sweep(files: &Files, store: &(impl UploadStore + ?Sized)) {
    match sweep_older(files, store, GRACE).await {
        Ok(0) => {}
        Ok(removed) => tracing::info!(removed, "removed files that a crash had left behind"),
        Err(failure) => tracing::warn!(%failure, "cannot look for files that a crash left behind"),
    }
}

async fn sweep_older(
    files: &Files,
    store: &(impl UploadStore + ?Sized),
    grace: Duration,
) -> io::Result<usize> {
    let mut entries = match fs::read_dir(files.folder()).await {
        Err(failure) if failure.kind() == io::ErrorKind::NotFound => return Ok(0),
        outcome => outcome?,
    };
    let mut removed = 0;
    while let Some(entry) = entries.next_entry().await? {
        if is_older(&entry, grace).await && is_orphan(&entry.file_name(), store).await {
            fs::remove_file(entry.path()).await?;
            removed += 1;
        }
    }
    Ok(removed)
}

async fn is_older(entry: &DirEntry, grace: Duration) -> bool {
    let Ok(metadata) = entry.metadata().await else { return false };
    let age = metadata.modified().ok().and_then(|changed| changed.elapsed().ok());
    metadata.is_file() && age.is_some_and(|age| age >= grace)
}

/// What is no name of ours is not ours to remove, and no answer is not "no".
async fn is_orphan(name: &OsStr, store: &(impl UploadStore + ?Sized)) -> bool {
    let Some(name) = name.to_str() else { return false };
    if name.starts_with(UNFINISHED) {
        return true;
    }
    let Ok(upload) = name.parse() else { return false };
    matches!(store.upload(upload).await, Ok(None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Durability};
    use crate::domain::{
        FileType, NewAccount, Person, Role, Sha256, Timestamp, Upload, UploadId, UploadStatus, UserId,
    };
    use crate::store::{AccountStore, SqliteStore};

    async fn recorded(store: &SqliteStore) -> UploadId {
        let (id, owner, created_at) = (UploadId::new(), UserId::new(), Timestamp::now());
        let person = Person { id: owner, username: "ada".into(), name: "Ada".into() };
        let (role, active, email, password_hash) = (Role::Citizen, true, None, None);
        let account = NewAccount { person, role, active, email, password_hash, created_at };
        store.create_account(account).await.unwrap();
        let (name, r#type, status) = ("a.png".into(), FileType::Png, UploadStatus::Pending);
        let upload =
            Upload { id, owner, name, r#type, bytes: 1, sha256: Sha256([0; 32]), status, created_at };
        assert!(store.add_upload(upload, 1).await.unwrap());
        id
    }

    #[tokio::test]
    async fn orphans_go_and_everything_else_stays() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::of(&Config { data: dir.path().to_owned(), ..Config::default() });
        let store = SqliteStore::open(&dir.path().join("s.db"), Durability::Process).unwrap();
        assert_eq!(sweep_older(&files, &store, Duration::ZERO).await.unwrap(), 0);
        std::fs::create_dir(files.folder()).unwrap();
        let kept = recorded(&store).await.to_string();
        let orphan = UploadId::new().to_string();
        for name in [kept.as_str(), orphan.as_str(), "incoming-x", "notes.txt"] {
            std::fs::write(files.folder().join(name), "x").unwrap();
        }
        assert_eq!(sweep_older(&files, &store, GRACE).await.unwrap(), 0);
        assert_eq!(sweep_older(&files, &store, Duration::ZERO).await.unwrap(), 2);
        let left = |name: &str| files.folder().join(name).exists();
        assert!(left(&kept) && left("notes.txt") && !left(&orphan) && !left("incoming-x"));
    }
}
