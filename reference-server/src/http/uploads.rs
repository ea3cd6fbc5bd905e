//! Files that users send.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::Stream;
use tokio::io::AsyncReadExt;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ApiError;
use super::document::{Always, BadBody, BadFields, BadPage, Conflict, Missing};
use super::extract::{Caller, PageQuery, Paged, Path, identifier};
use super::fields::{Fields, FieldsQuery};
use crate::app::App;
use crate::domain::{FieldError, Page, Timestamp, Upload, UploadId, UploadStatus, UserId};
use crate::jobs::Task;
use crate::upload::{Files, Incoming, Received, Refused, attachment, display_name};

/// What a body may be longer than its file: boundaries and the heads of the parts.
const ENVELOPE: usize = 16 * 1_024;

/// Bytes of a file that are in memory while it is sent.
const CHUNK: usize = 64 * 1_024;

/// The route that takes files; its time limit is another one.
pub const PATH: &str = "/api/uploads";

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(send, list)).routes(routes!(download, remove)).routes(routes!(find))
}

/// A form with one file.
#[derive(ToSchema)]
#[expect(dead_code, reason = "forms are read part by part: this only describes them")]
pub struct UploadForm {
    /// PNG, JPEG, GIF, WebP or PDF. The content decides, not what the form says.
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    file: String,
}

/// A file as it was sent.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "files are sent in chunks: this only describes them")]
pub struct FileBytes(String);

/// Takes a file.
#[utoipa::path(post, path = "/api/uploads", tag = "uploads",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses((status = 201, body = Upload), BadBody, Conflict, Always))]
pub async fn send(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    request: Request,
) -> Result<(StatusCode, Json<Upload>), ApiError> {
    let files = Files::of(&app.config);
    let (claimed, received) = receive(&files, app.config.uploads.max_bytes, request).await?;
    let (id, owner, status) = (UploadId::new(), person.id, UploadStatus::Pending);
    let Received { r#type, bytes, sha256, .. } = received;
    let (name, created_at) = (display_name(&claimed, r#type), Timestamp::now());
    received.keep(&files, id).await?;
    let upload = Upload { id, owner, name, r#type, bytes, sha256, status, created_at };
    record(&app, &files, &upload).await?;
    app.jobs.submit(Task::Upload { upload: id }).await;
    // A job that ran inline has changed the record.
    let upload = app.store.upload(id).await?.unwrap_or(upload);
    Ok((StatusCode::CREATED, Json(upload)))
}

/// Notes that the file is there. A store that failed may still have noted it: then the sweep decides.
async fn record(app: &App, files: &Files, upload: &Upload) -> Result<(), ApiError> {
    if app.store.add_upload(upload.clone(), app.config.uploads.max_per_user).await? {
        return Ok(());
    }
    files.remove(upload.id).await?;
    Err(ApiError::Quota("files"))
}

/// Writes the only part of a form to disk; gives the name that the client claims.
async fn receive(files: &Files, most: usize, mut request: Request) -> Result<(String, Received), ApiError> {
    DefaultBodyLimit::max(most.saturating_add(ENVELOPE)).apply(&mut request);
    let form = Multipart::from_request(request, &()).await;
    let mut form = form.map_err(|_| ApiError::UnsupportedMedia("send the file as multipart/form-data"))?;
    let mut field = form.next_field().await?.ok_or_else(|| broken("missing", "is missing"))?;
    if field.name() != Some("file") {
        return Err(broken("missing", "is the only part that is expected"));
    }
    let claimed = field.file_name().unwrap_or_default().to_owned();
    let received = write(files, most, &mut field).await?;
    drop(field);
    match form.next_field().await? {
        None => Ok((claimed, received)),
        Some(_) => Err(broken("several", "must be the only part")),
    }
}

async fn write(files: &Files, most: usize, field: &mut Field<'_>) -> Result<Received, ApiError> {
    let mut incoming = Incoming::create(files, most).await?;
    while let Some(chunk) = field.chunk().await? {
        incoming.write(&chunk).await?;
    }
    Ok(incoming.finish().await?)
}

fn broken(code: &'static str, message: &str) -> ApiError {
    ApiError::Invalid(vec![FieldError { field: "file", code, message: message.to_owned() }])
}

impl From<MultipartError> for ApiError {
    fn from(failure: MultipartError) -> Self {
        match failure.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            _ => Self::WrongShape(failure.body_text()),
        }
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::TooLarge => Self::TooLarge,
            Refused::Empty => broken("empty", "is empty"),
            Refused::UnknownType => {
                Self::UnsupportedMedia("this is no PNG, JPEG, GIF, WebP or PDF file: send one of those")
            }
            Refused::Disk(failure) => failure.into(),
        }
    }
}

impl From<std::io::Error> for ApiError {
    fn from(failure: std::io::Error) -> Self {
        Self::Internal(format!("disk: {failure}"))
    }
}

/// The own files.
#[utoipa::path(get, path = "/api/uploads", tag = "uploads", params(PageQuery, FieldsQuery),
    responses((status = 200, body = Page<Upload>), BadPage, Always))]
pub async fn list(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    Paged(page): Paged<20>,
    fields: Fields<Upload>,
) -> Result<Response, ApiError> {
    fields.answer(&app.store.uploads(person.id, page).await?)
}

/// What is known of a file.
#[utoipa::path(get, path = "/api/uploads/{id}/meta", tag = "uploads", params(("id" = UploadId, Path), FieldsQuery),
    responses((status = 200, body = Upload), BadFields, Missing, Always))]
pub async fn find(
    State(app): State<Arc<App>>,
    _: Caller,
    Path(id): Path<String>,
    fields: Fields<Upload>,
) -> Result<Response, ApiError> {
    fields.answer(&existing(&app, &id).await?)
}

async fn existing(app: &App, id: &str) -> Result<Upload, ApiError> {
    app.store.upload(identifier(id, "upload")?).await?.ok_or(ApiError::NotFound("upload"))
}

/// A file, to save and not to show.
#[utoipa::path(get, path = "/api/uploads/{id}", tag = "uploads", params(("id" = UploadId, Path)),
    responses((status = 200, description = "the file", content((FileBytes = "image/png"), (FileBytes = "image/jpeg"),
        (FileBytes = "image/gif"), (FileBytes = "image/webp"), (FileBytes = "application/pdf"))),
        Missing, Always))]
pub async fn download(
    State(app): State<Arc<App>>,
    _: Caller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let upload = existing(&app, &id).await?;
    let file = Files::of(&app.config).open(upload.id).await.inspect_err(|failure| {
        tracing::error!(%failure, upload = %upload.id, "a recorded file cannot be read");
    });
    let body = Body::from_stream(chunks(file.map_err(|_| ApiError::NotFound("upload"))?));
    let mut response = Response::new(body);
    for (name, value) in headers(&upload) {
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

fn headers(upload: &Upload) -> [(HeaderName, HeaderValue); 4] {
    let disposition = HeaderValue::from_str(&attachment(&upload.name));
    [
        (header::CONTENT_TYPE, HeaderValue::from_static(upload.r#type.as_str())),
        (header::CONTENT_LENGTH, HeaderValue::from(upload.bytes)),
        (header::CONTENT_DISPOSITION, disposition.unwrap_or_else(|_| HeaderValue::from_static("attachment"))),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ]
}

fn chunks(file: tokio::fs::File) -> impl Stream<Item = std::io::Result<Bytes>> {
    futures_util::stream::try_unfold(file, |mut file| async {
        let mut chunk = Vec::with_capacity(CHUNK);
        let read = (&mut file).take(CHUNK as u64).read_to_end(&mut chunk).await?;
        Ok((read > 0).then_some((Bytes::from(chunk), file)))
    })
}

/// Removes an own file.
#[utoipa::path(delete, path = "/api/uploads/{id}", tag = "uploads", params(("id" = UploadId, Path)),
    responses((status = 204, description = "it is gone"), Missing, Always))]
pub async fn remove(
    State(app): State<Arc<App>>,
    Caller(person): Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    remove_of(&app, person.id, identifier(&id, "upload")?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// First the record, then the file: a crash in between leaves what the sweep removes.
async fn remove_of(app: &App, owner: UserId, upload: UploadId) -> Result<(), ApiError> {
    if !app.store.remove_upload(owner, upload).await? {
        return Err(ApiError::NotFound("upload"));
    }
    if let Err(failure) = Files::of(&app.config).remove(upload).await {
        tracing::warn!(%failure, %upload, "the file of a removed record stays until the next start");
    }
    Ok(())
}
