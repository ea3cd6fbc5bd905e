//! Posts in the order of their time, with the likes and comments that they got.

use super::chance::{Chance, Fame, Part, SETTLED, YEAR, at, evenly};
use super::generate::Sink;
use super::people::People;
use super::{SeedPlan, words};
use crate::domain::{CommentId, NotificationId, NotificationKind, PostId, UserId};
use crate::store::bulk::{CommentRow, LikeRow, PostRow};

/// Exponent of the Zipf distribution of authors: flatter than fame, for many who write are read by few.
const EXPONENT: f64 = 0.7;

/// How long a post is talked about, on average.
const ATTENTION: f64 = 6.0 * 3_600_000.0;

/// A post that is being written.
struct Written {
    id: PostId,
    author: UserId,
    millis: i64,
}

/// The rows of all posts, likes and comments.
pub fn posts(plan: &SeedPlan, people: &People, sink: &mut Sink<'_>) {
    let mut chance = Chance::of(Part::Posts, plan.seed);
    let Some(authors) = Fame::new(plan.users, EXPONENT, &mut chance) else { return };
    let mean = |of: u32| f64::from(of) / f64::from(plan.posts);
    let (likes, comments) = (mean(plan.likes), mean(plan.comments));
    for index in 0..plan.posts {
        let author = people.id(authors.pick(&mut chance));
        let millis = evenly(index, plan.posts, (SETTLED, YEAR.1));
        let post = Written { id: PostId::from_bytes(chance.id(millis)), author, millis };
        let text = words::post(&mut chance);
        let likes = like(&post, likes, people, &mut chance, sink);
        let comments = comment(&post, comments, people, &mut chance, sink);
        let Written { id, author, millis } = post;
        sink.batch.posts.push(PostRow { id, author, text, created_at: at(millis), likes, comments });
        if !sink.flush_if_full() {
            return;
        }
    }
}

fn like(post: &Written, mean: f64, people: &People, chance: &mut Chance, sink: &mut Sink<'_>) -> u32 {
    let count = chance.count(mean, people.len() / 2);
    for who in chance.different(count, people.len()) {
        let millis = chance.soon(post.millis, ATTENTION);
        let (id, user) = (NotificationId::from_bytes(chance.id(millis)), people.id(who));
        sink.batch.likes.push(LikeRow { id, post: post.id, user });
        sink.notify(id, millis, post.author, NotificationKind::Like, user, Some(post.id));
    }
    count as u32
}

fn comment(post: &Written, mean: f64, people: &People, chance: &mut Chance, sink: &mut Sink<'_>) -> u32 {
    let count = chance.count(mean, people.len());
    for _ in 0..count {
        let (author, millis) = (people.id(chance.below(people.len())), chance.soon(post.millis, ATTENTION));
        let id = chance.id(millis);
        let text = words::comment(chance);
        let row =
            CommentRow { id: CommentId::from_bytes(id), post: post.id, author, text, created_at: at(millis) };
        sink.batch.comments.push(row);
        let told = NotificationId::from_bytes(id);
        sink.notify(told, millis, post.author, NotificationKind::Comment, author, Some(post.id));
    }
    count as u32
}
