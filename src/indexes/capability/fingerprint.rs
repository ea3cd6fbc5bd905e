//! Which server it is, from what it says of itself. Versions are not trusted: whoever resembles MongoDB reports
//! one of MongoDB's.

use bson::{Bson, Document, doc};
use schemars::JsonSchema;
use serde::Serialize;

use crate::indexes::IndexError;
use crate::indexes::live::Deployment;

/// Sent to see whether a server refuses what no server has.
const NO_COMMAND: &str = "scalectlNoSuchCommand";

/// A server that speaks MongoDB's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub enum Product {
    /// MongoDB itself.
    MongoDB,
    /// SecantusDB.
    SecantusDB,
    /// FerretDB.
    FerretDB,
    /// mongo-java-server.
    #[serde(rename = "mongo-java-server")]
    MongoJavaServer,
    /// nx-27017.
    #[serde(rename = "nx-27017")]
    Nx27017,
    /// Amazon DocumentDB.
    #[serde(rename = "Amazon DocumentDB")]
    AmazonDocumentDB,
    /// Azure Cosmos DB for MongoDB, vCore.
    #[serde(rename = "Azure Cosmos DB")]
    AzureCosmosDB,
    /// None of these; the evidence says what is known.
    #[serde(rename = "unknown")]
    Unknown,
}

impl Product {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::MongoDB => "MongoDB",
            Self::SecantusDB => "SecantusDB",
            Self::FerretDB => "FerretDB",
            Self::MongoJavaServer => "mongo-java-server",
            Self::Nx27017 => "nx-27017",
            Self::AmazonDocumentDB => "Amazon DocumentDB",
            Self::AzureCosmosDB => "Azure Cosmos DB",
            Self::Unknown => "an unknown server",
        }
    }
}

/// Which server it is, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Fingerprint {
    /// Which server it is.
    pub product: Product,
    /// The version of MongoDB that it reports.
    pub reported_version: String,
    /// Its own version, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_version: Option<String>,
    /// What gave it away.
    pub evidence: String,
}

/// Asks a server what it is; nothing is written.
pub async fn take(deployment: &Deployment) -> Result<Fingerprint, IndexError> {
    let status = answer(deployment, doc! { "serverStatus": 1 }).await?;
    let commands = answer(deployment, doc! { "listCommands": 1 }).await?;
    let nonsense = answer(deployment, doc! { NO_COMMAND: 1 }).await?;
    let told = Told {
        address: deployment.name(),
        build: &deployment.build_info,
        hello: &deployment.hello,
        status: status.unwrap_or_default(),
        commands: commands.unwrap_or_default(),
        takes_anything: nonsense.is_some(),
    };
    let (product, own_version, evidence) = told.recognize();
    let reported_version = deployment.version_text.clone();
    Ok(Fingerprint { product, reported_version, own_version, evidence })
}

/// What a server answers; nothing when it does not know the command, or the account may not ask.
async fn answer(deployment: &Deployment, command: Document) -> Result<Option<Document>, IndexError> {
    match deployment.run("admin", "ask which server it is", command).await {
        Ok(answer) => Ok(Some(answer)),
        Err(IndexError::Server { .. } | IndexError::Privilege { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a server said of itself.
struct Told<'a> {
    address: String,
    build: &'a Document,
    hello: &'a Document,
    status: Document,
    commands: Document,
    takes_anything: bool,
}

impl Told<'_> {
    fn recognize(&self) -> (Product, Option<String>, String) {
        let process = self.process();
        let text = |name: &str| self.build.get_str(name).ok().map(str::to_owned);
        if let Some(version) = text("secantusVersion") {
            return (Product::SecantusDB, Some(version), "buildInfo.secantusVersion".to_owned());
        }
        if let Some(version) = self.ferretdb() {
            return (Product::FerretDB, version, "buildInfo names ferretdb".to_owned());
        }
        let by_host = [
            (".docdb.amazonaws.com", Product::AmazonDocumentDB),
            (".docdb.amazonaws.com.cn", Product::AmazonDocumentDB),
            (".cosmos.azure.com", Product::AzureCosmosDB),
        ];
        if let Some((host, product)) = by_host.into_iter().find(|(host, _)| self.is_at(host)) {
            return (product, None, format!("its host ends with {host}"));
        }
        match process {
            "java" => return (Product::MongoJavaServer, None, "serverStatus.process is java".to_owned()),
            "nx_27017" => return (Product::Nx27017, None, "buildInfo.process is nx_27017".to_owned()),
            _ => {}
        }
        if self.hello.get_document("internal").is_ok_and(|inner| inner.contains_key("documentdb_versions")) {
            return (Product::Unknown, None, "hello names the DocumentDB extension of PostgreSQL".to_owned());
        }
        if self.takes_anything {
            return (Product::Unknown, None, "it says ok to a command that no server has".to_owned());
        }
        match self.lacks() {
            None => {
                (Product::MongoDB, None, format!("{process}, built by MongoDB's makers, with its commands"))
            }
            Some(lack) => (Product::Unknown, None, lack),
        }
    }

    fn process(&self) -> &str {
        let path =
            self.status.get_str("process").or_else(|_| self.build.get_str("process")).unwrap_or("mongod");
        path.rsplit(['/', '\\']).next().unwrap_or(path).trim_end_matches(".exe")
    }

    fn ferretdb(&self) -> Option<Option<String>> {
        let version = |name: &str| self.build.get_str(name).ok().map(str::to_owned);
        let own = self.build.get_document("ferretdb").ok();
        let is_here = own.is_some() || self.build.contains_key("ferretdbVersion");
        let own = own.and_then(|own| own.get_str("version").ok()).map(str::to_owned);
        is_here.then(|| own.or_else(|| version("ferretdbVersion")))
    }

    /// Whether any host of the address, or of the set, is in a domain.
    fn is_at(&self, domain: &str) -> bool {
        let hosts = self.hello.get_array("hosts").into_iter().flatten().filter_map(Bson::as_str);
        let hosts = hosts.chain([self.address.as_str()]);
        let mut names = hosts.flat_map(|text| text.split([',', '/', '@', '?']));
        names.any(|host| host.split(':').next().is_some_and(|host| host.ends_with(domain)))
    }

    /// What MongoDB has and this server does not.
    fn lacks(&self) -> Option<String> {
        let process = self.process();
        if !["mongod", "mongos"].contains(&process) {
            return Some(format!("serverStatus.process is {process}, not mongod or mongos"));
        }
        let made = self.build.get_str("gitVersion").unwrap_or_default();
        let is_commit = made.len() == 40 && made.bytes().any(|byte| byte != b'0');
        if !is_commit {
            return Some("buildInfo.gitVersion is no commit of MongoDB".to_owned());
        }
        if self.build.get_array("modules").is_err() {
            return Some("buildInfo has no modules".to_owned());
        }
        let commands = self.commands.get_document("commands");
        let has_all = commands.is_ok_and(|known| {
            ["createIndexes", "collMod", "explain", "serverStatus"]
                .iter()
                .all(|name| known.contains_key(name))
        });
        (!has_all).then(|| "listCommands does not list what MongoDB has".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use bson::{Document, doc};

    use super::{Product, Told};

    fn recognized(build: &Document, status: Document, commands: Document) -> (Product, String) {
        let address = "mongodb://h:1".to_owned();
        let hello = doc! {};
        let told = Told { address, build, hello: &hello, status, commands, takes_anything: false };
        let (product, _, evidence) = told.recognize();
        (product, evidence)
    }

    #[test]
    fn mongodb_is_what_says_all_that_mongodb_says() {
        let build = doc! { "version": "7.0.1", "gitVersion": "425a0454d12f2664f9e31002bbe4a386a25345b5", "modules": [] };
        let commands =
            doc! { "commands": { "createIndexes": {}, "collMod": {}, "explain": {}, "serverStatus": {} } };
        let status = doc! { "process": "/usr/bin/mongod" };
        assert_eq!(recognized(&build, status.clone(), commands).0, Product::MongoDB);
        let (product, evidence) = recognized(&build, status, doc! {});
        assert_eq!(
            (product, evidence.as_str()),
            (Product::Unknown, "listCommands does not list what MongoDB has")
        );
    }

    #[test]
    fn servers_that_resemble_mongodb_give_themselves_away() {
        let version = doc! { "version": "7.0.77" };
        let of = |build: Document, status: Document| recognized(&build, status, doc! {}).0;
        assert_eq!(of(version.clone(), doc! { "process": "java" }), Product::MongoJavaServer);
        assert_eq!(of(doc! { "ferretdbVersion": "v1.24.0" }, doc! {}), Product::FerretDB);
        assert_eq!(of(doc! { "ferretdb": { "version": "v2.7.0" } }, doc! {}), Product::FerretDB);
        assert_eq!(of(doc! { "secantusVersion": "0.7" }, doc! {}), Product::SecantusDB);
        assert_eq!(of(doc! { "process": "nx_27017" }, doc! {}), Product::Nx27017);
        assert_eq!(of(version, doc! {}), Product::Unknown);
    }

    #[test]
    fn clouds_are_known_by_their_hosts() {
        let (build, hello) = (doc! {}, doc! {});
        let at = |address: &str| {
            let told = Told {
                address: address.to_owned(),
                build: &build,
                hello: &hello,
                status: doc! {},
                commands: doc! {},
                takes_anything: false,
            };
            told.recognize().0
        };
        assert_eq!(
            at("mongodb://u:***@c.node.eu-central-1.docdb.amazonaws.com:27017/?tls=true"),
            Product::AmazonDocumentDB
        );
        assert_eq!(at("mongodb+srv://c.mongocluster.cosmos.azure.com/?tls=true"), Product::AzureCosmosDB);
        assert_eq!(at("mongodb://docdb.amazonaws.com.example.org:27017"), Product::Unknown);
    }
}
