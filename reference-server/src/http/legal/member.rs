//! Who sends a request, and in which role.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::app::App;
use crate::domain::{Person, Role, UserId, Whose};
use crate::http::ApiError;
use crate::http::extract::Caller;

/// A caller with a role.
pub struct Member {
    /// Who it is.
    pub person: Person,
    /// What the account may do.
    pub role: Role,
}

/// A member who asks for help.
pub struct Citizen(pub Person);

/// A member who gives help.
pub struct Lawyer(pub Person);

impl Member {
    /// The account.
    pub fn id(&self) -> UserId {
        self.person.id
    }

    /// The cases and consultations that this member has a part in.
    pub fn own(&self) -> Whose {
        match self.role {
            Role::Citizen => Whose::Citizen(self.id()),
            Role::Lawyer => Whose::Lawyer(self.id()),
            Role::Admin => Whose::Everybody,
        }
    }
}

impl FromRequestParts<Arc<App>> for Member {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let Caller(person) = Caller::from_request_parts(parts, app).await?;
        let account = app.store.user(person.id).await?.ok_or(ApiError::NotFound("user"))?;
        Ok(Self { person, role: account.role })
    }
}

impl FromRequestParts<Arc<App>> for Citizen {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        match Member::from_request_parts(parts, app).await? {
            Member { person, role: Role::Citizen } => Ok(Self(person)),
            _ => Err(ApiError::Restricted("only citizens may do this")),
        }
    }
}

impl FromRequestParts<Arc<App>> for Lawyer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        match Member::from_request_parts(parts, app).await? {
            Member { person, role: Role::Lawyer } => Ok(Self(person)),
            _ => Err(ApiError::Restricted("only lawyers may do this")),
        }
    }
}
