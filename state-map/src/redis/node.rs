//! One server: a lane for commands that need no replicas, and one for those that do. `WAIT` blocks its connection, so
//! what has gathered there in the meantime goes together and shares one.

use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, Pipeline, Value, cmd, pipe};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::identity::{Alarm, Identity};
use super::lane::{Goal, Lane, add_scripts};
use super::trouble::{Sent, Trouble, in_words};

/// Commands that share one wait for the replicas at most.
const TOGETHER: usize = 256;

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// A call.
    pub call: Duration,
    /// Of it, the wait for replicas.
    pub replicate: Duration,
}

/// A command for one node.
#[derive(Debug, Clone)]
pub struct Errand {
    /// The command.
    pub command: Cmd,
    /// Whether the node is asked for a slot that it is only being given.
    pub asking: bool,
    /// Replicas that must have it.
    pub replicas: u32,
    /// Tells whether it was sent.
    pub sent: Sent,
}

/// A server.
#[derive(Debug)]
pub struct Node {
    plain: Lane,
    durable: Arc<Lane>,
    queue: mpsc::UnboundedSender<Waiting>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Waiting {
    errand: Errand,
    answer: oneshot::Sender<Result<Value, Trouble>>,
}

impl Node {
    /// A server that is not connected yet.
    pub fn new(goal: Goal, alarm: &Arc<Alarm>, limits: Limits) -> Self {
        let identity = Arc::new(Identity::new(alarm));
        let plain = Lane::new(goal.clone(), Arc::clone(&identity), limits.call);
        let durable = Arc::new(Lane::new(goal, identity, limits.call));
        let (queue, waiting) = mpsc::unbounded_channel();
        let task = tokio::spawn(commit(Arc::clone(&durable), waiting, limits)).abort_handle();
        Self { plain, durable, queue, task }
    }

    /// Runs a command.
    pub async fn run(&self, errand: Errand) -> Result<Value, Trouble> {
        if errand.replicas > 0 {
            let (answer, answered) = oneshot::channel();
            let gone = || Trouble::NotSent("the connection is being closed".to_owned());
            self.queue.send(Waiting { errand, answer }).map_err(|_| gone())?;
            return answered.await.unwrap_or_else(|_| Err(gone()));
        }
        let mut commands = pipe();
        errand.add_to(&mut commands);
        let mut answers = self.plain.send(&commands, &[&errand.sent]).await?;
        result(answers.pop())
    }

    /// Makes all scripts known.
    pub async fn load_scripts(&self) -> Result<(), Trouble> {
        let mut commands = pipe();
        add_scripts(&mut commands);
        self.plain.send(&commands, &[]).await.map(drop)
    }

    /// Leaves the present connections.
    pub fn reset(&self) {
        self.plain.reset();
        self.durable.reset();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Errand {
    fn add_to(&self, commands: &mut Pipeline) {
        if self.asking {
            commands.cmd("ASKING");
        }
        commands.add_command(self.command.clone());
    }

    fn answers(&self) -> usize {
        1 + usize::from(self.asking)
    }
}

fn result(answer: Option<Value>) -> Result<Value, Trouble> {
    match answer {
        Some(Value::ServerError(error)) => Err(Trouble::Server(error)),
        Some(answer) => Ok(answer),
        None => Err(Trouble::Unknown("the answer is cut off".to_owned())),
    }
}

/// Sends what has gathered, until the node is dropped.
async fn commit(lane: Arc<Lane>, mut queue: mpsc::UnboundedReceiver<Waiting>, limits: Limits) {
    let mut group = Vec::new();
    while queue.recv_many(&mut group, TOGETHER).await > 0 {
        for waiting in &group {
            // First, so that whoever gives up meanwhile either sees it or is seen.
            waiting.errand.sent.set();
        }
        group.retain(|waiting| !waiting.answer.is_closed());
        if !group.is_empty() {
            send(&lane, std::mem::take(&mut group), limits).await;
        }
    }
}

async fn send(lane: &Lane, group: Vec<Waiting>, limits: Limits) {
    let mut commands = pipe();
    for waiting in &group {
        waiting.errand.add_to(&mut commands);
    }
    let replicas = group.iter().map(|waiting| waiting.errand.replicas).max().unwrap_or_default();
    let millis = u64::try_from(limits.replicate.as_millis()).unwrap_or(u64::MAX).max(1);
    commands.add_command(cmd("WAIT").arg(replicas).arg(millis).take());
    let answers = match timeout(limits.call + limits.replicate, lane.send(&commands, &[])).await {
        Ok(answers) => answers,
        Err(_) => {
            lane.reset();
            Err(Trouble::Unknown("no answer in time".to_owned()))
        }
    };
    hand_out(group, answers);
}

fn hand_out(group: Vec<Waiting>, answers: Result<Vec<Value>, Trouble>) {
    let mut answers = match answers {
        Ok(answers) => answers,
        Err(trouble) => {
            for waiting in group {
                // Whoever does not wait any more knows what that means.
                let _ = waiting.answer.send(Err(trouble.clone()));
            }
            return;
        }
    };
    let waited = answers.pop();
    let mut answers = answers.into_iter();
    for Waiting { errand, answer } in group {
        let own = answers.by_ref().take(errand.answers()).last();
        let _ = answer
            .send(result(own).and_then(|own| replicated(waited.as_ref(), errand.replicas).map(|()| own)));
    }
}

/// Whether enough replicas have it.
fn replicated(waited: Option<&Value>, wanted: u32) -> Result<(), Trouble> {
    let why = match waited {
        Some(Value::Int(count)) if *count >= i64::from(wanted) => return Ok(()),
        Some(Value::Int(count)) => format!("{count} of {wanted} replicas have it"),
        Some(Value::ServerError(error)) => {
            format!("it is not known whether replicas have it: {}", in_words(error))
        }
        _ => "it is not known whether replicas have it".to_owned(),
    };
    Err(Trouble::Unknown(why))
}
