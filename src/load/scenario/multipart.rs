//! Forms of several parts (RFC 7578), with files from the folder of the scenario file.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::Mutex;

use bytes::Bytes;

use super::template::{Slots, Template};

use crate::lock::lock;

/// What a form may send of one file, and all forms of a run of all files: they are kept in memory.
const MAX_FILE_BYTES: u64 = 64 << 20;
const MAX_KEPT_BYTES: usize = 512 << 20;

/// A form whose parts are rendered for each request.
#[derive(Debug)]
pub struct Multipart {
    /// The parts, in order.
    pub parts: Vec<Part>,
    /// What divides them; not to be found in any value by chance.
    pub boundary: String,
    /// Where files are looked for.
    pub folder: PathBuf,
    /// Files that were read.
    pub files: Mutex<HashMap<String, Bytes>>,
}

/// One part.
#[derive(Debug)]
pub struct Part {
    /// The field.
    pub name: String,
    /// What it holds.
    pub content: Content,
    /// The name that the server is told.
    pub filename: Option<Template>,
    /// The content type.
    pub content_type: Option<String>,
}

/// What a part holds.
#[derive(Debug)]
pub enum Content {
    /// A value.
    Value(Template),
    /// A file.
    File(Template),
}

impl Multipart {
    /// The whole body.
    pub fn render(&self, slots: &Slots) -> Result<Bytes, String> {
        let mut out = Vec::new();
        for part in &self.parts {
            out.extend_from_slice(format!("--{}\r\n", self.boundary).as_bytes());
            self.render_part(part, &mut out, slots)?;
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        Ok(out.into())
    }

    fn render_part(&self, part: &Part, out: &mut Vec<u8>, slots: &Slots) -> Result<(), String> {
        let filename = part.filename.as_ref().map(|name| name.render(slots)).transpose()?;
        let (content, filename) = match &part.content {
            Content::Value(template) => (Bytes::from(template.render(slots)?), filename),
            Content::File(template) => {
                let path = template.render(slots)?;
                let own = Path::new(&path).file_name().map(|name| name.to_string_lossy().into_owned());
                (self.file(&path)?, filename.or(own))
            }
        };
        let mut head = format!("content-disposition: form-data; name=\"{}\"", quoted(&part.name));
        if let Some(filename) = &filename {
            head += &format!("; filename=\"{}\"", quoted(filename));
        }
        let usual = filename.as_deref().map(content_type);
        if let Some(content_type) = part.content_type.as_deref().or(usual) {
            head += &format!("\r\ncontent-type: {content_type}");
        }
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(b"\r\n\r\n");
        out.extend_from_slice(&content);
        Ok(())
    }

    /// A file, read when it is first asked for.
    fn file(&self, path: &str) -> Result<Bytes, String> {
        let mut files = lock(&self.files);
        if let Some(known) = files.get(path) {
            return Ok(known.clone());
        }
        let bytes = read(&self.folder, path)?;
        if files.values().map(Bytes::len).sum::<usize>() + bytes.len() > MAX_KEPT_BYTES {
            return Err(format!("`{path}`: forms send more than {} MiB of files", MAX_KEPT_BYTES >> 20));
        }
        files.insert(path.to_owned(), bytes.clone());
        Ok(bytes)
    }
}

/// Reads a file below `folder`: what a server has answered must not choose any other.
pub fn read(folder: &Path, path: &str) -> Result<Bytes, String> {
    let is_below =
        Path::new(path).components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
    if !is_below {
        return Err(format!("`{path}` is not below the folder of the scenario file"));
    }
    let mut bytes = Vec::new();
    let read =
        File::open(folder.join(path)).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes));
    match read {
        Err(error) => Err(format!("`{path}`: {error}")),
        Ok(_) if bytes.len() as u64 > MAX_FILE_BYTES => {
            Err(format!("`{path}` has more than {} MiB", MAX_FILE_BYTES >> 20))
        }
        Ok(_) => Ok(bytes.into()),
    }
}

/// As browsers write names into a header.
fn quoted(text: &str) -> String {
    text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

fn content_type(filename: &str) -> &'static str {
    match filename.rsplit('.').next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "svg" => "image/svg+xml",
        "pdf" => "application/pdf",
        "json" => "application/json",
        "csv" => "text/csv",
        "txt" => "text/plain",
        "html" | "htm" => "text/html",
        "mp4" => "video/mp4",
        "zip" => "application/zip",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn files_outside_of_the_folder_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.txt"), "a").unwrap();
        assert_eq!(read(folder.path(), "./a.txt").unwrap(), "a");
        for path in ["../a.txt", "/etc/hostname", "b/../../a.txt"] {
            assert!(read(folder.path(), path).unwrap_err().contains("not below"), "{path}");
        }
    }
}
