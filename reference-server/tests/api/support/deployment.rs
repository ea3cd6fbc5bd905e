use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// How Redis is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Standalone,
    Sentinel,
    Cluster,
}

/// A Redis of the test's own, killed when it is dropped. It keeps nothing on disk: restarted, it is empty.
pub struct Deployment {
    pub kind: Kind,
    nodes: Vec<Node>,
    sentinels: Vec<Node>,
    _dir: TempDir,
}

impl Deployment {
    pub fn start(kind: Kind) -> Self {
        let dir = tempfile::tempdir().unwrap();
        match kind {
            Kind::Standalone => {
                let nodes = vec![Node::redis(dir.path(), &[])];
                Self { kind, nodes, sentinels: Vec::new(), _dir: dir }
            }
            Kind::Sentinel => Self::sentinel(dir),
            Kind::Cluster => Self::cluster(dir),
        }
    }

    fn sentinel(dir: TempDir) -> Self {
        let master = Node::redis(dir.path(), &[]);
        let of = ["127.0.0.1".to_owned(), master.port.to_string()];
        let replica =
            || Node::redis(dir.path(), &["--replicaof", &of[0], &of[1], "--repl-diskless-sync-delay", "0"]);
        let nodes = vec![replica(), replica(), master];
        let sentinels: Vec<_> = (0..3).map(|_| Node::sentinel(dir.path(), nodes[2].port)).collect();
        for sentinel in &sentinels {
            until("the Sentinels know one another and the replicas", || {
                let known = sentinel.ask(&["SENTINEL", "MASTER", "main"]).replace('\n', " ");
                known.contains("num-slaves 2") && known.contains("num-other-sentinels 2")
            });
        }
        until("the replicas follow", || {
            nodes[2].ask(&["INFO", "replication"]).matches("state=online").count() == 2
        });
        Self { kind: Kind::Sentinel, nodes, sentinels, _dir: dir }
    }

    fn cluster(dir: TempDir) -> Self {
        let args = || {
            let bus = free_port().to_string();
            let file = format!("nodes-{bus}.conf");
            ["--cluster-enabled", "yes", "--cluster-node-timeout", "1500", "--cluster-port", &bus]
                .into_iter()
                .chain(["--cluster-config-file", &file])
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let nodes: Vec<_> = (0..6)
            .map(|_| Node::redis(dir.path(), &args().iter().map(String::as_str).collect::<Vec<_>>()))
            .collect();
        let mut create = Command::new("redis-cli");
        create
            .args(["--cluster", "create"])
            .args(nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)));
        create.args(["--cluster-replicas", "1", "--cluster-yes"]);
        let created = create.output().unwrap();
        assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stdout));
        let redis = Self { kind: Kind::Cluster, nodes, sentinels: Vec::new(), _dir: dir };
        redis.wait();
        until("the replicas follow", || {
            let linked = |node: &&Node| node.ask(&["INFO", "replication"]).contains("master_link_status:up");
            redis.nodes.iter().filter(linked).count() == 3
        });
        redis
    }

    pub fn url(&self) -> String {
        let all = |nodes: &[Node]| {
            nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect::<Vec<_>>().join(",")
        };
        match self.kind {
            Kind::Standalone => format!("redis://{}", all(&self.nodes)),
            Kind::Sentinel => format!("redis+sentinel://{}/main", all(&self.sentinels)),
            Kind::Cluster => format!("redis+cluster://{}", all(&self.nodes)),
        }
    }

    /// Kills all of it.
    pub fn stop(&mut self) {
        self.sentinels.iter_mut().chain(&mut self.nodes).for_each(Node::kill);
    }

    /// Starts it again, empty, on the same ports.
    pub fn start_again(&mut self) {
        for node in self.nodes.iter_mut().rev().chain(&mut self.sentinels) {
            node.launch();
        }
        self.wait();
    }

    /// Kills a master. One of its replicas takes over after a while.
    pub fn kill_master(&mut self) {
        let is_master = |node: &Node| node.ask(&["ROLE"]).starts_with("master");
        let at = self.nodes.iter().rposition(is_master).unwrap();
        self.nodes[at].kill();
    }

    /// Runs a command at each node, and gives the answers.
    pub fn ask(&self, command: &[&str]) -> Vec<String> {
        self.nodes.iter().map(|node| node.ask(command)).collect()
    }

    fn wait(&self) {
        if self.kind == Kind::Cluster {
            for node in self.nodes.iter().filter(|node| node.process.is_some()) {
                until("the Cluster is complete", || {
                    node.ask(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
                });
            }
        }
    }
}

struct Node {
    port: u16,
    command: Vec<String>,
    process: Option<Child>,
}

impl Node {
    fn redis(dir: &Path, more: &[&str]) -> Self {
        let command = ["--save", "", "--appendonly", "no", "--dir", dir.to_str().unwrap()];
        Self::start(command.iter().chain(more).map(|&arg| arg.to_owned()).collect())
    }

    fn sentinel(dir: &Path, master: u16) -> Self {
        let file = dir.join(format!("sentinel-{}.conf", free_port()));
        let text = format!(
            "sentinel monitor main 127.0.0.1 {master} 2\nsentinel down-after-milliseconds main 1000\n\
             sentinel failover-timeout main 3000\n"
        );
        std::fs::write(&file, text).unwrap();
        Self::start(vec![file.to_str().unwrap().to_owned(), "--sentinel".to_owned()])
    }

    fn start(command: Vec<String>) -> Self {
        let mut node = Self { port: free_port(), command, process: None };
        node.launch();
        node
    }

    fn launch(&mut self) {
        if self.process.is_some() {
            return;
        }
        let mut command = Command::new("redis-server");
        // A Sentinel's file comes first, and before any option.
        let file = self.command.first().filter(|first| !first.starts_with("--"));
        command.args(file).args(["--bind", "127.0.0.1", "--port", &self.port.to_string()]);
        command.args(self.command.iter().skip(usize::from(file.is_some())));
        self.process = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        until("redis-server answers", || self.ask(&["PING"]) == "PONG");
    }

    fn ask(&self, command: &[&str]) -> String {
        let asked = Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(command).output();
        String::from_utf8(asked.unwrap().stdout).unwrap().trim().to_owned()
    }

    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "not in time: {what}");
        std::thread::sleep(PAUSE);
    }
}
