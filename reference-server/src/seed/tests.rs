//! The shape of the data, without a store.

use std::collections::HashMap;

use super::SeedPlan;
use super::generate::generate;
use crate::domain::UserId;
use crate::store::bulk::Batch;

/// All batches of a plan.
pub fn batches(plan: &SeedPlan) -> Vec<Batch> {
    let mut batches = Vec::new();
    generate(plan, "$", &mut |batch| {
        batches.push(batch);
        true
    });
    batches
}

fn plan(text: &str) -> SeedPlan {
    text.parse().unwrap()
}

/// How many of the items everybody has, the largest number first.
fn shares<'a>(owners: impl Iterator<Item = &'a UserId>) -> Vec<usize> {
    let mut counts: HashMap<UserId, usize> = HashMap::new();
    owners.for_each(|owner| *counts.entry(*owner).or_default() += 1);
    let mut counts: Vec<usize> = counts.into_values().collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    counts
}

#[test]
fn the_same_plan_makes_the_same_rows_and_another_seed_others() {
    let shown = |text: &str| format!("{:?}", batches(&plan(text)));
    let once = shown("users=300,posts=900");
    assert_eq!(shown("users=300,posts=900"), once);
    assert_ne!(shown("users=300,posts=900,seed=2"), once);
}

#[test]
fn the_numbers_come_out_near_those_of_the_plan() {
    let asked = plan("users=3000,posts=9000");
    let batches = batches(&asked);
    let sum = |of: fn(&Batch) -> usize| batches.iter().map(of).sum::<usize>() as f64;
    let near = |made: f64, asked: u32| (made / f64::from(asked) - 1.0).abs() < 0.05;
    assert!((sum(|batch| batch.users.len()), sum(|batch| batch.posts.len())) == (3_000.0, 9_000.0));
    assert!(near(sum(|batch| batch.follows.len()), asked.follows));
    assert!(near(sum(|batch| batch.likes.len()), asked.likes));
    assert!(near(sum(|batch| batch.comments.len()), asked.comments));
    assert!(near(sum(|batch| batch.messages.len()), asked.messages));
    assert!(near(sum(Batch::rows), asked.expected_rows() as u32));
    assert!(batches.len() > 1 && batches.iter().all(|batch| batch.rows() < 60_000));
}

#[test]
fn a_few_have_most_followers_and_write_most_posts() {
    let batches = batches(&plan("users=5000,posts=20000"));
    let followers = shares(batches.iter().flat_map(|batch| &batch.follows).map(|edge| &edge.followed));
    let edges: usize = followers.iter().sum();
    let top: usize = followers[..50].iter().sum();
    assert!(top * 100 > edges * 20, "the first percent has {top} of {edges} followers");
    assert!((2_000..=4_999).contains(&followers[0]), "the best known has {} of 5,000", followers[0]);
    assert!(followers[2_500] < 15, "the median has {}", followers[2_500]);
    let posts = shares(batches.iter().flat_map(|batch| &batch.posts).map(|post| &post.author));
    let (most, all) = (posts[..50].iter().sum::<usize>(), posts.iter().sum::<usize>());
    assert!(most * 100 > all * 10, "the first percent wrote {most} of {all}");
}

#[test]
fn the_smallest_plans_can_be_made() {
    for text in ["users=2", "users=2,posts=0,follows=0", "users=3,posts=1,likes=9,comments=9,messages=9"] {
        let rows: usize = batches(&plan(text)).iter().map(Batch::rows).sum();
        assert!(rows >= 2, "{text}");
    }
}

#[test]
fn whoever_wants_no_more_stops_the_work() {
    let mut given = 0;
    generate(&plan("users=20000"), "$", &mut |_| {
        given += 1;
        false
    });
    assert_eq!(given, 1);
}
