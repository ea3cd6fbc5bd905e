//! Posts about games of chess.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ApiError;
use super::document::{self, Always, BadBody, Foreign};
use super::extract::{Body, Caller};
use super::stale;
use crate::app::App;
use crate::chess::RoomError;
use crate::domain::{Post, RoomId, Validator, limit};
use crate::socket;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(announce))
}

/// A post about a game.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NewChessPost {
    /// The room of the game.
    room_id: RoomId,
    /// Words beside it, perhaps none.
    #[serde(default)]
    #[schema(schema_with = document::text_or_nothing::<{ limit::POST }>)]
    text: String,
}

/// Shows a game to others: its players, its code and, once it has ended, its result. For its players only.
#[utoipa::path(post, path = "/api/posts/chess", tag = "posts", request_body = NewChessPost,
    responses((status = 201, body = Post), BadBody, Foreign, Always))]
async fn announce(
    State(app): State<Arc<App>>,
    Caller(author): Caller,
    Body(NewChessPost { room_id, text }): Body<NewChessPost>,
) -> Result<(StatusCode, Json<Post>), ApiError> {
    if !text.is_empty() {
        Validator::default().text("text", &text, limit::POST).finish()?;
    }
    let game = socket::game_to_post(&app, room_id, author.id).await?;
    let mut post = Post::of_game(author, text, game);
    app.store.create_post(post.clone()).await?;
    stale::feeds(&app, post.author.id).await;
    add_result(&app, &mut post).await?;
    Ok((StatusCode::CREATED, Json(post)))
}

/// A game that ended while its post was being written had nothing to write its result into.
async fn add_result(app: &App, post: &mut Post) -> Result<(), ApiError> {
    let Some(game) = post.game.as_mut().filter(|game| game.result.is_none()) else { return Ok(()) };
    let now = socket::game_to_post(app, game.room_id, post.author.id).await;
    if let Some(result) = now.ok().and_then(|now| now.result) {
        app.store.end_game(game.room_id, result.clone()).await?;
        game.result = Some(result);
    }
    Ok(())
}

impl From<RoomError> for ApiError {
    fn from(refused: RoomError) -> Self {
        match refused {
            RoomError::NotAPlayer => Self::Forbidden("game"),
            _ => Self::NotFound("room"),
        }
    }
}
