//! Every scenario that is shipped is one that scalectl accepts.

use std::fs;
use std::path::{Path, PathBuf};

use scalectl::Exit;

use crate::support::Scalectl;

#[test]
fn every_shipped_scenario_is_valid() {
    let files = list_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios"));
    let scenarios: Vec<_> = files.iter().filter(|file| is_yaml(file)).collect();
    assert!(!scenarios.is_empty(), "scenarios/ holds no scenario");
    for scenario in scenarios {
        Scalectl::new(["loadtest", "validate"]).arg(scenario).run().code(Exit::Done);
    }
}

/// The examples of the language's reference are whole files: each is one that scalectl accepts.
#[test]
fn every_example_of_the_reference_is_valid() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let text = fs::read_to_string(docs.join("scenarios.md")).unwrap();
    let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let people = fs::read(docs.join("examples/people.csv")).unwrap();
    let mut count = 0;
    for block in blocks {
        let run = Scalectl::new(["loadtest", "validate", "example.yaml"]).file("example.yaml", block);
        run.file("examples/people.csv", &people).run().code(Exit::Done);
        count += 1;
    }
    assert!(count >= 3, "{count} examples");
}

fn is_yaml(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// The files of a folder and of those below it, in the order of their names.
fn list_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("the folder can be listed").path()).collect();
    paths.sort();
    paths.into_iter().flat_map(|path| if path.is_dir() { list_files(&path) } else { vec![path] }).collect()
}
