//! The follow graph. Everybody follows about as many, a few follow many more; whom, goes by fame: the best known
//! is followed by most, the median by a handful.

use super::SeedPlan;
use super::chance::{Chance, Fame, Part, SETTLED, YEAR};
use super::generate::Sink;
use super::people::People;
use crate::domain::{NotificationId, NotificationKind};
use crate::store::bulk::FollowRow;

/// Exponent of the Zipf distribution of fame. Of 100,000 people who follow 20 each, about half follow the best
/// known.
const EXPONENT: f64 = 0.9;

/// Draws for each edge. A follower who keeps meeting the same faces ends up with fewer edges.
const DRAWS: usize = 8;

/// How many edges everybody has.
pub struct Degrees {
    /// Edges that lead to each person.
    pub followers: Vec<u32>,
    /// Edges that start there.
    pub following: Vec<u32>,
}

/// Counts the edges. They are drawn once more to be written, so that nobody has to keep all of them.
pub fn degrees(plan: &SeedPlan) -> Degrees {
    let people = plan.users as usize;
    let mut degrees = Degrees { followers: vec![0; people], following: vec![0; people] };
    each_follower(plan, |follower, followed| {
        degrees.following[follower] = followed.len() as u32;
        followed.iter().for_each(|one| degrees.followers[*one] += 1);
        true
    });
    degrees
}

/// The rows of all edges.
pub fn edges(plan: &SeedPlan, people: &People, sink: &mut Sink<'_>) {
    let mut chance = Chance::of(Part::Edges, plan.seed);
    each_follower(plan, |follower, followed| {
        for one in followed {
            let millis = chance.moment(SETTLED, YEAR.1);
            let id = NotificationId::from_bytes(chance.id(millis));
            let (follower, followed) = (people.id(follower), people.id(*one));
            sink.batch.follows.push(FollowRow { id, follower, followed });
            sink.notify(id, millis, followed, NotificationKind::Follow, follower, None);
        }
        sink.flush_if_full()
    });
}

/// Visits everybody with those that they follow, both in the order of their numbers, until told to stop.
fn each_follower(plan: &SeedPlan, mut visit: impl FnMut(usize, &[usize]) -> bool) {
    let mut chance = Chance::of(Part::Graph, plan.seed);
    let Some(fame) = Fame::new(plan.users, EXPONENT, &mut chance) else { return };
    let (people, mean) = (plan.users as usize, f64::from(plan.follows) / f64::from(plan.users));
    let mut followed = Vec::new();
    for follower in 0..people {
        let wanted = chance.count(mean, people / 2);
        draw(&mut followed, wanted, follower, || fame.pick(&mut chance));
        if !visit(follower, &followed) {
            return;
        }
    }
}

/// Different people, but not the follower.
fn draw(followed: &mut Vec<usize>, wanted: usize, follower: usize, mut pick: impl FnMut() -> usize) {
    followed.clear();
    for _ in 0..DRAWS {
        let missing = wanted - followed.len();
        followed.extend((0..missing).map(|_| pick()).filter(|one| *one != follower));
        followed.sort_unstable();
        followed.dedup();
    }
}
