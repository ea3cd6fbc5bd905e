//! Where load may go, and where its data may be removed: a slip in a URL must not become an attack on somebody else's
//! server, nor on one's own users.

use std::net::IpAddr;
use std::path::PathBuf;

use url::Url;

use crate::cli::Error;
use crate::cli::confirm::{Answer, ask};
use crate::clients::SecretUrl;
use crate::config::topology::{DEFAULT_FILE, Environment, Topology};
use crate::output::Output;

/// What may be loaded, and cleaned afterwards.
#[derive(Debug, clap::Args)]
pub struct AllowArgs {
    /// Allow load, or the removal of its data, on this host; hosts other than this machine's own have to be named, here or in scalectl.yaml
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<String>,
    /// The file that says which hosts load may go to, and what is production
    #[arg(long, value_name = "FILE", default_value = DEFAULT_FILE, env = "SCALECTL_CONFIG")]
    topology: PathBuf,
    /// Load or clean this production environment; without it, its name is asked for at a terminal
    #[arg(long, value_name = "NAME")]
    production: Option<String>,
}

impl AllowArgs {
    /// Whether load may go to `target`.
    pub fn ensure(&self, target: &Url, output: Output) -> Result<(), Error> {
        self.ensure_hosts(&Deed::LOAD, &[host(target)], |environment| is_of(environment, target), output)
    }

    /// Whether the data of runs may be removed from `store`.
    pub fn ensure_store(&self, store: &SecretUrl, output: Output) -> Result<(), Error> {
        let hosts = store.hosts();
        self.ensure_hosts(&Deed::REMOVAL, &hosts, |environment| keeps(environment, &hosts), output)
    }

    fn ensure_hosts(
        &self,
        deed: &Deed,
        hosts: &[&str],
        is_of: impl Fn(&Environment) -> bool,
        output: Output,
    ) -> Result<(), Error> {
        let topology = if self.topology.exists() { Some(Topology::load(&self.topology)?.1) } else { None };
        let environments = || topology.iter().flat_map(|topology| &topology.environments);
        let is_allowed = |host: &str| {
            let is_listed = environments().any(|(_, environment)| lists(environment, host));
            is_this_machine(host) || is_listed || self.names(host)
        };
        if let Some(host) = hosts.iter().find(|host| !is_allowed(host)) {
            return Err(Error::Refused(format!(
                "{} {host} was not allowed; if the host is yours{}, add --allow-host {host}, or list it under `load` of \
                 its environment in {}",
                deed.what,
                deed.purpose,
                self.topology.display()
            )));
        }
        let mut production = environments().filter(|(_, environment)| environment.production);
        match production.find(|(_, environment)| is_of(environment)) {
            Some((name, _)) => self.confirm(deed, name, &hosts.join(", "), output),
            None => Ok(()),
        }
    }

    fn names(&self, host: &str) -> bool {
        self.allow_host.iter().any(|name| name.eq_ignore_ascii_case(host))
    }

    fn confirm(&self, deed: &Deed, name: &str, host: &str, output: Output) -> Result<(), Error> {
        let refused =
            |why: &str| Err(Error::Refused(format!("{host} belongs to {name}, which is production: {why}")));
        match &self.production {
            Some(given) if given == name => return Ok(()),
            Some(given) => return refused(&format!("--production names {given}")),
            None => {}
        }
        let question =
            format!("{host} belongs to {name}, which is production, and would {}.", deed.consequence);
        match ask(output, &question, name)? {
            Answer::Given => Ok(()),
            Answer::Withheld => refused("not confirmed"),
            Answer::NobodyThere => refused(&format!("confirm with --production {name}")),
        }
    }
}

/// What is to be done, in words.
struct Deed {
    what: &'static str,
    purpose: &'static str,
    consequence: &'static str,
}

impl Deed {
    const LOAD: Self = Self { what: "load on", purpose: " to load", consequence: "be put under load" };
    const REMOVAL: Self =
        Self { what: "removing data from", purpose: "", consequence: "lose the data of test runs" };
}

/// The name or address of a target.
pub fn host(target: &Url) -> &str {
    target.host_str().unwrap_or_default().trim_matches(['[', ']'])
}

/// Whether a target is this machine itself.
pub fn is_loopback(target: &Url) -> bool {
    is_this_machine(host(target))
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn lists(environment: &Environment, host: &str) -> bool {
    environment.load.iter().any(|listed| listed.eq_ignore_ascii_case(host))
}

/// Whether a target is one of an environment's own servers.
fn is_of(environment: &Environment, target: &Url) -> bool {
    let urls = environment.app.iter().map(|instance| &instance.url).chain(&environment.load_balancer);
    let same = |url: &String| Url::parse(url).is_ok_and(|url| url.origin() == target.origin());
    lists(environment, host(target)) || urls.into_iter().any(same)
}

/// Whether a store of these hosts is one of an environment's own.
fn keeps(environment: &Environment, hosts: &[&str]) -> bool {
    let own = environment.mongodb.iter().chain(&environment.redis);
    let own: Vec<SecretUrl> = own.filter_map(|reference| reference.resolve().ok()).collect();
    let is_own = |host: &&str| own.iter().any(|store| store.hosts().contains(host));
    hosts.iter().any(|host| lists(environment, host) || is_own(host))
}
