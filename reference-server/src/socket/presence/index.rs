//! Users that are online at any instance, so that they can be listed: the sorted sets `onlineUsers` (by expiry) and
//! `onlineUsersById`. What has not been renewed for 60 s counts for nothing.

use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, cmd};

use super::super::games::instance_key;
use crate::domain::{Page, PageRequest, Timestamp, UserId};
use crate::redis::{Redis, Unavailable};

/// Time between two renewals.
pub const HEARTBEAT: Duration = Duration::from_secs(20);

/// How long something counts without one.
pub const TTL: Duration = Duration::from_secs(60);

const TTL_MILLIS: i64 = TTL.as_millis() as i64;

const BY_EXPIRY: &str = "onlineUsers";
const BY_ID: &str = "onlineUsersById";

/// Users that are taken out at a time.
const SWEPT: usize = 512;

/// The index, and the signs of life of instances.
pub struct Index {
    /// Where it is.
    pub redis: Arc<Redis>,
    instance: Arc<str>,
}

/// When something ends that is renewed now, in milliseconds since 1970.
pub fn renewed_until() -> i64 {
    Timestamp::now().millis() + TTL_MILLIS
}

impl Index {
    /// The one in this Redis, for this instance.
    pub fn new(redis: Arc<Redis>, instance: Arc<str>) -> Self {
        Self { redis, instance }
    }

    /// The sign of life of this instance.
    pub fn alive(&self) -> Cmd {
        let mut alive = cmd("SET");
        alive.arg(instance_key(&self.instance)).arg(1).arg("PX").arg(TTL_MILLIS);
        alive
    }

    /// Lists a user until then.
    pub fn listed(user: UserId, until: i64) -> [Cmd; 2] {
        let (mut by_expiry, mut by_id) = (cmd("ZADD"), cmd("ZADD"));
        by_expiry.arg(BY_EXPIRY).arg(until).arg(user.to_string());
        by_id.arg(BY_ID).arg(0).arg(user.to_string());
        [by_expiry, by_id]
    }

    /// Users that are online, the youngest account first. Costs as much as the page is long.
    pub async fn online(&self, page: PageRequest) -> Result<Page<UserId>, Unavailable> {
        let (now, wanted) = (Timestamp::now().millis() as f64, page.limit.saturating_add(1));
        let before = page.after.map(|cursor| UserId::from_bytes(*cursor.item()));
        let mut from = before.map_or("+".to_owned(), |user| format!("({user}"));
        let mut found = Vec::new();
        while found.len() < wanted {
            let mut range = cmd("ZREVRANGEBYLEX");
            range.arg(BY_ID).arg(&from).arg("-").arg("LIMIT").arg(0).arg(wanted);
            let users: Vec<String> = self.redis.query("presence_page", range).await?;
            let Some(last) = users.last() else { break };
            from = format!("({last}");
            let mut scores = cmd("ZMSCORE");
            scores.arg(BY_EXPIRY).arg(&users);
            let until: Vec<Option<f64>> = self.redis.query("presence_page", scores).await?;
            let fresh = users.iter().zip(until).filter(|(_, until)| until.is_some_and(|at| at > now));
            found.extend(fresh.filter_map(|(user, _)| user.parse::<UserId>().ok()));
        }
        Ok(Page::from_overfull(found, page.limit, |user| *user.as_bytes()))
    }

    /// Takes those out whose instance is gone.
    pub async fn sweep(&self) -> Result<(), Unavailable> {
        let mut range = cmd("ZRANGEBYSCORE");
        range.arg(BY_EXPIRY).arg("-inf").arg(Timestamp::now().millis()).arg("LIMIT").arg(0).arg(SWEPT);
        let users: Vec<String> = self.redis.query("presence_sweep", range).await?;
        self.unlist(&users).await
    }

    /// Takes users out.
    pub async fn unlist(&self, users: &[String]) -> Result<(), Unavailable> {
        if users.is_empty() {
            return Ok(());
        }
        let remove = [BY_EXPIRY, BY_ID].map(|index| {
            let mut remove = cmd("ZREM");
            remove.arg(index).arg(users);
            remove
        });
        self.redis.each("presence_unlist", remove.into()).await
    }
}
