//! The command line itself: help, usage errors, what the binary is.

use std::process::Command;

use scalectl::{Exit, HealthExit};
use snapbox::str;

use crate::support::{Scalectl, scalectl_path};

#[test]
fn help_lists_the_commands() {
    let output = Scalectl::new(["--help"]).run();
    output.code(Exit::Done).stderr(str![""]).stdout(str![[r#"
Scale a Node + Socket.IO + MongoDB + Redis application from 1K to 1M users, and prove every step

Usage: scalectl <COMMAND>

Commands:
  demo      See the whole loop on this machine, in about a minute
  serve     Run the bundled reference server
  health    Ask systems whether they are well (exit 0 ok, 1 warning, 2 critical, 3 unknown)
  loadtest  Put users on a system and judge what it does
  migrate   Change what is under an application, step by step, and prove each
  help      Print this message or the help of the given subcommand(s)

Options:
  -h, --help     Print help
  -V, --version  Print version

"#]]);
}

#[test]
fn an_unknown_command_is_a_usage_error() {
    let output = Scalectl::new(["helth"]).run();
    output.code(Exit::Usage).stdout(str![""]).stderr(str![[r#"
error: unrecognized subcommand 'helth'

  tip: some similar subcommands exist: 'help', 'health'

Usage: scalectl <COMMAND>

For more information, try '--help'.

"#]]);
}

#[test]
fn a_usage_error_of_health_is_unknown_and_not_critical() {
    let output = Scalectl::new(["health", "--no-such-flag"]).run();
    output.code(Exit::Health(HealthExit::Unknown)).stdout(str![""]);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let script = format!("{} loadtest run --help | head -1", scalectl_path().display());
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_binary_is_stripped_and_small() {
    let size = std::fs::metadata(scalectl_path()).unwrap().len();
    // 35 MB before the whole reference server was in it, 54 MB since, 68 MB with state that moves in both: it may not
    // grow further unnoticed.
    assert!(size < 72_000_000, "{size} bytes");
    let binary = std::fs::read(scalectl_path()).unwrap();
    let section = |name: &[u8]| binary.windows(name.len()).any(|window| window == name);
    assert!(!section(b".symtab\0"), "the binary has a symbol table");
}
