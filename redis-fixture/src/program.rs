//! Which server, and where it is installed.

use std::env;
use std::path::{Path, PathBuf};

/// A server that the tests run against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    /// The machine's `redis-server`.
    #[default]
    Installed,
    /// Redis 8.
    Redis8,
    /// Valkey 8.1.
    Valkey8,
}

impl Version {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Installed, Self::Redis8, Self::Valkey8];

    /// The program to start.
    ///
    /// # Panics
    /// When it is not installed, with what installs it.
    #[track_caller]
    pub fn program(self) -> PathBuf {
        let (name, folders) = match self {
            Self::Installed => ("redis-server", search_path()),
            Self::Redis8 => ("redis-server", vec![tools().join("redis-8/bin")]),
            Self::Valkey8 => ("valkey-server", vec![tools().join("valkey-8/bin")]),
        };
        let found = folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file());
        found.unwrap_or_else(|| {
            panic!("this test needs {name} ({self:?}), which is in none of {folders:?}: run `make tools`")
        })
    }
}

fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools")
}

fn search_path() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    std::iter::once(tools().join("bin")).chain(env::split_paths(&path)).collect()
}
