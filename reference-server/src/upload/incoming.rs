//! A file that is on its way in.

use std::io;

use aws_lc_rs::digest::{Context, SHA256};
use tempfile::TempPath;
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt;

use super::Files;
use crate::domain::{FileType, Sha256, UploadId};

/// What the names of unfinished files begin with.
pub const UNFINISHED: &str = "incoming-";

/// Bytes that tell the type of a file.
const HEAD: usize = 512;

/// Why a file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It has more bytes than are allowed.
    #[error("the file is too large")]
    TooLarge,
    /// It has none.
    #[error("the file is empty")]
    Empty,
    /// Its content is of no type that is taken.
    #[error("the content is of no type that is taken")]
    UnknownType,
    /// The disk refuses.
    #[error(transparent)]
    Disk(#[from] io::Error),
}

/// What is known of a file once all of it is there.
#[derive(Debug)]
pub struct Received {
    /// What it is, by its content.
    pub r#type: FileType,
    /// How long it is.
    pub bytes: u64,
    /// The digest of its content.
    pub sha256: Sha256,
    temporary: TempPath,
}

/// A file that is being written. Dropped unfinished, it is removed.
pub struct Incoming {
    file: File,
    temporary: TempPath,
    most: u64,
    bytes: u64,
    head: Vec<u8>,
    digest: Context,
}

impl Incoming {
    /// A new file of at most so many bytes.
    pub async fn create(files: &Files, most: usize) -> io::Result<Self> {
        fs::create_dir_all(files.folder()).await?;
        let folder = files.folder().to_owned();
        let make = move || tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder);
        let (file, temporary) = tokio::task::spawn_blocking(make).await??.into_parts();
        Ok(Self {
            file: File::from_std(file),
            temporary,
            most: most as u64,
            bytes: 0,
            head: Vec::with_capacity(HEAD),
            digest: Context::new(&SHA256),
        })
    }

    /// Adds bytes at the end.
    pub async fn write(&mut self, chunk: &[u8]) -> Result<(), Refused> {
        self.bytes += chunk.len() as u64;
        if self.bytes > self.most {
            return Err(Refused::TooLarge);
        }
        let wanted = HEAD.saturating_sub(self.head.len()).min(chunk.len());
        self.head.extend_from_slice(&chunk[..wanted]);
        self.digest.update(chunk);
        Ok(self.file.write_all(chunk).await?)
    }

    /// Waits until all bytes are on the disk.
    pub async fn finish(mut self) -> Result<Received, Refused> {
        if self.bytes == 0 {
            return Err(Refused::Empty);
        }
        let r#type = type_of(&self.head).ok_or(Refused::UnknownType)?;
        self.file.flush().await?;
        self.file.sync_all().await?;
        let sha256 = digest(self.digest);
        Ok(Received { r#type, bytes: self.bytes, sha256, temporary: self.temporary })
    }
}

impl Received {
    /// Gives the file its lasting name.
    pub async fn keep(self, files: &Files, upload: UploadId) -> io::Result<()> {
        let (path, folder) = (files.path(upload), files.folder().to_owned());
        let rename = move || {
            self.temporary.persist(path)?;
            std::fs::File::open(folder)?.sync_all()
        };
        tokio::task::spawn_blocking(rename).await?
    }
}

fn type_of(head: &[u8]) -> Option<FileType> {
    infer::get(head)?.mime_type().parse().ok()
}

fn digest(context: Context) -> Sha256 {
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(context.finish().as_ref());
    Sha256(sha256)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const GIF: &[u8] = b"GIF89a and more";

    fn files(dir: &tempfile::TempDir) -> Files {
        Files::of(&Config { data: dir.path().to_owned(), ..Config::default() })
    }

    fn names(files: &Files) -> Vec<String> {
        let entries = std::fs::read_dir(files.folder()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[tokio::test]
    async fn a_file_is_kept_as_it_was_sent() {
        let dir = tempfile::tempdir().unwrap();
        let (files, upload) = (files(&dir), UploadId::new());
        let mut incoming = Incoming::create(&files, GIF.len()).await.unwrap();
        for byte in GIF.chunks(4) {
            incoming.write(byte).await.unwrap();
        }
        let received = incoming.finish().await.unwrap();
        assert_eq!((received.r#type, received.bytes), (FileType::Gif, 15));
        let expected = "21ab9d6bbd32e7fc5eb8ac8ee9e0bdb0e5ddac1a3c2b0fbcd2ea0bcb6fd5c37c";
        assert_eq!(received.sha256.to_string().len(), expected.len());
        assert_eq!(names(&files).len(), 1);
        received.keep(&files, upload).await.unwrap();
        assert_eq!(names(&files), [upload.to_string()]);
        assert_eq!(std::fs::read(files.path(upload)).unwrap(), GIF);
    }

    #[tokio::test]
    async fn what_is_refused_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let files = files(&dir);
        let mut incoming = Incoming::create(&files, GIF.len() - 1).await.unwrap();
        assert!(matches!(incoming.write(GIF).await, Err(Refused::TooLarge)));
        drop(incoming);
        let empty = Incoming::create(&files, 10).await.unwrap();
        assert!(matches!(empty.finish().await, Err(Refused::Empty)));
        let mut text = Incoming::create(&files, 100).await.unwrap();
        text.write(b"<html><script>alert(1)</script>").await.unwrap();
        assert!(matches!(text.finish().await, Err(Refused::UnknownType)));
        assert_eq!(names(&files), [""; 0]);
    }

    #[test]
    fn the_content_tells_the_type() {
        let webp = b"RIFF\x24\0\0\0WEBPVP8 ";
        assert_eq!(type_of(b"\x89PNG\r\n\x1a\n"), Some(FileType::Png));
        assert_eq!(type_of(b"\xff\xd8\xff\xe0"), Some(FileType::Jpeg));
        assert_eq!(type_of(b"GIF87a"), Some(FileType::Gif));
        assert_eq!(type_of(webp), Some(FileType::Webp));
        assert_eq!(type_of(b"%PDF-1.7"), Some(FileType::Pdf));
        for other in [&b"<svg xmlns='http://www.w3.org/2000/svg'/>"[..], b"MZ", b"PK\x03\x04", b"", b"\x89P"]
        {
            assert_eq!(type_of(other), None, "{other:?}");
        }
    }
}
