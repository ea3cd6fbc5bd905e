//! Appointments. The times that a lawyer has promised are in one document, the diary: whether a time is free
//! and taking it are one step, whoever else confirms at the same moment.

use mongodb::bson::{Bson, Document, doc};

use super::MongoStore;
use super::cases::of;
use super::collection::{CONSULTATIONS, DIARIES};
use super::database::{Database, Query};
use super::value::Row;
use crate::domain::{
    Consultation, ConsultationFilter, ConsultationId, ConsultationStatus, Page, PageRequest, Timestamp,
    UserId,
};
use crate::store::{Answer, ConsultationStore, StoreError};

impl ConsultationStore for MongoStore {
    fn request_consultation(&self, consultation: Consultation) -> Answer<'_, ()> {
        self.write(move |db| Box::pin(request(db, consultation.clone())))
    }

    fn consultation(&self, consultation: ConsultationId) -> Answer<'_, Option<Consultation>> {
        self.read_newest(move |db| Box::pin(find(db, consultation)))
    }

    fn consultations(&self, filter: ConsultationFilter, page: PageRequest) -> Answer<'_, Page<Consultation>> {
        self.read(move |db| Box::pin(list(db, filter, page)))
    }

    fn move_consultation(&self, seen: Consultation, next: ConsultationStatus) -> Answer<'_, bool> {
        self.transact(move |db| Box::pin(move_on(db, seen.clone(), next)))
    }
}

const MICROS_PER_MINUTE: i64 = 60_000_000;

async fn request(db: &mut Database, wanted: Consultation) -> Result<(), StoreError> {
    let busy = doc! { "_id": wanted.lawyer.id, "slots": { "$elemMatch": overlapping(&wanted) } };
    if db.exists(DIARIES, busy).await? {
        return Err(StoreError::Taken("time"));
    }
    let document = doc! {
        "_id": wanted.id,
        "citizen": wanted.citizen.id,
        "lawyer": wanted.lawyer.id,
        "startsAt": wanted.starts_at,
        "endsAt": wanted.ends_at(),
        "status": wanted.status.as_str(),
        "createdAt": wanted.created_at,
    };
    db.insert(CONSULTATIONS, document).await
}

/// A time of another consultation that overlaps this one's.
fn overlapping(wanted: &Consultation) -> Document {
    doc! {
        "startsAt": { "$lt": wanted.ends_at() },
        "endsAt": { "$gt": wanted.starts_at },
        "consultation": { "$ne": wanted.id },
    }
}

async fn find(db: &mut Database, consultation: ConsultationId) -> Result<Option<Consultation>, StoreError> {
    let items = db.all(CONSULTATIONS, Query::new(doc! { "_id": consultation }), read).await?;
    Ok(with_people(db, Page { items, next_cursor: None }).await?.items.pop())
}

async fn list(
    db: &mut Database,
    ConsultationFilter { whose, status }: ConsultationFilter,
    page: PageRequest,
) -> Result<Page<Consultation>, StoreError> {
    let mut filter = of(whose, "lawyer");
    filter.extend(status.map(|status| ("status".to_owned(), Bson::from(status.as_str()))));
    let found = db.all(CONSULTATIONS, Query::page(filter, "_id", &page), read).await?;
    let found = Page::from_overfull(found, page.limit, |consultation| *consultation.id.as_bytes());
    with_people(db, found).await
}

/// Confirmed consultations of a lawyer that have not begun, the next one first.
pub async fn next(
    db: &mut Database,
    lawyer: UserId,
    now: Timestamp,
    most: usize,
) -> Result<Vec<Consultation>, StoreError> {
    let confirmed = ConsultationStatus::Confirmed.as_str();
    let filter = doc! { "lawyer": lawyer, "status": confirmed, "startsAt": { "$gt": now } };
    let query = Query::new(filter).sorted(doc! { "startsAt": 1 }).limit(most as i64);
    let items = db.all(CONSULTATIONS, query, read).await?;
    Ok(with_people(db, Page { items, next_cursor: None }).await?.items)
}

async fn move_on(
    db: &mut Database,
    seen: Consultation,
    next: ConsultationStatus,
) -> Result<bool, StoreError> {
    let own = doc! { "_id": seen.id };
    let filter = doc! { "_id": seen.id, "status": seen.status.as_str() };
    if !db.update(CONSULTATIONS, filter, set_status(next)).await? {
        return Ok(false);
    }
    if seen.status == ConsultationStatus::Confirmed {
        give_time_back(db, &seen).await?;
    }
    if next == ConsultationStatus::Confirmed
        && let Err(busy) = take_time(db, &seen).await
    {
        // Without a transaction nobody else undoes it; with one, this has no effect.
        let _ = db.update(CONSULTATIONS, own, set_status(seen.status)).await;
        return Err(busy);
    }
    Ok(true)
}

fn set_status(status: ConsultationStatus) -> Document {
    doc! { "$set": { "status": status.as_str() } }
}

/// Notes the time in the diary, if no other consultation overlaps it. What is over goes from the diary.
async fn take_time(db: &mut Database, wanted: &Consultation) -> Result<(), StoreError> {
    let diary = doc! { "_id": wanted.lawyer.id };
    let over = doc! { "$pull": { "slots": { "endsAt": { "$lte": Timestamp::now() } } } };
    db.upsert(DIARIES, diary, over, |_| Ok(())).await?;
    let free = doc! { "_id": wanted.lawyer.id, "slots": { "$not": { "$elemMatch": overlapping(wanted) } } };
    let slot = doc! { "consultation": wanted.id, "startsAt": wanted.starts_at, "endsAt": wanted.ends_at() };
    let taken = db.update(DIARIES, free, doc! { "$addToSet": { "slots": slot } }).await?;
    if taken { Ok(()) } else { Err(StoreError::Taken("time")) }
}

async fn give_time_back(db: &mut Database, consultation: &Consultation) -> Result<(), StoreError> {
    let own = doc! { "$pull": { "slots": { "consultation": consultation.id } } };
    db.update(DIARIES, doc! { "_id": consultation.lawyer.id }, own).await.map(drop)
}

async fn with_people(db: &mut Database, page: Page<Consultation>) -> Result<Page<Consultation>, StoreError> {
    let page =
        db.with_people(page, |found| found.citizen.id, |found, citizen| Consultation { citizen, ..found });
    let page = page.await?;
    db.with_people(page, |found| found.lawyer.id, |found, lawyer| Consultation { lawyer, ..found }).await
}

fn read(row: &Row<'_>) -> Result<Consultation, StoreError> {
    let (starts_at, ends_at) = (row.time("startsAt")?, row.time("endsAt")?);
    let minutes = (ends_at.micros() - starts_at.micros()) / MICROS_PER_MINUTE;
    Ok(Consultation {
        id: row.id("_id")?,
        citizen: row.nameless("citizen")?,
        lawyer: row.nameless("lawyer")?,
        starts_at,
        minutes: u16::try_from(minutes).unwrap_or(u16::MAX),
        status: row.word("status")?,
        created_at: row.time("createdAt")?,
    })
}
