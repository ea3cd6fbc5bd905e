//! Queries and disputes: two collections that differ in one field.

use mongodb::bson::{Document, doc};

use super::MongoStore;
use super::collection::of_cases;
use super::database::{Database, Query, add_names};
use super::value::Row;
use crate::domain::{Case, CaseFilter, CaseKind, CaseRef, Matter, Page, PageRequest, Whose};
use crate::store::{Answer, CaseStore, StoreError};

impl CaseStore for MongoStore {
    fn open_case(&self, case: Case) -> Answer<'_, ()> {
        self.write(move |db| Box::pin(open(db, case.clone())))
    }

    fn case(&self, case: CaseRef) -> Answer<'_, Option<Case>> {
        self.read_newest(move |db| Box::pin(find(db, case)))
    }

    fn cases(&self, kind: CaseKind, filter: CaseFilter, page: PageRequest) -> Answer<'_, Page<Case>> {
        self.read(move |db| Box::pin(list(db, kind, filter, page)))
    }

    fn replace_case(&self, seen: Case, next: Case) -> Answer<'_, bool> {
        self.write(move |db| Box::pin(replace(db, seen.clone(), next.clone())))
    }
}

async fn open(db: &mut Database, case: Case) -> Result<(), StoreError> {
    db.insert(of_cases(case.kind()), document(&case)).await
}

/// The document of a case.
pub fn document(case: &Case) -> Document {
    let mut document = doc! {
        "_id": case.id,
        "citizen": case.citizen.id,
        "assignedLawyer": case.lawyer_id(),
        "title": &case.title,
        "description": &case.description,
        "status": case.status.as_str(),
        "outcome": case.outcome.as_deref(),
        "createdAt": case.created_at,
        "updatedAt": case.updated_at,
    };
    match &case.matter {
        Matter::Query { category } => document.insert("category", category.as_str()),
        Matter::Dispute { respondent } => document.insert("respondent", respondent.as_str()),
    };
    document
}

async fn find(db: &mut Database, CaseRef { kind, id }: CaseRef) -> Result<Option<Case>, StoreError> {
    let found = db.all(of_cases(kind), Query::new(doc! { "_id": id }), move |row| read(row, kind)).await?;
    let page = Page { items: found, next_cursor: None };
    Ok(with_people(db, page).await?.items.pop())
}

async fn list(
    db: &mut Database,
    kind: CaseKind,
    filter: CaseFilter,
    page: PageRequest,
) -> Result<Page<Case>, StoreError> {
    let query = Query::page(matching(filter), "_id", &page);
    let found = db.all(of_cases(kind), query, move |row| read(row, kind)).await?;
    let found = Page::from_overfull(found, page.limit, |case| *case.id.as_bytes());
    with_people(db, found).await
}

fn matching(CaseFilter { whose, status, category }: CaseFilter) -> Document {
    let mut filter = of(whose, "assignedLawyer");
    filter.extend(status.map(|status| ("status".to_owned(), status.as_str().into())));
    filter.extend(category.map(|category| ("category".to_owned(), category.as_str().into())));
    filter
}

/// Restricts a list of documents with a citizen and, in the field of this name, a lawyer.
pub fn of(whose: Whose, lawyer: &str) -> Document {
    match whose {
        Whose::Everybody => Document::new(),
        Whose::Citizen(user) => doc! { "citizen": user },
        Whose::Lawyer(user) => doc! { lawyer: user },
    }
}

async fn replace(db: &mut Database, seen: Case, next: Case) -> Result<bool, StoreError> {
    let filter = doc! {
        "_id": seen.id,
        "status": seen.status.as_str(),
        "assignedLawyer": seen.lawyer_id(),
    };
    let change = doc! {
        "status": next.status.as_str(),
        "assignedLawyer": next.lawyer_id(),
        "outcome": next.outcome,
        "updatedAt": next.updated_at,
    };
    db.update(of_cases(seen.kind()), filter, doc! { "$set": change }).await
}

async fn with_people(db: &mut Database, page: Page<Case>) -> Result<Page<Case>, StoreError> {
    let involved = page.items.iter().flat_map(|case| [Some(case.citizen.id), case.lawyer_id()]);
    let people = db.people(involved.flatten().collect()).await?;
    Ok(page.map(|mut case| {
        for person in [Some(&mut case.citizen), case.lawyer.as_mut()].into_iter().flatten() {
            add_names(person, &people);
        }
        case
    }))
}

fn read(row: &Row<'_>, kind: CaseKind) -> Result<Case, StoreError> {
    let matter = match kind {
        CaseKind::Query => Matter::Query { category: row.word("category")? },
        CaseKind::Dispute => Matter::Dispute { respondent: row.string("respondent")? },
    };
    Ok(Case {
        id: row.id("_id")?,
        citizen: row.nameless("citizen")?,
        lawyer: row.optional("assignedLawyer", Row::nameless)?,
        title: row.string("title")?,
        description: row.string("description")?,
        matter,
        status: row.word("status")?,
        outcome: row.optional("outcome", Row::string)?,
        created_at: row.time("createdAt")?,
        updated_at: row.time("updatedAt")?,
    })
}
