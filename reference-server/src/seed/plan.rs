//! How many of everything.

use std::fmt;
use std::str::FromStr;

/// A plan for seed data, written as `users=100000,posts=1000000`. The same plan makes the same data.
///
/// `users` is needed. The others follow from it: ten posts and twenty follows for each user, one like and 0.3
/// comments for each post, 2.5 messages for each user. Likes, follows, comments and messages are drawn at
/// random, so that their number comes out near the one asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedPlan {
    /// Accounts.
    pub users: u32,
    /// Posts.
    pub posts: u32,
    /// Edges of the follow graph.
    pub follows: u32,
    /// Likes of posts.
    pub likes: u32,
    /// Comments on posts.
    pub comments: u32,
    /// Direct messages.
    pub messages: u32,
    /// What the random numbers start from.
    pub seed: u32,
}

/// A plan that cannot be read, or asks for too much.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPlan {
    /// No such key.
    #[error("'{0}' is not known: a plan has {keys}", keys = keys())]
    UnknownKey(String),
    /// A key twice.
    #[error("'{0}' is given twice")]
    Twice(String),
    /// Not `key=number`.
    #[error("'{0}' is not written as key=number, as in users=100000,posts=1000000")]
    Form(String),
    /// Out of bounds.
    #[error("{key}={value} is out of bounds: {key} goes from {least} to {most}")]
    Bounds {
        /// Which number.
        key: &'static str,
        /// What was asked for.
        value: u64,
        /// The least that is accepted.
        least: u32,
        /// The most.
        most: u32,
    },
    /// No users.
    #[error("users is missing: a plan is written as users=100000,posts=1000000")]
    NoUsers,
}

struct Key {
    name: &'static str,
    least: u32,
    most: u32,
}

const KEYS: [Key; 7] = [
    Key { name: "users", least: 2, most: 1_000_000 },
    Key { name: "posts", least: 0, most: 10_000_000 },
    Key { name: "follows", least: 0, most: 50_000_000 },
    Key { name: "likes", least: 0, most: 50_000_000 },
    Key { name: "comments", least: 0, most: 50_000_000 },
    Key { name: "messages", least: 0, most: 50_000_000 },
    Key { name: "seed", least: 0, most: u32::MAX },
];

fn keys() -> String {
    let bounds = KEYS.iter().map(|key| format!("{} ({} to {})", key.name, key.least, key.most));
    bounds.collect::<Vec<_>>().join(", ")
}

impl SeedPlan {
    /// The plan for so many users, everything else in proportion.
    fn in_proportion(given: [Option<u32>; KEYS.len()]) -> Result<Self, BadPlan> {
        let [users, posts, follows, likes, comments, messages, seed] = given;
        let users = users.ok_or(BadPlan::NoUsers)?;
        let posts = posts.unwrap_or(users * 10);
        Ok(Self {
            users,
            posts,
            follows: follows.unwrap_or(users * 20),
            likes: likes.unwrap_or(posts),
            comments: comments.unwrap_or(posts / 10 * 3),
            messages: messages.unwrap_or(users / 2 * 5),
            seed: seed.unwrap_or(1),
        })
    }

    /// About how many rows the data have, notifications and conversations included.
    pub fn expected_rows(&self) -> u64 {
        let told = u64::from(self.follows) + u64::from(self.likes) + u64::from(self.comments);
        let (posts, messages) = (u64::from(self.posts), u64::from(self.messages));
        u64::from(self.users) + posts + told + told / 12 + messages + messages / 5
    }
}

impl FromStr for SeedPlan {
    type Err = BadPlan;

    fn from_str(text: &str) -> Result<Self, BadPlan> {
        let mut given = [None; KEYS.len()];
        for part in text.split(',') {
            let (name, number) = part.split_once('=').ok_or_else(|| BadPlan::Form(part.into()))?;
            let name = name.trim();
            let known = KEYS.iter().position(|key| key.name == name);
            let at = known.ok_or_else(|| BadPlan::UnknownKey(name.into()))?;
            if given[at].replace(KEYS[at].read(part, number)?).is_some() {
                return Err(BadPlan::Twice(name.into()));
            }
        }
        Self::in_proportion(given)
    }
}

impl Key {
    fn read(&self, part: &str, number: &str) -> Result<u32, BadPlan> {
        let value: u64 = number.trim().parse().map_err(|_| BadPlan::Form(part.into()))?;
        let fits = u32::try_from(value).ok().filter(|fits| (self.least..=self.most).contains(fits));
        fits.ok_or(BadPlan::Bounds { key: self.name, value, least: self.least, most: self.most })
    }
}

/// Every number, so that a plan in a store says what is in it.
impl fmt::Display for SeedPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { users, posts, follows, likes, comments, messages, seed } = self;
        write!(
            f,
            "users={users},posts={posts},follows={follows},likes={likes},comments={comments},\
             messages={messages},seed={seed}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        text.parse::<SeedPlan>().unwrap_err().to_string()
    }

    #[test]
    fn what_is_not_given_is_in_proportion() {
        let plan: SeedPlan = "users=1000, posts=5000".parse().unwrap();
        let whole = "users=1000,posts=5000,follows=20000,likes=5000,comments=1500,messages=2500,seed=1";
        assert_eq!(plan.to_string(), whole);
        assert_eq!(whole.parse(), Ok(plan));
        assert_eq!("users=1000".parse::<SeedPlan>().unwrap().posts, 10_000);
    }

    #[test]
    fn the_largest_plan_can_be_written_and_overflows_nothing() {
        let plan: SeedPlan = "users=1000000".parse().unwrap();
        assert_eq!((plan.posts, plan.follows), (10_000_000, 20_000_000));
        assert_eq!(plan.to_string().parse(), Ok(plan));
    }

    #[test]
    fn mistakes_name_the_known_keys_and_their_bounds() {
        let unknown = refusal("user=5");
        assert!(
            unknown.starts_with("'user' is not known: a plan has users (2 to 1000000), posts"),
            "{unknown}"
        );
        assert_eq!(refusal("users=1"), "users=1 is out of bounds: users goes from 2 to 1000000");
        let beyond = "users=99999999999 is out of bounds: users goes from 2 to 1000000";
        assert_eq!(refusal("users=99999999999"), beyond);
        assert_eq!(refusal("users=5,users=6"), "'users' is given twice");
        for form in ["", "users", "users=", "users=-1", "users=1e3", "users=5,"] {
            assert!(refusal(form).contains("is not written as key=number"), "{form}: {}", refusal(form));
        }
        assert!(refusal("posts=5").starts_with("users is missing"));
    }
}
