//! Background jobs for operators: what the queues hold, and what becomes of dead jobs.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Html;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ApiError;
use super::caller::Admin;
use super::document::{Always, Missing, NotAllowed};
use super::extract::Path;
use crate::app::App;
use crate::jobs::{BoardError, QueueStatus, Status};

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(status))
        .routes(routes!(revive))
        .routes(routes!(bury))
        .routes(routes!(page))
}

impl From<BoardError> for ApiError {
    fn from(failure: BoardError) -> Self {
        match failure {
            BoardError::Unknown => Self::NotFound("job"),
            BoardError::Away => Self::OverCapacity,
            BoardError::Redis(failure) => Self::Internal(failure.to_string()),
        }
    }
}

/// The queues: jobs by state, and the dead ones.
#[utoipa::path(get, path = "/api/admin/jobs", tag = "admin",
    responses((status = 200, description = "The queues; none when jobs run inline", body = Status), NotAllowed, Always))]
async fn status(State(app): State<Arc<App>>, _: Admin) -> Result<Json<Status>, ApiError> {
    Ok(Json(app.jobs.status().await?))
}

/// Put a dead job back into its queue, with all its attempts.
#[utoipa::path(post, path = "/api/admin/jobs/{queue}/{job}/retry", tag = "admin",
    params(("queue" = String, Path), ("job" = String, Path)),
    responses((status = 204, description = "It is in the queue again"), NotAllowed, Missing, Always))]
async fn revive(
    State(app): State<Arc<App>>,
    _: Admin,
    Path((queue, job)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    app.jobs.revive(&queue, &job).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forget a dead job.
#[utoipa::path(delete, path = "/api/admin/jobs/{queue}/{job}", tag = "admin",
    params(("queue" = String, Path), ("job" = String, Path)),
    responses((status = 204, description = "It is gone"), NotAllowed, Missing, Always))]
async fn bury(
    State(app): State<Arc<App>>,
    _: Admin,
    Path((queue, job)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    app.jobs.bury(&queue, &job).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The same for people
// No script, no style: the strictest content policy lets it pass.
#[utoipa::path(get, path = "/admin/jobs", tag = "admin",
    responses((status = 200, description = "A page", body = String, content_type = "text/html"), NotAllowed, Always))]
async fn page(State(app): State<Arc<App>>, _: Admin) -> Result<Html<String>, ApiError> {
    Ok(Html(render(&app.jobs.status().await?)))
}

fn render(status: &Status) -> String {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Jobs</title><h1>Jobs</h1>",
    );
    if status.queues.is_empty() {
        page.push_str("<p>Jobs run inline: there is no queue.</p>");
    }
    status.queues.iter().for_each(|queue| render_queue(&mut page, queue));
    page
}

fn render_queue(page: &mut String, QueueStatus { name, counts, dead_jobs }: &QueueStatus) {
    let _ = write!(
        page,
        "<h2>{name}</h2><table><tr><th>waiting<th>scheduled<th>running<th>done<th>dead\
         <tr><td>{}<td>{}<td>{}<td>{}<td>{}</table>",
        counts.waiting, counts.scheduled, counts.running, counts.done, counts.dead
    );
    if dead_jobs.is_empty() {
        return;
    }
    page.push_str("<table><tr><th>dead job<th>what<th>attempts<th>failure");
    for job in dead_jobs {
        let (id, what, failure) = (escape(&job.id), escape(&job.what), escape(&job.failure));
        let _ = write!(page, "<tr><td>{id}<td>{what}<td>{}<td>{failure}", job.attempts);
    }
    page.push_str("</table>");
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::{Counts, DeadJob};

    #[test]
    fn what_users_wrote_cannot_become_markup() {
        let counts = Counts { waiting: 1, scheduled: 0, running: 0, done: 2, dead: 1 };
        let (id, what) = ("1".into(), "mail \"<script>alert('x')</script>\"".into());
        let dead_jobs = vec![DeadJob { id, what, attempts: 5, failure: "a & b".into() }];
        let page = render(&Status { queues: vec![QueueStatus { name: "email", counts, dead_jobs }] });
        assert!(page.contains("mail &quot;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;"), "{page}");
        assert!(page.contains("a &amp; b") && !page.contains("<script"), "{page}");
    }
}
