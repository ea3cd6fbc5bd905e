//! Errors that a store makes, and what is said of them.

use history_check::{Action, History, Outcome};

fn said(history: &History) -> String {
    history.check().expect_err("a planted error").to_string()
}

#[test]
fn a_lost_write_is_shown_with_its_writer_and_without_the_rest() {
    let mut history = History::new("room 7", None);
    history.done("a", Action::Set(vec![1]), 0, 1, None);
    history.done("b", Action::Get, 2, 3, Some(Some(vec![1])));
    history.done("a", Action::Append(2), 4, 5, Some(Some(vec![1])));
    history.done("b", Action::Get, 6, 7, Some(Some(vec![1])));
    assert_eq!(
        said(&history),
        "room 7: cannot be explained, the key had [1, 2]:
         0..1        a: set [1]
         4..5        a: append 2 saw [1]
         6..7        b: get saw [1]\n"
    );
}

#[test]
fn a_key_that_comes_back_after_its_deletion_is_found() {
    let mut history = History::new("k", Some(vec![1]));
    history.done("a", Action::Delete, 0, 1, Some(Some(vec![1])));
    history.done("b", Action::Get, 2, 3, Some(Some(vec![1])));
    assert!(said(&history).starts_with("k: cannot be explained, the key had absent:"), "{}", said(&history));
}

#[test]
fn two_writers_that_saw_the_same_are_found() {
    let mut history = History::new("k", Some(vec![1]));
    history.done("a", Action::Append(2), 0, 9, Some(Some(vec![1])));
    history.done("b", Action::Append(3), 0, 9, Some(Some(vec![1])));
    assert!(history.check().is_err());
}

#[test]
fn a_read_that_goes_back_is_found_though_the_write_is_still_under_way() {
    let mut history = History::new("k", None);
    let write = history.begin("a", Action::Set(vec![1]), 0);
    history.done("b", Action::Get, 1, 2, Some(Some(vec![1])));
    assert_eq!(history.check(), Ok(()));
    history.done("c", Action::Get, 3, 4, Some(None));
    assert_eq!(history.check().expect_err("it went back").operation.client, "c");
    history.end(write, Outcome::Failed);
    assert_eq!(history.check().expect_err("nobody wrote it").operation.client, "b");
}

#[test]
fn a_loss_explains_only_what_is_inside_its_time_and_its_value() {
    let mut history = History::new("k", None);
    history.done("a", Action::Set(vec![1]), 0, 1, None);
    history.done("a", Action::Append(2), 2, 3, None);
    history.revert(Some(vec![1]), 4, Some(6));
    history.done("b", Action::Get, 5, 6, Some(Some(vec![1])));
    assert_eq!(history.check(), Ok(()));
    history.done("a", Action::Append(3), 7, 8, None);
    history.done("b", Action::Get, 9, 10, Some(Some(vec![1])));
    assert!(history.check().is_err(), "it has happened already");
}

#[test]
fn hundreds_of_operations_with_many_unknown_ones_are_searched_at_once() {
    let mut history = History::new("k", None);
    let mut value = Vec::new();
    for number in 0..600_u64 {
        let saw = Some((!value.is_empty()).then(|| value.clone()));
        match number % 3 {
            0 => drop(history.begin("lost", Action::Append(number), 10 * number)),
            1 => history.done("get", Action::Get, 10 * number, 10 * number + 25, saw),
            _ => {
                history.done("append", Action::Append(number), 10 * number, 10 * number + 5, saw);
                value.push(number);
            }
        }
    }
    assert_eq!(history.check(), Ok(()));
}
