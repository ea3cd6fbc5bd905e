//! The parts of a HAR 1.2 file that matter here.
#![allow(missing_docs, reason = "the names are those of the HAR specification")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
/// The file.
pub struct Har {
    pub log: Log,
}

#[derive(Deserialize)]
/// Its only part.
pub struct Log {
    #[serde(default)]
    pub entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
/// A request and its answer.
pub struct Entry {
    #[serde(default)]
    pub started_date_time: String,
    #[serde(default)]
    pub time: Option<f64>,
    pub request: Request,
    pub response: Response,
    #[serde(rename = "_resourceType")]
    pub resource_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
/// A request.
pub struct Request {
    pub method: String,
    pub url: String,
    #[serde(default)]
    pub headers: Vec<Pair>,
    #[serde(default)]
    pub cookies: Vec<Pair>,
    pub post_data: Option<PostData>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
/// Its body.
pub struct PostData {
    #[serde(default)]
    pub mime_type: String,
    #[serde(default)]
    pub text: String,
    #[serde(default)]
    pub params: Vec<Pair>,
}

#[derive(Deserialize)]
/// An answer.
pub struct Response {
    #[serde(default)]
    pub status: i64,
    #[serde(default)]
    pub cookies: Vec<Pair>,
    #[serde(default)]
    pub content: Content,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
/// Its body.
pub struct Content {
    pub mime_type: String,
    pub text: Option<String>,
    pub encoding: Option<String>,
}

#[derive(Deserialize)]
/// A header, cookie or field.
pub struct Pair {
    pub name: String,
    #[serde(default)]
    pub value: String,
}

impl Content {
    /// The body as JSON, if it is any.
    pub fn json(&self) -> Option<Value> {
        if !self.mime_type.contains("json") {
            return None;
        }
        let text = self.text.as_ref()?;
        match self.encoding.as_deref() {
            Some("base64") => serde_json::from_slice(&BASE64.decode(text).ok()?).ok(),
            _ => serde_json::from_str(text).ok(),
        }
    }
}
