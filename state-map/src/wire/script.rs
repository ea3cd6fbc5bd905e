//! The scripts, by call: each is a first line that tells the server whether it writes, the parts that it shares with
//! others, and its own. All checks stand before the first write, for a script that fails half-way keeps its writes.

/// A script.
#[derive(Debug)]
pub struct Script {
    /// Its name.
    pub name: &'static str,
    /// Its whole text.
    pub text: &'static str,
}

/// For how long a tombstone's sidecar stays in `done`, in milliseconds: longer than any call lives, and than the
/// clocks of two servers may differ (C19).
pub const TOMBSTONE_MS: u64 = 600_000;

macro_rules! script {
    ($constant:ident, $name:literal, $first:literal, $($part:literal),+) => {
        #[doc = concat!("`", $name, "`.")]
        pub static $constant: Script = Script {
            name: $name,
            text: concat!($first, "\n", $(include_str!(concat!("script/", $part, ".lua"))),+),
        };
    };
}

script!(CLAIM, "claim", "#!lua", "common", "record", "caller", "claim");
script!(PUT, "put", "#!lua", "common", "record", "caller", "owner", "put");
script!(RELEASE, "release", "#!lua", "common", "record", "caller", "owner", "release");
script!(WRITE, "write", "#!lua", "common", "record", "caller", "write");
script!(READ, "read", "#!lua flags=no-writes", "common", "record", "read");
script!(BEAT, "beat", "#!lua", "common", "control", "evicted", "beat");
script!(INQUIRE, "inquire", "#!lua flags=no-writes", "common", "control", "inquire");
script!(STEER, "steer", "#!lua", "control", "lock", "steer");
script!(EVICT, "evict", "#!lua", "common", "lock", "evicted", "evict");
script!(SURVEY, "survey", "#!lua flags=no-writes", "common", "control", "survey");
script!(INQUIRIES, "inquiries", "#!lua flags=no-writes", "common", "inquiries");
script!(ANSWER, "answer", "#!lua", "answer");

/// All scripts.
pub static ALL: [&Script; 12] =
    [&CLAIM, &PUT, &RELEASE, &WRITE, &READ, &BEAT, &INQUIRE, &STEER, &EVICT, &SURVEY, &INQUIRIES, &ANSWER];

#[cfg(test)]
mod tests {
    use std::fs::read_to_string;
    use std::path::Path;

    use super::*;

    /// The protocol's description says which files a script is put together from.
    #[test]
    fn scripts_are_what_the_protocol_says() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let page = read_to_string(root.join("../docs/state-protocol.md")).unwrap();
        for Script { name, text } in ALL {
            let reading = format!("| {name} (no-writes) | `");
            let writing = format!("| {name} | `");
            let row = |start: &str| page.lines().find_map(|line| line.strip_prefix(start)).map(str::to_owned);
            let (first, row) = match row(&reading) {
                Some(row) => ("#!lua flags=no-writes", row),
                None => ("#!lua", row(&writing).unwrap_or_else(|| panic!("{name} is not described"))),
            };
            let files = row.trim_end_matches(" |").trim_end_matches('`').split("`, `");
            let parts =
                files.map(|file| read_to_string(root.join(format!("src/wire/script/{file}.lua"))).unwrap());
            assert_eq!(*text, format!("{first}\n{}", parts.collect::<String>()), "{name}");
        }
    }
}
