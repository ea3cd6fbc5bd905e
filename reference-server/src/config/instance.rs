//! One of several processes on one port.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Config;

/// What a process knows of its place among the others. They meet in a folder that whoever started them has made
/// for them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Instance {
    /// Its number, from 1.
    pub number: u32,
    /// How many there are.
    pub of: u32,
    /// How often a process of this number has been started again after a crash.
    pub restarts: u32,
    /// Whether it takes the place of a process that is still there, which has the other name of its number.
    #[serde(default)]
    pub has_other_name: bool,
    /// The folder.
    pub meeting_place: PathBuf,
}

impl Config {
    /// Names this process among those that share its state, unless the settings do. It has the name of the process
    /// that was here before it, and no living one's: the machine and where it listens, and its number there.
    pub fn name_after(&mut self, address: SocketAddr) {
        let place = || format!("{}/{address}", rustix::system::uname().nodename().to_string_lossy());
        let mut name = self.instance_name.take().unwrap_or_else(place);
        if let Some(Instance { number, has_other_name, .. }) = &self.instance {
            let other = if *has_other_name { "b" } else { "" };
            name = format!("{name}/{number}{other}");
        }
        self.instance_name = Some(name);
    }
}

impl Instance {
    /// The numbers of all instances.
    pub fn numbers(&self) -> impl Iterator<Item = u32> {
        1..=self.of
    }

    /// Where an instance tells the others what it has measured.
    pub fn socket(&self, number: u32) -> PathBuf {
        self.meeting_place.join(format!("{number}.sock"))
    }

    /// Where instances write how many connections they have.
    pub fn tally(folder: &Path) -> PathBuf {
        folder.join("connections")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_the_name_of_the_one_before_it_and_no_living_ones() {
        let named = |name: Option<&str>, number: Option<u32>, has_other_name: bool| {
            let instance = number.map(|number| Instance {
                number,
                of: 2,
                restarts: 7,
                has_other_name,
                meeting_place: PathBuf::new(),
            });
            let mut config = Config { instance, instance_name: name.map(str::to_owned), ..Config::default() };
            config.name_after(([127, 0, 0, 1], 8080).into());
            config.instance_name.unwrap()
        };
        assert_eq!(named(Some("web"), None, false), "web");
        assert_eq!(named(Some("web"), Some(2), false), "web/2");
        assert_eq!(named(Some("web"), Some(2), true), "web/2b");
        let by_default = named(None, Some(1), false);
        assert!(by_default.ends_with("/127.0.0.1:8080/1"), "{by_default}");
        assert_eq!(by_default, named(None, Some(1), false));
    }
}
