//! What cannot be explained, as a developer wants to read it.

use std::collections::HashSet;
use std::fmt;

use crate::history::{History, Operation, Shown, Value};
use crate::search::{Gap, explain};

/// An operation that no order of the others explains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unexplained {
    /// Name of the key.
    pub key: String,
    /// The operation.
    pub operation: Operation,
    /// All values that the key may have had while the operation ran.
    pub possible: Vec<Value>,
    /// What had been done to the key, without what does not matter for this operation; the operation is the last.
    pub trace: Vec<Operation>,
    /// Whether too many operations of unknown outcome were pending, so that nothing is proven.
    pub is_overrun: bool,
}

impl std::error::Error for Unexplained {}

impl fmt::Display for Unexplained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, operation, possible, trace, is_overrun } = self;
        if *is_overrun {
            return write!(f, "{key}: too many operations are pending to search on at {operation}");
        }
        let possible: Vec<String> = possible.iter().map(|value| Shown(value).to_string()).collect();
        writeln!(f, "{key}: cannot be explained, the key had {}:", possible.join(" or "))?;
        trace.iter().try_for_each(|operation| writeln!(f, "  {operation}"))
    }
}

/// Describes a gap.
pub fn unexplained(history: &History, gap: &Gap) -> Unexplained {
    let operation = history.operations[gap.operation].clone();
    let trace = if gap.is_overrun { Vec::new() } else { shortened(history, gap) };
    let Gap { possible, is_overrun, .. } = gap;
    Unexplained {
        key: history.key.clone(),
        operation,
        possible: possible.clone(),
        trace,
        is_overrun: *is_overrun,
    }
}

/// Leaves out, one by one, operations without which the same one still cannot be explained. Writers of numbers in the
/// values concerned stay, lest a value look as if it came from nowhere.
fn shortened(history: &History, gap: &Gap) -> Vec<Operation> {
    let last = &history.operations[gap.operation];
    let mut concerned: HashSet<u64> = gap.possible.iter().flatten().flatten().copied().collect();
    concerned.extend(last.saw().into_iter().flatten().flatten());
    let mut earlier: Vec<Operation> = history.operations.clone();
    earlier.swap_remove(gap.operation);
    earlier.retain(|operation| operation.invoked <= last.ended());
    earlier.sort_by_key(|operation| (operation.invoked, operation.ended()));
    for index in (0..earlier.len()).rev() {
        if earlier[index].action.brings().iter().any(|number| concerned.contains(number)) {
            continue;
        }
        let left_out = earlier.remove(index);
        if !fails_alike(history, &earlier, last) {
            earlier.insert(index, left_out);
        }
    }
    earlier.push(last.clone());
    earlier
}

fn fails_alike(history: &History, earlier: &[Operation], last: &Operation) -> bool {
    let operations: Vec<_> = earlier.iter().chain([last]).cloned().collect();
    let shorter = History { key: String::new(), initial: history.initial.clone(), operations };
    explain(&shorter).is_err_and(|gap| gap.operation == earlier.len() && !gap.is_overrun)
}
