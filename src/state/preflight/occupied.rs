//! Whether the names that the maps use are free: what stands there already would be taken for nobody's.

use state_map::Id;
use state_map::wire::key::Key;

use super::report::Check;
use crate::state::StateError;
use crate::state::verify::maps::Maps;
use crate::state::verify::scan::scan;
use crate::state::verify::servers::Servers;

const NAME: &str = "keys";

/// Keys under one map's prefix that the present run did not write.
#[derive(Default)]
struct Found {
    /// Of others: they would be lost.
    foreign: Keys,
    /// With a sidecar of an earlier run: to every instance they are absent.
    earlier: Keys,
}

#[derive(Default)]
struct Keys {
    count: u64,
    example: String,
}

/// Looks for keys under each map's prefix. `run` is the one that is on, if any.
pub async fn check(servers: &Servers, maps: &Maps, run: Id, replace: bool) -> Result<Vec<Check>, StateError> {
    let mut found: Vec<Found> = maps.iter().map(|_| Found::default()).collect();
    scan(servers, maps, &|_| true, |key, stored, _| {
        let Some(place) = maps.of(key).and_then(|map| found.get_mut(map as usize)) else { return };
        match &stored.record {
            Some(record) if !run.is_none() && record.run == run => {}
            Some(_) => place.earlier.add(key),
            None => place.foreign.add(key),
        }
    })
    .await?;
    let found = maps.iter().zip(&found);
    Ok(found.flat_map(|(map, found)| judge(&map.prefix, found, replace)).collect())
}

impl Keys {
    fn add(&mut self, key: &Key) {
        if self.count == 0 {
            key.value().clone_into(&mut self.example);
        }
        self.count += 1;
    }
}

fn judge(prefix: &str, found: &Found, replace: bool) -> Vec<Check> {
    let Found { foreign, earlier } = found;
    let mut checks = vec![match foreign.count {
        0 => Check::well(NAME, prefix, "none of others"),
        _ => of_others(prefix, foreign, replace),
    }];
    if earlier.count > 0 {
        let found = format!("{} keys of an earlier run, such as {}", earlier.count, earlier.example);
        let mind = "no instance looks at them: those of the run before go when the next begins, those of earlier ones when it ends";
        checks.push(Check::told(NAME, prefix, found, mind));
    }
    checks
}

fn of_others(prefix: &str, keys: &Keys, replace: bool) -> Check {
    let found = format!("{} keys that this run did not write, such as {}", keys.count, keys.example);
    if replace {
        let mind = "--replace: they are deleted when an instance claims their names";
        return Check::told(NAME, prefix, found, mind);
    }
    let repair = "the migration deletes them when their names are used: move or delete them, or allow it with --replace";
    Check::refused(NAME, prefix, found, repair)
}
