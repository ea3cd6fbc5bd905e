//! What a server makes of the options of indexes.

use crate::indexes::capability::{Capabilities, Capability, Verdict};
use crate::output::style;
use crate::output::table::table;
use crate::text::one_line;

/// Which server it is, the classes as a table, and what they come to.
pub fn render(report: &Capabilities) -> String {
    let rows: Vec<_> = report.capabilities.iter().map(row).collect();
    let table = table(&["option", "verdict", "evidence"], 3, rows);
    format!("{}\n{table}\n{}", heading(report), summary(report))
}

fn heading(report: &Capabilities) -> String {
    let server = &report.server;
    let own = server.own_version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
    let product = style::bold(&one_line(&format!("{}{own}", server.product.name())));
    let said = one_line(&format!("reports MongoDB {}; {}", server.reported_version, server.evidence));
    let how = match &report.probed_in {
        Some(database) => {
            format!("probed in scratch collections of {}, which were dropped\n", one_line(database))
        }
        None => "not probed: nothing was written, the verdicts are what is known of the server\n".to_owned(),
    };
    let left_overs = report.dropped_left_overs.iter();
    let left_overs =
        left_overs.map(|name| format!("dropped {}, left behind by a run that was killed\n", one_line(name)));
    format!("{product} ({said})\n{how}{}", left_overs.collect::<String>())
}

fn row(capability: &Capability) -> Vec<String> {
    let code = capability.code.map(|code| format!(" (code {code})")).unwrap_or_default();
    let evidence = format!("{}{code}", one_line(&capability.evidence));
    vec![capability.class.word().to_owned(), word(capability.verdict), evidence]
}

fn word(verdict: Verdict) -> String {
    match verdict {
        Verdict::Supported => style::well("supported"),
        Verdict::NotEnforced => style::bad("not enforced"),
        Verdict::Rejected => style::bad("rejected"),
        Verdict::Unknown => style::look("unknown"),
    }
}

fn summary(report: &Capabilities) -> String {
    let all = report.capabilities.len();
    let (degraded, rejected) = (report.degraded().count(), report.rejected().count());
    let unknown = report.unknown().count();
    let supported = all - degraded - rejected - unknown;
    let mut text = format!("{supported} of {all} supported");
    for (count, what) in
        [(degraded, "accepted but not enforced"), (rejected, "rejected"), (unknown, "unknown")]
    {
        if count > 0 {
            text += &format!(", {count} {what}");
        }
    }
    if report.is_interrupted {
        text += "; interrupted";
    }
    text
}
