//! Files that are written whole or not at all: beside their place first, then moved there.

use std::io::{self, Write};
use std::path::Path;

/// Says why `path` could not be written to, before the work whose result is to go there.
pub fn ensure_writable(path: &Path) -> Result<(), String> {
    let folder = folder_of(path);
    if path.is_dir() {
        return Err(format!("{} is a folder", path.display()));
    }
    match tempfile::tempfile_in(folder) {
        Ok(_) => Ok(()),
        Err(_) if !folder.is_dir() => Err(format!("there is no folder {}", folder.display())),
        Err(error) => Err(error.kind().to_string()),
    }
}

/// Writes a file, readable by whom the process' other files are.
pub fn write(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = tempfile::Builder::new().permissions(ordinary()).tempfile_in(folder_of(path))?;
    file.write_all(contents)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// What a new file gets; the process' mask takes away from it.
fn ordinary() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o666)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::{ensure_writable, write};

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        write(&path, b"first and long").unwrap();
        write(&path, b"second").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_place_that_cannot_be_written_to_is_told_beforehand() {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = folder.path().join("nowhere/report.html");
        assert!(ensure_writable(&nowhere).unwrap_err().starts_with("there is no folder "));
        assert!(ensure_writable(folder.path()).unwrap_err().ends_with(" is a folder"));
        assert_eq!(ensure_writable(&folder.path().join("report.html")), Ok(()));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
