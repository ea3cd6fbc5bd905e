//! The checker against a search through every order of every choice of operations.

use history_check::{Action, History, Operation, Outcome, Value};
use proptest::prelude::*;

/// Whether any order explains the operations that are left, by trying them all.
fn any_order(operations: &[Operation], left: &[usize], value: &Value) -> bool {
    let ended = |index: usize| match operations[index].outcome {
        Outcome::Done { at, .. } => at,
        Outcome::Unknown { until } => until.unwrap_or(u64::MAX),
        Outcome::Failed => unreachable!("left out before"),
    };
    let is_done = |index: usize| matches!(operations[index].outcome, Outcome::Done { .. });
    if !left.iter().any(|&index| is_done(index)) {
        return true;
    }
    left.iter().any(|&next| {
        let rest: Vec<usize> = left.iter().copied().filter(|&index| index != next).collect();
        let begins = operations[next].invoked;
        let in_order = rest.iter().all(|&index| !is_done(index) || ended(index) >= begins);
        let sees = match &operations[next].outcome {
            Outcome::Done { saw: Some(saw), .. } => saw == value,
            _ => true,
        };
        // What perhaps happened may also be left out from here on.
        (in_order
            && sees
            && any_order(
                operations,
                &timely(operations, &rest, begins, &ended),
                &operations[next].action.apply(value),
            ))
            || (!is_done(next) && any_order(operations, &rest, value))
    })
}

/// Without what perhaps happened before this time, when it can only have happened earlier.
fn timely(operations: &[Operation], rest: &[usize], from: u64, ended: &impl Fn(usize) -> u64) -> Vec<usize> {
    let is_optional = |index: usize| matches!(operations[index].outcome, Outcome::Unknown { .. });
    rest.iter().copied().filter(|&index| !is_optional(index) || ended(index) >= from).collect()
}

fn brute(history: &History) -> bool {
    let left: Vec<usize> =
        (0..history.operations.len()).filter(|&i| history.operations[i].outcome != Outcome::Failed).collect();
    history.initial.iter().any(|initial| any_order(&history.operations, &left, initial))
}

/// Histories with few numbers, so that values often fit by chance.
fn operation(number: u64) -> impl Strategy<Value = Operation> {
    let list = prop::collection::vec(0..5_u64, 1..3);
    let value = prop::option::of(list.clone());
    let action = prop_oneof![
        3 => Just(Action::Get),
        3 => Just(Action::Set(vec![number])),
        3 => Just(Action::Append(number)),
        1 => Just(Action::Delete),
        1 => list.prop_map(Action::DeleteIf),
        1 => value.clone().prop_map(Action::Revert),
    ];
    let times = (0..12_u64, 0..6_u64);
    (action, times, value, 0..10_u8).prop_map(|(action, (invoked, length), saw, kind)| {
        let perhaps = matches!(action, Action::Revert(_));
        let outcome = match kind {
            0 => Outcome::Failed,
            1 => Outcome::Unknown { until: None },
            2 => Outcome::Unknown { until: Some(invoked + length) },
            _ if perhaps => Outcome::Unknown { until: Some(invoked + length) },
            3..5 => Outcome::Done { at: invoked + length, saw: None },
            _ => Outcome::Done { at: invoked + length, saw: Some(saw) },
        };
        Operation { client: "c".to_owned(), action, invoked, outcome }
    })
}

fn history() -> impl Strategy<Value = History> {
    (0..6_u64).prop_flat_map(|count| {
        let operations: Vec<_> = (0..count).map(operation).collect();
        operations.prop_map(|operations| History { key: "k".to_owned(), initial: vec![None], operations })
    })
}

/// Histories that were really carried out one after another, with moments inside their operations.
fn true_history() -> impl Strategy<Value = History> {
    let step = (0..5_u8, 0..9_u64, 0..9_u64, 0..8_u8);
    prop::collection::vec(step, 1..120).prop_map(|steps| {
        let mut history = History::new("k", None);
        let mut value = None;
        for (number, (kind, before, after, told)) in (0_u64..).zip(steps) {
            let action = match kind {
                0 => Action::Set(vec![number]),
                1 => Action::Append(number),
                2 => Action::Delete,
                3 => Action::DeleteIf(value.clone().unwrap_or_default()),
                _ => Action::Get,
            };
            let moment = 10 + 3 * number;
            let operation = history.begin("c", action.clone(), moment.saturating_sub(before));
            let next = action.apply(&value);
            let saw = std::mem::replace(&mut value, next);
            if told > 0 {
                let saw = (told > 1).then_some(saw);
                history.end(operation, Outcome::Done { at: moment + after, saw });
            }
        }
        history
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn small_histories_are_judged_as_by_trying_every_order(history in history()) {
        prop_assert_eq!(history.check().is_ok(), brute(&history), "{:#?}", history);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn what_was_carried_out_one_by_one_is_explained(history in true_history()) {
        prop_assert_eq!(history.check(), Ok(()));
    }

    #[test]
    fn a_lost_write_is_found_wherever_it_is(history in true_history(), place in 0..120_usize) {
        let mut history = history;
        let last = history.operations.iter().map(|operation| operation.invoked).max().unwrap_or(0) + 100;
        let lost = last + place as u64;
        history.done("w", Action::Append(10_000), lost, lost + 1, None);
        history.done("r", Action::Get, lost + 2, lost + 3, Some(Some(vec![20_000])));
        let found = history.check().expect_err("the read saw what nobody wrote");
        prop_assert_eq!(&found.operation.client, "r");
        prop_assert!(found.trace.iter().any(|operation| operation.client == "w"), "{}", found);
    }
}
