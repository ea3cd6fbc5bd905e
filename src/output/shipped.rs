//! The scenarios that come with the program.

use super::style;
use crate::load::shipped::Listing;

/// One paragraph for each.
pub fn table(listing: &Listing) -> String {
    let entry =
        |entry: &crate::load::shipped::Entry| format!("{}\n  {}", style::bold(entry.name), entry.what);
    let entries: Vec<String> = listing.scenarios.iter().map(entry).collect();
    format!("{}\n\n`scalectl loadtest list NAME` prints one", entries.join("\n"))
}
