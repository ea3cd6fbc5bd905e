//! Legal help: citizens bring queries and disputes, lawyers take them, talk about them and meet.

mod admin;
mod case_view;
mod cases;
mod chats;
mod consultations;
mod dashboard;
mod disputes;
mod lawyers;
mod member;
mod queries;

pub use lawyers::first_lawyers;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .merge(queries::routes())
        .merge(disputes::routes())
        .merge(chats::routes())
        .merge(consultations::routes())
        .merge(lawyers::routes())
        .merge(dashboard::routes())
        .merge(admin::routes())
}
