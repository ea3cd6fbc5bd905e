//! Where the servers of the tests are found: `.tools/bin` first, where `make tools` puts them, then PATH.

use std::env;
use std::path::{Path, PathBuf};

/// The folder of the tools that `make tools` installs.
pub fn tools_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/bin")
}

/// The search path of the tests: the tools of this repository, then what the machine has.
pub fn search_path() -> std::ffi::OsString {
    let machine = env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(tools_folder()).chain(env::split_paths(&machine));
    env::join_paths(folders).expect("the folders of a search path can be joined again")
}

/// The path of a program. Fails the test, saying how to install it, when there is none: a test that cannot
/// find its server must not look as if it had passed.
#[track_caller]
pub fn find_program(name: &str) -> PathBuf {
    let found = env::split_paths(&search_path()).map(|folder| folder.join(name)).find(|path| path.is_file());
    let Some(path) = found else {
        panic!("{name} is neither in .tools/bin nor on PATH; `make tools` installs it");
    };
    path
}
