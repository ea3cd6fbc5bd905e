//! Accounts that somebody may want to follow: those that the followed follow, then the most followed ones.

use std::cmp::Reverse;
use std::collections::HashMap;

use mongodb::bson::doc;

use super::collection::{FOLLOWS, USERS};
use super::database::{Database, Query};
use super::value::Row;
use crate::domain::{Suggestion, UserId};
use crate::store::StoreError;

/// Followed accounts that are asked whom they follow: those followed last.
const FRIENDS: i64 = 100;
/// Of their edges, the newest ones are counted.
const EDGES: i64 = 10_000;
/// Accounts that most of them follow.
const COMMON: i64 = 1_000;
/// Most followed accounts, which fill up.
const POPULAR: i64 = 200;

/// The best of them: five queries, whose work is bounded however many accounts somebody follows.
pub async fn suggested(db: &mut Database, user: UserId, limit: usize) -> Result<Vec<Suggestion>, StoreError> {
    let mut candidates = popular(db).await?;
    candidates.extend(followed_by_friends(db, user).await?);
    candidates.remove(&user);
    for known in followed_among(db, user, &candidates).await? {
        candidates.remove(&known);
    }
    let active = doc! { "_id": { "$in": ids(&candidates) }, "isActive": true };
    let query = Query::new(active).fields(&["username", "name", "followers"]);
    let read = |row: &Row<'_>| {
        let person = row.person()?;
        let common = candidates.get(&person.id).copied().unwrap_or_default();
        Ok(Suggestion { person, common, followers: row.count("followers")? })
    };
    let mut found = db.all(USERS, query, read).await?;
    found.sort_unstable_by_key(|found| (Reverse(found.common), Reverse(found.followers), found.person.id));
    found.truncate(limit);
    Ok(found)
}

fn ids(candidates: &HashMap<UserId, u64>) -> Vec<UserId> {
    candidates.keys().copied().collect()
}

async fn popular(db: &mut Database) -> Result<HashMap<UserId, u64>, StoreError> {
    let query = Query::new(doc! { "isActive": true }).newest("followers").limit(POPULAR).fields(&["_id"]);
    let found = db.all(USERS, query, |row| Ok((row.id("_id")?, 0))).await?;
    Ok(found.into_iter().collect())
}

async fn followed_by_friends(db: &mut Database, user: UserId) -> Result<Vec<(UserId, u64)>, StoreError> {
    let query = Query::new(doc! { "follower": user }).newest("_id").limit(FRIENDS).fields(&["followed"]);
    let friends: Vec<UserId> = db.all(FOLLOWS, query, |row| row.id("followed")).await?;
    let pipeline = vec![
        doc! { "$match": { "follower": { "$in": friends } } },
        doc! { "$sort": { "_id": -1 } },
        doc! { "$limit": EDGES },
        doc! { "$group": { "_id": "$followed", "common": { "$sum": 1 } } },
        doc! { "$sort": { "common": -1 } },
        doc! { "$limit": COMMON },
    ];
    db.aggregate(FOLLOWS, pipeline, |row| Ok((row.id("_id")?, row.count("common")?))).await
}

async fn followed_among(
    db: &mut Database,
    user: UserId,
    candidates: &HashMap<UserId, u64>,
) -> Result<Vec<UserId>, StoreError> {
    let query = Query::new(doc! { "follower": user, "followed": { "$in": ids(candidates) } });
    db.all(FOLLOWS, query.fields(&["followed"]), |row| row.id("followed")).await
}
