//! One living process for each name: a second one that registered under it would count as proof that the first has
//! ended, and what only the first remembers would be given up.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::StartError;

/// Time between two attempts.
const RETRY: Duration = Duration::from_millis(50);

/// Held as long as the process lives: the kernel gives it back, however that ends.
pub struct NameLock {
    _file: File,
}

impl NameLock {
    /// Takes the name among the processes that share this folder. A predecessor on its way out gets this long.
    pub async fn take(folder: &Path, name: &str, within: Duration) -> Result<Self, StartError> {
        std::fs::create_dir_all(folder)?;
        let file = File::create(folder.join(file_name(name)))?;
        let deadline = Instant::now() + within;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::Error(failure)) => return Err(failure.into()),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    return Err(StartError::NameTaken { name: name.to_owned() });
                }
                Err(TryLockError::WouldBlock) => sleep(RETRY).await,
            }
        }
    }
}

fn file_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' };
    format!("instance-{}.lock", name.chars().map(plain).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_is_free_again_when_its_process_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let first = NameLock::take(folder.path(), "web/1", Duration::ZERO).await.unwrap();
        let refused = NameLock::take(folder.path(), "web/1", Duration::ZERO).await;
        assert!(matches!(refused, Err(StartError::NameTaken { name }) if name == "web/1"));
        let _other = NameLock::take(folder.path(), "web/1b", Duration::ZERO).await.unwrap();
        let waiting = NameLock::take(folder.path(), "web/1", Duration::from_secs(30));
        let ending = async {
            sleep(RETRY * 2).await;
            drop(first);
        };
        assert!(tokio::join!(waiting, ending).0.is_ok());
    }
}
