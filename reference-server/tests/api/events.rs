//! The table of Socket.IO events in `docs/reference-server.md` and the events in the code are the same.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// `area:what-happens`, as events are named.
fn is_event(word: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    word.split_once(':').is_some_and(|(area, event)| part(area) && part(event))
}

/// What stands between quotes in the code of sockets and of case chats, before its tests begin.
fn events_in_the_code() -> BTreeSet<String> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![sources.join("socket"), sources.join("http/legal")];
    let mut found = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            found.extend(code.split('"').filter(|word| is_event(word)).map(str::to_owned));
        }
    }
    found
}

/// The names at the start of the rows of tables.
fn events_in_the_table() -> BTreeSet<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference-server.md");
    let text = fs::read_to_string(file).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let first_cells = rows.map(|row| row.split(" | ").next().unwrap_or_default());
    first_cells.flat_map(|cell| cell.split('`')).filter(|word| is_event(word)).map(str::to_owned).collect()
}

#[test]
fn the_table_names_the_events_of_the_code_and_no_others() {
    let (code, table) = (events_in_the_code(), events_in_the_table());
    assert!(code.contains("chess:create") && code.contains("chess:start"), "{code:?}");
    let missing: Vec<_> = code.difference(&table).collect();
    let invented: Vec<_> = table.difference(&code).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "not in the table: {missing:?}; not in the code: {invented:?}"
    );
}
