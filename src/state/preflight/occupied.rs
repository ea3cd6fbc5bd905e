//! Whether the names that the maps use are free: what stands there already would be taken for nobody's.

use state_map::Id;

use super::report::Check;
use crate::state::StateError;
use crate::state::verify::maps::Maps;
use crate::state::verify::scan::scan;
use crate::state::verify::servers::Servers;

/// Counts keys under each map's prefix that this run did not write.
pub async fn check(servers: &Servers, maps: &Maps, run: Id, replace: bool) -> Result<Vec<Check>, StateError> {
    let mut foreign: Vec<(u64, Option<String>)> = maps.iter().map(|_| (0, None)).collect();
    scan(servers, maps, &|_| true, |key, stored, _| {
        let is_ours = !run.is_none() && stored.record.as_ref().is_some_and(|record| record.run == run);
        let place = maps.of(key).and_then(|map| foreign.get_mut(map as usize));
        if let Some((count, example)) = place.filter(|_| !is_ours) {
            *count += 1;
            example.get_or_insert_with(|| key.value().to_owned());
        }
    })
    .await?;
    let found = maps.iter().zip(foreign);
    Ok(found.map(|(map, (count, example))| judge(&map.prefix, count, example.as_deref(), replace)).collect())
}

fn judge(prefix: &str, count: u64, example: Option<&str>, replace: bool) -> Check {
    let (name, of) = ("keys", prefix);
    let Some(example) = example else { return Check::well(name, of, "none of others") };
    let found = format!("{count} keys that this run did not write, such as {example}");
    if replace {
        return Check::told(
            name,
            of,
            found,
            "--replace: they are deleted when an instance claims their names",
        );
    }
    let repair = "the migration deletes them when their names are used: move or delete them, or allow it with --replace";
    Check::refused(name, of, found, repair)
}
