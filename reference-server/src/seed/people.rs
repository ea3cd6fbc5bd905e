//! Accounts: `user000001`, `user000002` and so on, in the order in which they were made.

use super::SeedPlan;
use super::chance::{Chance, Part, SETTLED, YEAR, at, evenly};
use super::generate::Sink;
use super::graph::Degrees;
use super::words;
use crate::domain::{Role, UserId};
use crate::store::bulk::UserRow;

/// One in so many gives legal help.
const LAWYERS: u32 = 50;

/// Everybody's id, by their number.
pub struct People(Vec<UserId>);

impl People {
    /// Everybody, and the source of what else is known about them.
    pub fn new(plan: &SeedPlan) -> Self {
        let mut chance = Chance::of(Part::People, plan.seed);
        let id = |index| chance.id(born(index, plan));
        Self((0..plan.users).map(id).map(UserId::from_bytes).collect())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The id of one.
    pub fn id(&self, index: usize) -> UserId {
        self.0[index]
    }
}

fn born(index: u32, plan: &SeedPlan) -> i64 {
    evenly(index, plan.users, (YEAR.0, SETTLED))
}

/// The rows of all accounts.
pub fn people(plan: &SeedPlan, people: &People, degrees: &Degrees, password_hash: &str, sink: &mut Sink<'_>) {
    let mut chance = Chance::of(Part::Names, plan.seed);
    for index in 0..plan.users {
        let username = format!("user{:06}", index + 1);
        let at_home = index as usize;
        sink.batch.users.push(UserRow {
            id: people.id(at_home),
            name: words::name(&mut chance),
            email: format!("{username}@example.com"),
            username,
            password_hash: password_hash.to_owned(),
            role: if (index + 1) % LAWYERS == 0 { Role::Lawyer } else { Role::Citizen },
            bio: words::bio(&mut chance),
            created_at: at(born(index, plan)),
            followers: degrees.followers[at_home],
            following: degrees.following[at_home],
        });
        if !sink.flush_if_full() {
            return;
        }
    }
}
