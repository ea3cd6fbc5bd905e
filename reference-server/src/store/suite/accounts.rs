//! Accounts and profiles.

use super::support::{account, new_account};
use crate::domain::{NewAccount, ProfileChange, Role, UploadId, UserId};
use crate::store::{Store, StoreError};

pub async fn run(store: &dyn Store) {
    accounts_are_unique_and_found(store).await;
    role_and_activity_are_kept(store).await;
    a_profile_changes_where_it_is_told_to(store).await;
    people_are_found_together(store).await;
}

async fn accounts_are_unique_and_found(store: &dyn Store) {
    let ada = account(store, "Ada").await;
    let taken = store.create_account(new_account("aDA", "other@example.com")).await;
    assert!(matches!(taken, Err(StoreError::Taken("username"))));
    let taken = store.create_account(new_account("other", "ADA@example.com")).await;
    assert!(matches!(taken, Err(StoreError::Taken("email"))));
    assert_eq!(store.find_account("ada").await.unwrap().unwrap().person, ada);
    assert!(store.find_account("nobody").await.unwrap().is_none());
    assert_eq!(store.profile(ada.id).await.unwrap().unwrap().person, ada);
    assert_eq!(store.profile_by_username("ADA").await.unwrap().unwrap().person, ada);
    assert!(store.profile(UserId::new()).await.unwrap().is_none());
    assert!(store.profile_by_username("nobody").await.unwrap().is_none());
}

async fn role_and_activity_are_kept(store: &dyn Store) {
    for (role, active) in [(Role::Citizen, true), (Role::Lawyer, false), (Role::Admin, true)] {
        let name = format!("role-{}", role.as_str());
        let account = NewAccount { role, active, ..new_account(&name, &format!("{name}@example.com")) };
        store.create_account(account).await.unwrap();
        let found = store.find_account(&name).await.unwrap().unwrap();
        assert_eq!((found.role, found.active), (role, active));
        let profile = store.profile(found.person.id).await.unwrap().unwrap();
        assert_eq!((profile.role, profile.active), (role, active));
    }
}

async fn a_profile_changes_where_it_is_told_to(store: &dyn Store) {
    let user = account(store, "changing").await;
    let fresh = store.profile(user.id).await.unwrap().unwrap();
    assert_eq!((fresh.bio.as_str(), fresh.avatar), ("", None));
    let picture = UploadId::new();
    let change = ProfileChange { bio: Some("about me".into()), avatar: Some(Some(picture)), name: None };
    let changed = store.change_profile(user.id, change).await.unwrap();
    assert_eq!((changed.bio.as_str(), changed.avatar), ("about me", Some(picture)));
    assert_eq!(changed.person, user);
    let renamed = ProfileChange { name: Some("New Name".into()), ..ProfileChange::default() };
    let renamed = store.change_profile(user.id, renamed).await.unwrap();
    assert_eq!((renamed.person.name.as_ref(), renamed.avatar), ("New Name", Some(picture)));
    let bare = ProfileChange { avatar: Some(None), bio: Some(String::new()), name: None };
    let bare = store.change_profile(user.id, bare).await.unwrap();
    assert_eq!((bare.bio.as_str(), bare.avatar, bare.person.name.as_ref()), ("", None, "New Name"));
    assert_eq!(store.profile_by_username("changing").await.unwrap(), Some(bare));
    let nobody = store.change_profile(UserId::new(), ProfileChange::default()).await;
    assert!(matches!(nobody, Err(StoreError::Missing("user"))));
}

async fn people_are_found_together(store: &dyn Store) {
    let (one, two) = (account(store, "crowd-1").await, account(store, "crowd-2").await);
    let asked = vec![two.id, UserId::new(), one.id];
    assert_eq!(store.people(asked).await.unwrap(), [two, one]);
    assert_eq!(store.people(Vec::new()).await.unwrap(), []);
}
