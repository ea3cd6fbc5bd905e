//! The texts that a scenario is made of: its own, and that of the file whose settings hold where it says nothing.

use serde::{Deserialize, Serialize};

use crate::config::{Document, Mistakes};

/// A file, as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceText {
    /// The name the user gave.
    pub name: String,
    /// The whole text.
    pub text: String,
}

impl SourceText {
    /// The text of a document that nothing was laid under yet.
    pub fn of(document: &Document) -> Self {
        Self { name: document.name.clone(), text: document.text.clone() }
    }

    /// The document that these texts make, each holding where those before it say nothing.
    pub fn document(texts: &[Self]) -> Result<Document, Mistakes> {
        let mut documents = texts.iter().map(|source| Document::parse(&source.name, source.text.clone()));
        let first = documents.next().unwrap_or_else(|| Document::parse("", String::new()))?;
        documents.try_fold(first, |upper, under| Ok(upper.over(under?)))
    }
}
