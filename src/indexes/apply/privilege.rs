//! Whether the account may do what a plan needs, asked before the first change.
//!
//! The server tells what an account may do in detail. Where it does not, or asks nobody who they are, nothing is
//! known, and a refusal shows at the step.

use std::collections::BTreeSet;

use bson::{Bson, Document, doc};

use super::{journal, lock};
use crate::indexes::IndexError;
use crate::indexes::diff::{Change, Step};
use crate::indexes::live::Deployment;

/// An action on a collection.
type Need<'a> = (&'a str, &'a str, &'static str);

/// Refuses a plan of which the account may not do a part, naming what it lacks.
pub async fn check(deployment: &Deployment, changes: &[Change]) -> Result<(), IndexError> {
    let granted = granted(deployment).await;
    if granted.is_empty() {
        return Ok(());
    }
    let missing = needs(changes).into_iter().filter(|need| !granted.iter().any(|grant| grants(grant, need)));
    let missing: Vec<String> = missing
        .map(|(database, collection, action)| format!("{action} on {database}.{collection}"))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(IndexError::Privilege {
        who: deployment.name(),
        doing: "apply the plan".to_owned(),
        message: format!("the account lacks {}", missing.join(", ")),
    })
}

/// What the account may do: told with the connection, or else with the account itself. Empty when nobody is asked who
/// they are, or nothing is told.
async fn granted(deployment: &Deployment) -> Vec<Document> {
    let ask = async |command| deployment.run("admin", "ask what this account may do", command).await.ok();
    let status = ask(doc! { "connectionStatus": 1, "showPrivileges": true }).await.unwrap_or_default();
    let Ok(info) = status.get_document("authInfo") else { return Vec::new() };
    let granted = documents(info, "authenticatedUserPrivileges");
    if !granted.is_empty() {
        return granted;
    }
    let accounts = documents(info, "authenticatedUsers");
    if accounts.is_empty() {
        return Vec::new();
    }
    let told = ask(doc! { "usersInfo": accounts, "showPrivileges": true }).await.unwrap_or_default();
    documents(&told, "users").iter().flat_map(|account| documents(account, "inheritedPrivileges")).collect()
}

fn documents(document: &Document, list: &str) -> Vec<Document> {
    let items = document.get_array(list).into_iter().flatten();
    items.filter_map(Bson::as_document).cloned().collect()
}

fn needs(changes: &[Change]) -> BTreeSet<Need<'_>> {
    let mut needs = BTreeSet::new();
    for change in changes {
        let steps = change.steps.iter().filter_map(action);
        needs.extend(steps.map(|action| (change.database.as_str(), change.collection.as_str(), action)));
        for collection in [lock::COLLECTION, journal::COLLECTION] {
            needs.extend(["find", "insert"].map(|action| (change.database.as_str(), collection, action)));
        }
        needs.insert((change.database.as_str(), lock::COLLECTION, "update"));
    }
    needs
}

/// What the command of a step asks for.
fn action(step: &Step) -> Option<&'static str> {
    match step {
        Step::Build { .. } => Some("createIndex"),
        Step::Drop { .. } => Some("dropIndex"),
        Step::Hide { .. }
        | Step::Unhide { .. }
        | Step::Expire { .. }
        | Step::PrepareUnique { .. }
        | Step::CheckUnique { .. }
        | Step::MakeUnique { .. } => Some("collMod"),
        Step::Verify { .. } | Step::Soak { .. } => None,
    }
}

/// Whether a privilege covers a need: an empty name stands for all of them.
fn grants(privilege: &Document, (database, collection, action): &Need<'_>) -> bool {
    let actions = privilege.get_array("actions").map(Vec::as_slice).unwrap_or_default();
    let acts = actions.iter().filter_map(Bson::as_str).any(|found| found == *action || found == "anyAction");
    let Ok(resource) = privilege.get_document("resource") else { return false };
    let covers = |name: &str, wanted: &str| {
        resource.get_str(name).is_ok_and(|found| found.is_empty() || found == wanted)
    };
    let is_any = resource.get_bool("anyResource").unwrap_or_default();
    acts && (is_any || covers("db", database) && covers("collection", collection))
}

#[cfg(test)]
mod tests {
    use bson::{Document, doc};

    use super::grants;

    fn privilege(resource: Document, actions: &[&str]) -> Document {
        doc! { "resource": resource, "actions": actions.to_vec() }
    }

    #[test]
    fn privileges_cover_what_they_name_and_empty_names_cover_all() {
        let need = ("shop", "posts", "createIndex");
        let on = |database: &str, collection: &str| doc! { "db": database, "collection": collection };
        for (resource, actions, covers) in [
            (on("shop", "posts"), "createIndex", true),
            (on("shop", ""), "createIndex", true),
            (on("", ""), "createIndex", true),
            (on("", "posts"), "anyAction", true),
            (doc! { "anyResource": true }, "anyAction", true),
            (on("shop", "users"), "createIndex", false),
            (on("blog", "posts"), "createIndex", false),
            (on("shop", "posts"), "dropIndex", false),
            (doc! { "cluster": true }, "createIndex", false),
        ] {
            assert_eq!(
                grants(&privilege(resource.clone(), &[actions]), &need),
                covers,
                "{resource} {actions}"
            );
        }
    }
}
