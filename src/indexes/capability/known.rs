//! What is known of servers without trying it: from the release notes of MongoDB, and from the documentation and
//! sources of those that resemble it.

use super::fingerprint::{Fingerprint, Product};
use super::{Capability, OptionClass, Verdict};
use crate::indexes::live::Version;

impl Fingerprint {
    /// What is known of a class without trying it; the evidence says that it was not tried.
    pub fn known(&self, class: OptionClass, version: Version) -> Capability {
        let (verdict, words) = match self.product {
            Product::MongoDB => of_mongodb(class, version),
            Product::MongoJavaServer => of_mongo_java_server(class),
            Product::AmazonDocumentDB => of_amazon(class),
            Product::Nx27017 => of_nx(class),
            Product::FerretDB if self.own_version.as_deref().is_some_and(|own| own.starts_with("v1")) => {
                of_ferretdb_1(class)
            }
            _ => (Verdict::Unknown, format!("nothing is known of it on {}", self.product.name())),
        };
        Capability { class, verdict, code: None, evidence: format!("{words} (not probed)") }
    }
}

fn of_mongodb(class: OptionClass, version: Version) -> (Verdict, String) {
    let since = match class {
        OptionClass::Wildcard | OptionClass::WildcardProjection => Version(4, 2),
        OptionClass::Hidden | OptionClass::ChangeHidden | OptionClass::CommitQuorum => Version(4, 4),
        OptionClass::PrepareUnique | OptionClass::ConvertUnique => Version(6, 0),
        _ => Version(3, 4),
    };
    match version >= since {
        true => (Verdict::Supported, format!("MongoDB has it since {since}, and this is {version}")),
        false => (Verdict::Rejected, format!("MongoDB has it since {since}, and this is {version}")),
    }
}

fn of_mongo_java_server(class: OptionClass) -> (Verdict, String) {
    let (verdict, words) = match class {
        OptionClass::Unique | OptionClass::Sparse => (Verdict::Supported, "enforced there"),
        OptionClass::Ordered => {
            (Verdict::NotEnforced, "an index that is not unique is listed there and not built")
        }
        OptionClass::Partial | OptionClass::Ttl | OptionClass::Hidden | OptionClass::Collation => {
            (Verdict::NotEnforced, "stored and listed there, and not applied")
        }
        OptionClass::IndexStats => (Verdict::NotEnforced, "counts nothing there"),
        OptionClass::PrepareUnique
        | OptionClass::ConvertUnique
        | OptionClass::ChangeHidden
        | OptionClass::ChangeTtl => (Verdict::Rejected, "there is no collMod there"),
        OptionClass::Explain => (Verdict::Rejected, "there is no explain there"),
        _ => (Verdict::Unknown, "nothing is known of it there"),
    };
    (verdict, words.to_owned())
}

fn of_nx(class: OptionClass) -> (Verdict, String) {
    let (verdict, words) = match class {
        OptionClass::Wildcard | OptionClass::WildcardProjection | OptionClass::IndexStats => {
            (Verdict::Rejected, "not implemented there")
        }
        _ => (Verdict::NotEnforced, "it says ok to nearly everything, and lists what it made of it"),
    };
    (verdict, words.to_owned())
}

fn of_amazon(class: OptionClass) -> (Verdict, String) {
    let (verdict, words) = match class {
        OptionClass::Collation
        | OptionClass::StorageEngine
        | OptionClass::Planar
        | OptionClass::Hashed
        | OptionClass::Wildcard
        | OptionClass::WildcardProjection => (Verdict::Rejected, "its documentation says that it has none"),
        OptionClass::IndexStats => (Verdict::Supported, "its documentation names it"),
        _ => (Verdict::Unknown, "it depends on the version of the cluster"),
    };
    (verdict, words.to_owned())
}

fn of_ferretdb_1(class: OptionClass) -> (Verdict, String) {
    let (verdict, words) = match class {
        OptionClass::Sparse => (Verdict::NotEnforced, "accepted there and ignored"),
        OptionClass::Ordered | OptionClass::Unique => (Verdict::Supported, "kept there"),
        OptionClass::Explain => (Verdict::NotEnforced, "explain shows the plan of the database below it"),
        OptionClass::CommitQuorum => (Verdict::Unknown, "nothing is known of it there"),
        _ => (Verdict::Rejected, "not implemented there"),
    };
    (verdict, words.to_owned())
}
