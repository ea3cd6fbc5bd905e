//! The bodies of HTTP requests.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};

use super::Compiler;
use crate::config::document::escape;
use crate::load::scenario::model::{FormPart, FullPart, FullRequest, PlainValue};
use crate::load::scenario::multipart::{self, Content, Multipart, Part};
use crate::load::scenario::plan::{Body, HeaderTemplate};

type Headers = Vec<(HeaderName, HeaderTemplate)>;

impl Compiler<'_> {
    /// The request's body, with the header that names its type.
    pub fn body(&mut self, request: &FullRequest, at: &str, headers: &mut Headers) -> Option<Body> {
        match (&request.json, &request.form, &request.form_data, &request.body) {
            (None, None, None, None) => Some(Body::Empty),
            (Some(json), None, None, None) => {
                say_type(headers, "application/json");
                let template = self.json(json, &format!("{at}/json"))?;
                Some(match template.as_static() {
                    Some(value) => Body::Static(Bytes::from(value.to_string())),
                    None => Body::Json(template),
                })
            }
            (None, Some(form), None, None) => {
                say_type(headers, "application/x-www-form-urlencoded");
                self.json_pairs(form, &format!("{at}/form")).map(Body::Form)
            }
            (None, None, Some(form), None) => {
                let form = self.multipart(form, &format!("{at}/formData"))?;
                headers.retain(|(name, _)| *name != CONTENT_TYPE);
                say_type(headers, &format!("multipart/form-data; boundary={}", form.boundary));
                Some(Body::Multipart(form))
            }
            (None, None, None, Some(text)) => {
                let template = self.text(text, &format!("{at}/body"))?;
                Some(match template.as_static() {
                    Some(text) => Body::Static(Bytes::from(text.to_owned())),
                    None => Body::Text(template),
                })
            }
            _ => self.refuse(at, "a request has one of `json`, `form`, `formData`, `body`"),
        }
    }

    fn multipart(&mut self, form: &BTreeMap<String, FormPart>, at: &str) -> Option<Multipart> {
        let part =
            |(name, part): (&String, &FormPart)| self.part(name, part, &format!("{at}/{}", escape(name)));
        let parts: Vec<Part> = form.iter().filter_map(part).collect();
        (parts.len() == form.len()).then(|| Multipart {
            parts,
            boundary: uuid::Uuid::new_v4().simple().to_string(),
            folder: self.folder.clone(),
            files: Mutex::new(HashMap::new()),
        })
    }

    fn part(&mut self, name: &str, part: &FormPart, at: &str) -> Option<Part> {
        let full = match part {
            FormPart::Full(full) => full.clone(),
            FormPart::Plain(value) => FullPart { value: Some(plain(value)), ..FullPart::default() },
        };
        let is_plain = matches!(part, FormPart::Plain(_));
        let below = |key: &str| if is_plain { at.to_owned() } else { format!("{at}/{key}") };
        let content = match (&full.from_file, &full.value) {
            (Some(path), None) => Content::File(self.sent_file(path, &below("fromFile"))?),
            (None, Some(value)) => Content::Value(self.text(value, &below("value"))?),
            _ => return self.refuse(at, "a part of a form has one of `fromFile`, `value`"),
        };
        let filename = match &full.filename {
            Some(filename) => Some(self.text(filename, &below("filename"))?),
            None => None,
        };
        if full.content_type.as_ref().is_some_and(|text| HeaderValue::from_str(text).is_err()) {
            return self.refuse(&below("contentType"), "no valid content type");
        }
        Some(Part { name: name.to_owned(), content, filename, content_type: full.content_type })
    }

    /// A file that is always the same is looked at before anything is sent.
    fn sent_file(&mut self, path: &str, at: &str) -> Option<crate::load::scenario::template::Template> {
        let template = self.text(path, at)?;
        match template.as_static().map(|path| multipart::read(&self.folder, path)) {
            Some(Err(message)) => self.refuse(at, message),
            _ => Some(template),
        }
    }
}

fn plain(value: &PlainValue) -> String {
    match value {
        PlainValue::Text(text) => text.clone(),
        PlainValue::Number(number) => number.to_string(),
        PlainValue::Bool(value) => value.to_string(),
    }
}

fn say_type(headers: &mut Headers, value: &str) {
    if headers.iter().any(|(name, _)| *name == CONTENT_TYPE) {
        return;
    }
    headers.extend(HeaderValue::from_str(value).map(|value| (CONTENT_TYPE, HeaderTemplate::Static(value))));
}
