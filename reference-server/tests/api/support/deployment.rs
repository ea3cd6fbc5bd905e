use redis::Value;
use redis_fixture::{Cluster, Sentinels, Server, Version};

/// How Redis is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Standalone,
    Sentinel,
    Cluster,
}

/// A Redis of the test's own, killed when it is dropped. It keeps nothing on disk: restarted, it is empty.
pub struct Deployment {
    servers: Servers,
}

enum Servers {
    Standalone(Box<Server>),
    Sentinel(Sentinels),
    Cluster(Cluster),
}

impl Deployment {
    pub fn start(kind: Kind) -> Self {
        let servers = match kind {
            Kind::Standalone => Servers::Standalone(Box::new(Server::start())),
            Kind::Sentinel => Servers::Sentinel(Sentinels::start(Version::Installed, 2)),
            Kind::Cluster => Servers::Cluster(Cluster::start(Version::Installed)),
        };
        Self { servers }
    }

    pub fn url(&self) -> String {
        match &self.servers {
            Servers::Standalone(server) => server.url(),
            Servers::Sentinel(set) => set.url(),
            Servers::Cluster(cluster) => cluster.url(),
        }
    }

    /// Kills all of it.
    pub fn stop(&mut self) {
        self.all().for_each(Server::kill9);
    }

    /// Starts it again, empty, on the same ports.
    pub fn start_again(&mut self) {
        self.all().for_each(Server::restart);
        if let Servers::Cluster(cluster) = &self.servers {
            cluster.wait_until_complete();
        }
    }

    /// Kills a master. One of its replicas takes over after a while.
    pub fn kill_master(&mut self) {
        match &mut self.servers {
            Servers::Standalone(server) => server.kill9(),
            Servers::Sentinel(set) => drop(set.kill_master()),
            Servers::Cluster(cluster) => {
                let is_master = |node: &mut Server| node.is_running() && node.info("role") == "master";
                let at = cluster.nodes.iter_mut().rposition(is_master).unwrap();
                cluster.nodes[at].kill9();
            }
        }
    }

    /// Runs a command at each node, and gives the answers.
    pub fn ask(&self, command: &[&str]) -> Vec<String> {
        let nodes = match &self.servers {
            Servers::Standalone(server) => std::slice::from_ref(&**server),
            Servers::Sentinel(set) => &set.nodes,
            Servers::Cluster(cluster) => &cluster.nodes,
        };
        nodes.iter().map(|node| text(node.ask(command))).collect()
    }

    fn all(&mut self) -> Box<dyn Iterator<Item = &mut Server> + '_> {
        match &mut self.servers {
            Servers::Standalone(server) => Box::new(std::iter::once(&mut **server)),
            Servers::Sentinel(set) => Box::new(set.nodes.iter_mut().chain(&mut set.sentinels)),
            Servers::Cluster(cluster) => Box::new(cluster.nodes.iter_mut()),
        }
    }
}

/// An answer as lines; nothing is an empty line.
fn text(answer: Value) -> String {
    match answer {
        Value::Nil => String::new(),
        Value::Array(items) => items.into_iter().map(text).collect::<Vec<_>>().join("\n"),
        other => redis::from_redis_value(other).unwrap(),
    }
}
