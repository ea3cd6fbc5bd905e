//! What is known of files.

use super::support::{account, after, first};
use crate::domain::{FileType, Sha256, Timestamp, Upload, UploadId, UploadStatus, UserId};
use crate::store::Store;

pub async fn run(store: &dyn Store) {
    records_are_kept_and_removed_by_their_owner(store).await;
    an_owner_keeps_so_many_and_no_more(store).await;
    lists_are_paged_newest_first(store).await;
}

fn new_upload(owner: UserId) -> Upload {
    Upload {
        id: UploadId::new(),
        owner,
        name: "cat 🐈.png".into(),
        r#type: FileType::Png,
        bytes: 5 * 1024 * 1024 * 1024,
        sha256: Sha256([0xfe; 32]),
        status: UploadStatus::Pending,
        created_at: Timestamp::now(),
    }
}

async fn add(store: &dyn Store, owner: UserId) -> Upload {
    let upload = new_upload(owner);
    assert!(store.add_upload(upload.clone(), 100).await.unwrap());
    upload
}

async fn records_are_kept_and_removed_by_their_owner(store: &dyn Store) {
    let (owner, nosy) = (account(store, "file-own").await, account(store, "file-nosy").await);
    let upload = add(store, owner.id).await;
    assert_eq!(store.upload(upload.id).await.unwrap(), Some(upload.clone()));
    assert!(store.mark_upload(upload.id, UploadStatus::Failed).await.unwrap());
    let failed = Upload { status: UploadStatus::Failed, ..upload.clone() };
    assert_eq!(store.upload(upload.id).await.unwrap(), Some(failed));
    assert!(!store.remove_upload(nosy.id, upload.id).await.unwrap());
    assert!(store.remove_upload(owner.id, upload.id).await.unwrap());
    assert!(!store.remove_upload(owner.id, upload.id).await.unwrap());
    assert_eq!(store.upload(upload.id).await.unwrap(), None);
    assert!(!store.mark_upload(upload.id, UploadStatus::Processed).await.unwrap());
}

async fn an_owner_keeps_so_many_and_no_more(store: &dyn Store) {
    let (full, other) = (account(store, "file-full").await, account(store, "file-other").await);
    let adds = (0..6).map(|_| store.add_upload(new_upload(full.id), 3));
    let added = futures_util::future::join_all(adds).await;
    assert_eq!(added.iter().filter(|added| matches!(added, Ok(true))).count(), 3, "{added:?}");
    let held = store.uploads(full.id, first(10)).await.unwrap().items;
    assert_eq!(held.len(), 3);
    assert!(store.add_upload(new_upload(other.id), 3).await.unwrap());
    assert!(store.remove_upload(full.id, held[0].id).await.unwrap());
    assert!(store.add_upload(new_upload(full.id), 3).await.unwrap());
}

async fn lists_are_paged_newest_first(store: &dyn Store) {
    let owner = account(store, "file-list").await;
    let (one, two, three) =
        (add(store, owner.id).await, add(store, owner.id).await, add(store, owner.id).await);
    let page = store.uploads(owner.id, first(2)).await.unwrap();
    assert_eq!(page.items, [three, two]);
    let rest = store.uploads(owner.id, after(&page, 2)).await.unwrap();
    assert_eq!((rest.items.as_slice(), rest.next_cursor), (&[one][..], None));
}
