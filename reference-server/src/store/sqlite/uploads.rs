//! What is known of the files that users sent.

use rusqlite::{Connection, Row, params};

use super::SqliteStore;
use super::row::{all, before, count, number, one, overfull, timestamp, word};
use crate::domain::{Page, PageRequest, Sha256, Upload, UploadId, UploadStatus, UserId};
use crate::store::{Answer, StoreError, UploadStore};

impl UploadStore for SqliteStore {
    fn add_upload(&self, upload: Upload, most: u64) -> Answer<'_, bool> {
        self.write(move |db| add(db, &upload, most))
    }

    fn upload(&self, upload: UploadId) -> Answer<'_, Option<Upload>> {
        self.read(move |db| find(db, upload))
    }

    fn uploads(&self, owner: UserId, page: PageRequest) -> Answer<'_, Page<Upload>> {
        self.read(move |db| list(db, owner, page))
    }

    fn mark_upload(&self, upload: UploadId, status: UploadStatus) -> Answer<'_, bool> {
        self.write(move |db| mark(db, upload, status))
    }

    fn remove_upload(&self, owner: UserId, upload: UploadId) -> Answer<'_, bool> {
        self.write(move |db| remove(db, owner, upload))
    }
}

pub fn add(db: &Connection, upload: &Upload, most: u64) -> Result<bool, StoreError> {
    let held = count(db, HELD, [upload.owner.as_bytes()])?;
    if held >= most {
        return Ok(false);
    }
    let sql = "INSERT INTO uploads (id, owner, name, type, bytes, sha256, status, created_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    db.prepare_cached(sql)?.execute(params![
        upload.id.as_bytes(),
        upload.owner.as_bytes(),
        upload.name,
        upload.r#type.as_str(),
        i64::try_from(upload.bytes).unwrap_or(i64::MAX),
        upload.sha256.0,
        upload.status.as_str(),
        upload.created_at.micros()
    ])?;
    Ok(true)
}

const HELD: &str = "SELECT count(*) FROM uploads WHERE owner = ?1";

const UPLOADS: &str = "SELECT id, owner, name, type, bytes, sha256, status, created_at FROM uploads";

pub fn find(db: &Connection, upload: UploadId) -> Result<Option<Upload>, StoreError> {
    one(db, &format!("{UPLOADS} WHERE id = ?1"), [upload.as_bytes()], read)
}

pub fn list(db: &Connection, owner: UserId, page: PageRequest) -> Result<Page<Upload>, StoreError> {
    let found = all(db, &list_sql(), params![owner.as_bytes(), before(&page), overfull(&page)], read)?;
    Ok(Page::from_overfull(found, page.limit, |upload| *upload.id.as_bytes()))
}

fn list_sql() -> String {
    format!("{UPLOADS} WHERE owner = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3")
}

pub fn mark(db: &Connection, upload: UploadId, status: UploadStatus) -> Result<bool, StoreError> {
    let sql = "UPDATE uploads SET status = ?2 WHERE id = ?1";
    Ok(db.prepare_cached(sql)?.execute(params![upload.as_bytes(), status.as_str()])? == 1)
}

pub fn remove(db: &Connection, owner: UserId, upload: UploadId) -> Result<bool, StoreError> {
    let sql = "DELETE FROM uploads WHERE id = ?1 AND owner = ?2";
    Ok(db.prepare_cached(sql)?.execute([upload.as_bytes(), owner.as_bytes()])? == 1)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Upload> {
    Ok(Upload {
        id: UploadId::from_bytes(row.get(0)?),
        owner: UserId::from_bytes(row.get(1)?),
        name: row.get(2)?,
        r#type: word(row, 3)?,
        bytes: number(row, 4)?,
        sha256: Sha256(row.get(5)?),
        status: word(row, 6)?,
        created_at: timestamp(row, 7)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::plan::{assert_costly_without_indexes, assert_reads_by};

    #[test]
    fn an_owners_files_are_read_by_index() {
        for (sql, way) in [
            (list_sql(), "INDEX uploads_by_owner (owner=? AND id<?)"),
            (HELD.to_owned(), "COVERING INDEX uploads_by_owner (owner=?)"),
        ] {
            assert_reads_by(&sql, way);
            assert_costly_without_indexes(&sql);
        }
    }
}
