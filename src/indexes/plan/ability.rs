//! Whether the server does what the changes ask of it: one that only resembles MongoDB may say ok to what it ignores.

use std::collections::BTreeSet;

use super::Allowances;
use crate::indexes::IndexError;
use crate::indexes::capability::{Capability, OptionClass, Probe, Verdict, detect};
use crate::indexes::diff::{Blocker, Change, Step};
use crate::indexes::live::Deployment;

/// Asks the server, when there is something to ask for, and says of each change what it lacks.
pub async fn judge(
    deployment: &Deployment,
    allowed: &Allowances,
    probe: &Probe,
    changes: &mut [Change],
) -> Result<(), IndexError> {
    let classes: BTreeSet<OptionClass> = changes.iter().flat_map(classes_of).collect();
    let Some(database) = changes.first().map(|change| change.database.clone()) else { return Ok(()) };
    let found = detect(deployment, &database, &classes, probe).await?;
    for change in changes {
        let classes: BTreeSet<OptionClass> = classes_of(change).collect();
        for capability in found.capabilities.iter().filter(|found| classes.contains(&found.class)) {
            judge_one(change, capability, allowed);
        }
    }
    Ok(())
}

/// What the steps ask for, and what the index that comes of them must do.
fn classes_of(change: &Change) -> impl Iterator<Item = OptionClass> {
    change.steps.iter().flat_map(Step::classes).chain(change.after.iter().flat_map(OptionClass::of))
}

fn judge_one(change: &mut Change, capability: &Capability, allowed: &Allowances) {
    let (class, evidence) = (capability.class.word(), &capability.evidence);
    match capability.verdict {
        Verdict::Supported => {}
        Verdict::NotEnforced if allowed.degraded => {
            change.risks.push(format!("{class} is accepted here and not enforced: {evidence}"));
        }
        Verdict::NotEnforced => {
            let what = format!("this server accepts {class} and does not enforce it: {evidence}");
            let help = "use another server, or live without it";
            change.blockers.push(Blocker::unless("--allow-degraded", what, help));
        }
        Verdict::Rejected => {
            let what = format!("this server refuses {class}: {evidence}");
            change.blockers.push(Blocker::new(what, "declare it for servers that have it"));
        }
        Verdict::Unknown => {
            change.risks.push(format!("whether this server enforces {class} is not known: {evidence}"));
        }
    }
}
