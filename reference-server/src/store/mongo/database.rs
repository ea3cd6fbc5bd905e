//! One database as a query or a change sees it: the same calls inside a transaction and outside.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::TryStreamExt;
use futures_util::future::BoxFuture;
use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use mongodb::options::{CountOptions, FindOneAndUpdateOptions, FindOptions, ReturnDocument, UpdateOptions};
use mongodb::results::UpdateResult;
use mongodb::{ClientSession, Collection};

use super::collection::USERS;
use super::value::{Row, before};
use crate::domain::{Page, PageRequest, Person, UserId};
use crate::store::StoreError;

/// A database, and the session of the transaction that is open on it, if one is.
pub struct Database {
    database: mongodb::Database,
    session: Option<ClientSession>,
    max_time: Duration,
}

/// What is looked for.
pub struct Query {
    filter: Document,
    options: FindOptions,
}

impl Query {
    /// All documents that match.
    pub fn new(filter: Document) -> Self {
        Self { filter, options: FindOptions::default() }
    }

    /// One page and one document more, newest first by this field, which holds identifiers.
    pub fn page(filter: Document, field: &str, page: &PageRequest) -> Self {
        let limit = i64::try_from(page.limit).unwrap_or(i64::MAX).saturating_add(1);
        Self::new(before(filter, field, page)).newest(field).limit(limit)
    }

    /// In descending order of this field.
    pub fn newest(self, field: &str) -> Self {
        self.sorted(doc! { field: -1 })
    }

    /// In this order.
    pub fn sorted(mut self, order: Document) -> Self {
        self.options.sort = Some(order);
        self
    }

    /// So many documents at most.
    pub fn limit(mut self, limit: i64) -> Self {
        self.options.limit = Some(limit);
        self
    }

    /// Only these fields, and `_id`.
    pub fn fields(mut self, names: &[&str]) -> Self {
        self.options.projection =
            Some(names.iter().map(|name| ((*name).to_owned(), Bson::Int32(1))).collect());
        self
    }
}

impl Database {
    /// The database outside any transaction.
    pub fn new(database: mongodb::Database, max_time: Duration) -> Self {
        Self { database, session: None, max_time }
    }

    /// The database inside the transaction of this session.
    pub fn within(database: mongodb::Database, session: ClientSession, max_time: Duration) -> Self {
        Self { database, session: Some(session), max_time }
    }

    /// The transaction's session.
    pub fn session(&mut self) -> Option<&mut ClientSession> {
        self.session.as_mut()
    }

    fn collection(&self, name: &str) -> Collection<RawDocumentBuf> {
        self.database.collection(name)
    }

    /// Every document that a query finds, read by `read`.
    pub async fn all<T>(
        &mut self,
        collection: &str,
        query: Query,
        read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let collection = self.collection(collection);
        let find = collection.find(query.filter).with_options(query.options).max_time(self.max_time);
        let found: Vec<RawDocumentBuf> = match &mut self.session {
            Some(session) => {
                let mut cursor = find.session(&mut *session).await?;
                cursor.stream(session).try_collect().await?
            }
            None => find.await?.try_collect().await?,
        };
        found.iter().map(|document| read(&Row(document))).collect()
    }

    /// The first document that a query finds.
    pub async fn one<T>(
        &mut self,
        collection: &str,
        query: Query,
        read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        // A limit of one with a sign: one batch, and no cursor stays open.
        Ok(self.all(collection, query.limit(-1), read).await?.pop())
    }

    /// Whether a document matches.
    pub async fn exists(&mut self, collection: &str, filter: Document) -> Result<bool, StoreError> {
        Ok(self.one(collection, Query::new(filter).fields(&[]), |_| Ok(())).await?.is_some())
    }

    /// How many documents match.
    pub async fn count(&mut self, collection: &str, filter: Document) -> Result<u64, StoreError> {
        let options = CountOptions::builder().max_time(self.max_time).build();
        let collection = self.collection(collection);
        let count = collection.count_documents(filter).with_options(options);
        Ok(match &mut self.session {
            Some(session) => count.session(session).await?,
            None => count.await?,
        })
    }

    /// Every document that a pipeline leads to, read by `read`.
    pub async fn aggregate<T>(
        &mut self,
        collection: &str,
        pipeline: Vec<Document>,
        read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let collection = self.collection(collection);
        let aggregate = collection.aggregate(pipeline).max_time(self.max_time).with_type::<RawDocumentBuf>();
        let found: Vec<RawDocumentBuf> = match &mut self.session {
            Some(session) => {
                let mut cursor = aggregate.session(&mut *session).await?;
                cursor.stream(session).try_collect().await?
            }
            None => aggregate.await?.try_collect().await?,
        };
        found.iter().map(|document| read(&Row(document))).collect()
    }

    /// How many of the documents that match have each word in this field.
    pub async fn count_by(
        &mut self,
        collection: &str,
        filter: Document,
        field: &str,
    ) -> Result<Vec<(String, u64)>, StoreError> {
        let group = doc! { "_id": format!("${field}"), "count": { "$sum": 1 } };
        let pipeline = vec![doc! { "$match": filter }, doc! { "$group": group }];
        self.aggregate(collection, pipeline, |row| Ok((row.string("_id")?, row.count("count")?))).await
    }

    /// Adds a document.
    pub async fn insert(&mut self, collection: &str, document: Document) -> Result<(), StoreError> {
        let collection = self.database.collection::<Document>(collection);
        let insert = collection.insert_one(document);
        match &mut self.session {
            Some(session) => insert.session(session).await?,
            None => insert.await?,
        };
        Ok(())
    }

    /// Changes the document that matches; tells whether there is one.
    pub async fn update(
        &mut self,
        collection: &str,
        filter: Document,
        update: Document,
    ) -> Result<bool, StoreError> {
        Ok(self.update_one(collection, filter, update, false).await?.matched_count > 0)
    }

    /// Adds a document unless one matches the filter, whose fields it gets as well; tells whether it did.
    pub async fn insert_unless(
        &mut self,
        collection: &str,
        filter: Document,
        document: Document,
    ) -> Result<bool, StoreError> {
        let update = doc! { "$setOnInsert": document };
        Ok(self.update_one(collection, filter, update, true).await?.upserted_id.is_some())
    }

    async fn update_one(
        &mut self,
        collection: &str,
        filter: Document,
        update: Document,
        upsert: bool,
    ) -> Result<UpdateResult, StoreError> {
        let collection = self.collection(collection);
        let options = UpdateOptions::builder().upsert(upsert).build();
        let update = collection.update_one(filter, update).with_options(options);
        Ok(match &mut self.session {
            Some(session) => update.session(session).await?,
            None => update.await?,
        })
    }

    /// Changes all documents that match; tells how many it changed.
    pub async fn update_all(
        &mut self,
        collection: &str,
        filter: Document,
        update: Document,
    ) -> Result<u64, StoreError> {
        let collection = self.collection(collection);
        let update = collection.update_many(filter, update);
        let updated = match &mut self.session {
            Some(session) => update.session(session).await?,
            None => update.await?,
        };
        Ok(updated.modified_count)
    }

    /// Changes the document that matches, or adds one; gives it as it is then.
    pub async fn upsert<T>(
        &mut self,
        collection: &str,
        filter: Document,
        update: Document,
        read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(found) = self.update_and_get(collection, filter.clone(), update, true, &read).await? {
            return Ok(found);
        }
        // Of two that meet, a server may tell the second one nothing although the document is there.
        self.one(collection, Query::new(filter), read).await?.ok_or(StoreError::Missing("document"))
    }

    /// Changes the document that matches; gives it as it is then.
    pub async fn update_and_read<T>(
        &mut self,
        collection: &str,
        filter: Document,
        update: Document,
        read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        self.update_and_get(collection, filter, update, false, read).await
    }

    async fn update_and_get<T>(
        &mut self,
        collection: &str,
        filter: Document,
        update: Document,
        upsert: bool,
        read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let after = ReturnDocument::After;
        let options = FindOneAndUpdateOptions::builder().upsert(upsert).return_document(after).build();
        let collection = self.collection(collection);
        let update = collection.find_one_and_update(filter, update).with_options(options);
        let found = match &mut self.session {
            Some(session) => update.session(session).await?,
            None => update.await?,
        };
        found.map(|document| read(&Row(&document))).transpose()
    }

    /// Removes the document that matches; tells whether there was one.
    pub async fn delete(&mut self, collection: &str, filter: Document) -> Result<bool, StoreError> {
        let collection = self.collection(collection);
        let delete = collection.delete_one(filter);
        let deleted = match &mut self.session {
            Some(session) => delete.session(session).await?,
            None => delete.await?,
        };
        Ok(deleted.deleted_count > 0)
    }

    /// Answers when the server that takes writes does.
    pub fn ping(&mut self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async {
            self.database.run_command(doc! { "ping": 1 }).await?;
            Ok(())
        })
    }

    /// Removes all documents that match; tells how many there were.
    pub async fn delete_all(&mut self, collection: &str, filter: Document) -> Result<u64, StoreError> {
        let collection = self.collection(collection);
        let delete = collection.delete_many(filter);
        let deleted = match &mut self.session {
            Some(session) => delete.session(session).await?,
            None => delete.await?,
        };
        Ok(deleted.deleted_count)
    }

    /// Fails when there is no such account.
    pub async fn require_user(&mut self, user: UserId) -> Result<(), StoreError> {
        if self.exists(USERS, doc! { "_id": user }).await? {
            Ok(())
        } else {
            Err(StoreError::Missing("user"))
        }
    }

    /// The people of these accounts: one query, however many there are.
    pub async fn people(&mut self, mut users: Vec<UserId>) -> Result<HashMap<UserId, Person>, StoreError> {
        users.sort_unstable();
        users.dedup();
        if users.is_empty() {
            return Ok(HashMap::new());
        }
        let query = Query::new(doc! { "_id": { "$in": users } });
        let found = self.all(USERS, query.fields(&["username", "name"]), read_person).await?;
        Ok(found.into_iter().map(|person| (person.id, person)).collect())
    }

    /// Each item of a page beside the person that `user` names in it. An item whose account is gone is left out.
    pub async fn with_people<T, U>(
        &mut self,
        page: Page<T>,
        user: impl Fn(&T) -> UserId,
        join: impl Fn(T, Person) -> U,
    ) -> Result<Page<U>, StoreError> {
        let people = self.people(page.items.iter().map(&user).collect()).await?;
        let Page { items, next_cursor } = page;
        let joined = items.into_iter().filter_map(|item| {
            let person = people.get(&user(&item))?.clone();
            Some(join(item, person))
        });
        Ok(Page { items: joined.collect(), next_cursor })
    }

    /// A page of the people that `user` names in the documents that match.
    pub async fn people_of(
        &mut self,
        collection: &str,
        filter: Document,
        user: &'static str,
        page: PageRequest,
    ) -> Result<Page<Person>, StoreError> {
        let query = Query::page(filter, "_id", &page).fields(&[user]);
        let found = self.all(collection, query, |row| Ok((row.bytes16("_id")?, row.id(user)?))).await?;
        let found = Page::from_overfull(found, page.limit, |(place, _)| *place);
        self.with_people(found, |(_, user)| *user, |_, person| person).await
    }
}

/// Adds the names of a person that was read without them.
pub fn add_names(person: &mut Person, people: &HashMap<UserId, Person>) {
    if let Some(found) = people.get(&person.id) {
        *person = found.clone();
    }
}

fn read_person(row: &Row<'_>) -> Result<Person, StoreError> {
    row.person()
}
