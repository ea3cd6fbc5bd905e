//! What is cached, and what a write makes stale: all variations (pages, viewers) of one entity together.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::config::CacheSettings;
use crate::domain::{PostId, UserId};

/// Something whose cached copies are dropped together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Entity {
    /// The account that has this username, in small letters.
    Username(Arc<str>),
    /// A profile.
    Profile(UserId),
    /// Lists of followers and followed.
    Follows(UserId),
    /// A feed.
    Feed(UserId),
    /// Unread notifications.
    Unread(UserId),
    /// A post.
    Post(PostId),
    /// The list of lawyers.
    Lawyers,
    /// The dashboard of a citizen or a lawyer.
    Dashboard(UserId),
    /// The dashboard of all administrators.
    Totals,
}

impl Entity {
    /// Which kind it is, in metrics and keys.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Username(_) => "username",
            Self::Profile(_) => "profile",
            Self::Follows(_) => "follows",
            Self::Feed(_) => "feed",
            Self::Unread(_) => "unread",
            Self::Post(_) => "post",
            Self::Lawyers => "lawyers",
            Self::Dashboard(_) => "dashboard",
            Self::Totals => "totals",
        }
    }

    /// How long a copy may live.
    pub fn lifetime(&self, settings: &CacheSettings) -> Duration {
        match self {
            Self::Username(_) | Self::Profile(_) => settings.profile,
            Self::Follows(_) => settings.followers,
            Self::Feed(_) => settings.feed,
            Self::Unread(_) => settings.notification_count,
            Self::Post(_) => settings.post,
            Self::Lawyers => settings.lawyers,
            Self::Dashboard(_) | Self::Totals => settings.dashboard,
        }
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.class())?;
        match self {
            Self::Username(name) => f.write_str(name),
            Self::Profile(user)
            | Self::Follows(user)
            | Self::Feed(user)
            | Self::Unread(user)
            | Self::Dashboard(user) => user.fmt(f),
            Self::Post(post) => post.fmt(f),
            Self::Lawyers | Self::Totals => f.write_str("all"),
        }
    }
}

/// Text that names no entity.
#[derive(Debug, PartialEq, Eq)]
pub struct NoEntity;

impl FromStr for Entity {
    type Err = NoEntity;

    fn from_str(text: &str) -> Result<Self, NoEntity> {
        let (class, id) = text.split_once(':').ok_or(NoEntity)?;
        let user = || id.parse().map_err(|_| NoEntity);
        Ok(match class {
            "username" => Self::Username(id.into()),
            "profile" => Self::Profile(user()?),
            "follows" => Self::Follows(user()?),
            "feed" => Self::Feed(user()?),
            "unread" => Self::Unread(user()?),
            "post" => Self::Post(id.parse().map_err(|_| NoEntity)?),
            "lawyers" => Self::Lawyers,
            "dashboard" => Self::Dashboard(user()?),
            "totals" => Self::Totals,
            _ => return Err(NoEntity),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entity_is_read_back_from_its_text() {
        let user = UserId::new();
        let all = [
            Entity::Username("ada".into()),
            Entity::Profile(user),
            Entity::Follows(user),
            Entity::Feed(user),
            Entity::Unread(user),
            Entity::Post(PostId::new()),
            Entity::Lawyers,
            Entity::Dashboard(user),
            Entity::Totals,
        ];
        for entity in all {
            assert_eq!(entity.to_string().parse::<Entity>(), Ok(entity));
        }
        for text in ["", "profile", "profile:x", "nothing:1"] {
            assert_eq!(text.parse::<Entity>(), Err(NoEntity));
        }
    }
}
