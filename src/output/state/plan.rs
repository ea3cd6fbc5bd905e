//! Plans of a migration of state, for people.

use crate::output::style;
use crate::output::table::table;
use crate::state::preflight::PreflightReport;
use crate::state::preflight::phases::PhasePlan;
use crate::state::preflight::report::{Check, Standing};
use crate::text::one_line;

/// The checks, the phases, and what it comes to.
pub fn render(report: &PreflightReport) -> String {
    let rows = report.checks.iter().map(|check| {
        vec![word(check.standing), check.name.to_owned(), one_line(&check.of), one_line(&check.found)]
    });
    let mut text =
        format!("{}\n\n{}", one_line(&report.target), table(&["", "check", "of", "found"], 4, rows));
    let repairs: String = report.checks.iter().map(repair).collect();
    if !repairs.is_empty() {
        text += &format!("\n{repairs}");
    }
    if report.refused {
        return text
            + &format!("\n{}\n", style::bad("REFUSED: the migration may not begin; nothing was changed"));
    }
    text += "\nWhat follows:\n";
    text += &report.phases.iter().map(phase).collect::<String>();
    text + &format!("\n{}\nnext: scalectl migrate state start (the same arguments)\n", style::well("READY"))
}

/// What has to be minded, one line for each.
pub fn minds(report: &PreflightReport) -> Vec<String> {
    let told = report.checks.iter().filter(|check| check.standing == Standing::Told);
    told.map(|check| format!("mind: {}", what_to_do(check))).collect()
}

fn word(standing: Standing) -> String {
    match standing {
        Standing::Well => style::well("ok"),
        Standing::Told => style::look("mind"),
        Standing::Refused => style::bad("refused"),
    }
}

fn repair(check: &Check) -> String {
    if check.repair.is_empty() {
        return String::new();
    }
    format!("{}: {}\n", word(check.standing), what_to_do(check))
}

fn what_to_do(check: &Check) -> String {
    let of = if check.of.is_empty() { String::new() } else { format!(" of {}", one_line(&check.of)) };
    format!("{}{of}: {}", check.name, one_line(&check.repair))
}

fn phase(plan: &PhasePlan) -> String {
    let back = match plan.back {
        Some(phase) => format!("back to {phase}"),
        None => style::bad("no way back"),
    };
    let asked =
        if plan.operator == "nothing" { String::new() } else { format!("    asked: {}\n", plan.operator) };
    format!("  {}, {back}\n    users: {}\n{asked}", style::bold(plan.phase), plan.users)
}
