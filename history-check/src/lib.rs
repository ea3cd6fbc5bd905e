//! Histories of operations on one key, and a checker that says whether they are linearizable: whether each operation
//! that has succeeded can be given one moment between its beginning and its end so that every value seen is the one
//! that the moments before have left. For tests only; no I/O.
//!
//! A value is absent, or a list of numbers. Writers must use numbers that nobody else uses: the more a value tells
//! of who wrote it, the fewer wrong explanations there are.
//!
//! The search goes through the history in the order of its events and keeps every pair of a possible value and a set
//! of pending operations that have had their moment (after Wing and Gong, and Lowe's just-in-time order). The pairs
//! collapse wherever nothing is pending, so hundreds of operations on a key take microseconds.
//!
//! ```
//! use history_check::{Action, History};
//!
//! let mut history = History::new("room 7", None);
//! history.done("a", Action::Set(vec![1]), 10, 20, None);
//! history.done("b", Action::Get, 30, 40, Some(None));
//! let unexplained = history.check().unwrap_err();
//! assert_eq!(unexplained.operation.client, "b");
//! assert!(unexplained.to_string().contains("get saw absent"));
//! ```

mod history;
mod report;
mod search;

pub use history::{Action, History, Operation, Outcome, Shown, Value};
pub use report::Unexplained;
