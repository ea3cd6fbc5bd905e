//! Plans in files: written whole or not at all, refused when they were changed by hand.

use std::path::Path;

use super::{Plan, SCHEMA};
use crate::indexes::{IndexError, Refusal};
use crate::whole_file;

/// Larger files are no plans.
const MAX_BYTES: u64 = 64 << 20;

/// Writes a plan beside its place first, then moves it there.
pub fn save(plan: &Plan, path: &Path) -> Result<(), IndexError> {
    let failed = |source| IndexError::File { what: format!("{} cannot be written", path.display()), source };
    let text = serde_json::to_string_pretty(plan).map_err(|error| failed(error.into()))?;
    whole_file::write(path, format!("{text}\n").as_bytes()).map_err(failed)
}

/// Reads a plan and makes sure that it is as it was written.
pub fn load(path: &Path) -> Result<Plan, IndexError> {
    let failed = |source| IndexError::File { what: format!("{} cannot be read", path.display()), source };
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length > MAX_BYTES {
        return Err(failed(std::io::Error::other(format!("{length} bytes; a plan has at most {MAX_BYTES}"))));
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    let plan: Plan = serde_json::from_str(&text).map_err(|error| failed(error.into()))?;
    if plan.schema != SCHEMA {
        let text = format!("{} has the layout {}, this version reads {SCHEMA}", path.display(), plan.schema);
        return Err(Refusal::Stale(text).into());
    }
    if plan.hash != plan.compute_hash() {
        return Err(Refusal::Stale(format!("{} was changed after it was made", path.display())).into());
    }
    Ok(plan)
}
