//! What is known of the files that users sent. How many an owner has is counted in the account: whether there
//! is room and taking it are one step.

use mongodb::bson::{Document, doc};

use super::MongoStore;
use super::collection::{UPLOADS, USERS};
use super::database::{Database, Query};
use super::value::{Row, bytes, number};
use crate::domain::{Page, PageRequest, Sha256, Upload, UploadId, UploadStatus, UserId};
use crate::store::{Answer, StoreError, UploadStore};

impl UploadStore for MongoStore {
    fn add_upload(&self, upload: Upload, most: u64) -> Answer<'_, bool> {
        self.transact(move |db| Box::pin(add(db, upload.clone(), most)))
    }

    fn upload(&self, upload: UploadId) -> Answer<'_, Option<Upload>> {
        self.read_newest(move |db| Box::pin(find(db, upload)))
    }

    fn uploads(&self, owner: UserId, page: PageRequest) -> Answer<'_, Page<Upload>> {
        self.read(move |db| Box::pin(list(db, owner, page)))
    }

    fn mark_upload(&self, upload: UploadId, status: UploadStatus) -> Answer<'_, bool> {
        self.write(move |db| Box::pin(mark(db, upload, status)))
    }

    fn remove_upload(&self, owner: UserId, upload: UploadId) -> Answer<'_, bool> {
        self.transact(move |db| Box::pin(remove(db, owner, upload)))
    }
}

async fn add(db: &mut Database, upload: Upload, most: u64) -> Result<bool, StoreError> {
    // An account without the counter has no files.
    let room = doc! { "_id": upload.owner, "uploads": { "$not": { "$gte": number(most) } } };
    if most == 0 || !db.update(USERS, room, count(1)).await? {
        return Ok(false);
    }
    db.insert(UPLOADS, document(&upload)).await?;
    Ok(true)
}

fn count(change: i64) -> Document {
    doc! { "$inc": { "uploads": change } }
}

fn document(upload: &Upload) -> Document {
    doc! {
        "_id": upload.id,
        "owner": upload.owner,
        "name": &upload.name,
        "type": upload.r#type.as_str(),
        "bytes": number(upload.bytes),
        "sha256": bytes(upload.sha256.0),
        "status": upload.status.as_str(),
        "createdAt": upload.created_at,
    }
}

async fn find(db: &mut Database, upload: UploadId) -> Result<Option<Upload>, StoreError> {
    db.one(UPLOADS, Query::new(doc! { "_id": upload }), read).await
}

async fn list(db: &mut Database, owner: UserId, page: PageRequest) -> Result<Page<Upload>, StoreError> {
    let found = db.all(UPLOADS, Query::page(doc! { "owner": owner }, "_id", &page), read).await?;
    Ok(Page::from_overfull(found, page.limit, |upload| *upload.id.as_bytes()))
}

async fn mark(db: &mut Database, upload: UploadId, status: UploadStatus) -> Result<bool, StoreError> {
    let change = doc! { "$set": { "status": status.as_str() } };
    db.update(UPLOADS, doc! { "_id": upload }, change).await
}

async fn remove(db: &mut Database, owner: UserId, upload: UploadId) -> Result<bool, StoreError> {
    let removed = db.delete(UPLOADS, doc! { "_id": upload, "owner": owner }).await?;
    if removed {
        db.update(USERS, doc! { "_id": owner }, count(-1)).await?;
    }
    Ok(removed)
}

fn read(row: &Row<'_>) -> Result<Upload, StoreError> {
    let digest = row.bytes("sha256")?.try_into().map_err(|_| StoreError::Document("sha256"))?;
    Ok(Upload {
        id: row.id("_id")?,
        owner: row.id("owner")?,
        name: row.string("name")?,
        r#type: row.word("type")?,
        bytes: row.count("bytes")?,
        sha256: Sha256(digest),
        status: row.word("status")?,
        created_at: row.time("createdAt")?,
    })
}
