//! Answers of a hostile server, for the fuzz target: the way of an answer from the wire to the variables.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use hyper::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::runtime::{Builder, Runtime};

use super::shared::{Shared, Stop};
use super::user::VirtualUser;
use crate::clients::Connector;
use crate::clients::http::HttpConnection;
use crate::config::Document;
use crate::load::recorder::Failure;
use crate::load::scenario::plan::Step;
use crate::load::scenario::{Overrides, compile_document};
use crate::load::share::Share;

/// A request whose answer is looked at in every way that there is.
const SCENARIO: &str = r#"
config: {target: "http://127.0.0.1:1"}
scenarios:
  - flow:
      - get:
          url: /
          capture:
            - {json: "$.a[*].id", index: all, as: a, default: none}
            - {json: "$..id", index: random, as: b, strict: false}
            - {regexp: "(\\w+)=(?<v>\\d+)", group: v, index: last, as: c, strict: false}
            - {header: x-next, as: d, strict: false}
          match: {json: $.ok, value: true}
          expect: [{contentType: json, hasProperty: a, notHasProperty: b}, {headerEquals: [x, y], cdnHit: true, equals: ["{{ a }}", "{{ d }}"]}]
"#;
const WIRE_BYTES: usize = 64 << 10;

static WORLD: LazyLock<Option<World>> = LazyLock::new(World::new);

/// What is the same for all answers.
struct World {
    runtime: Runtime,
    shared: Arc<Shared>,
}

impl World {
    fn new() -> Option<Self> {
        let runtime = Builder::new_current_thread().enable_all().build().ok()?;
        let document = Document::parse("hostile.yaml", SCENARIO.to_owned()).ok()?;
        let plan = Arc::new(compile_document(&document, Path::new("."), &Overrides::default()).ok()?);
        let connector = runtime.block_on(Connector::resolve(&plan.target)).ok()?;
        let shared = Arc::new(Shared::new(plan, Share::WHOLE, connector, Stop::default()));
        Some(Self { runtime, shared })
    }
}

/// Reads `bytes` as the answer of a server, and takes it.
pub fn answer(bytes: &[u8]) {
    if let Some(world) = WORLD.as_ref() {
        world.runtime.block_on(take(&world.shared, bytes));
    }
}

/// What became of the answer; `None` when it was none.
async fn take(shared: &Arc<Shared>, bytes: &[u8]) -> Option<Result<(), Failure>> {
    let mut user = VirtualUser::new(Arc::clone(shared), 0);
    let Step::Http(step) = shared.plan.scenarios.first()?.steps.first()? else { return None };
    let (ours, theirs) = tokio::io::duplex(WIRE_BYTES);
    let mut connection = HttpConnection::over(ours);
    let request = Request::new(Bytes::new());
    let (response, _theirs) = tokio::join!(connection.send(request), serve(theirs, bytes));
    let response = response.ok()?;
    let _ = user.redirected(step, &response, 0);
    Some(user.take_answer(step, &response))
}

/// Answers once it was asked: what comes earlier ends the connection before anybody looks at it.
async fn serve(mut stream: DuplexStream, bytes: &[u8]) -> std::io::Result<DuplexStream> {
    stream.read_u8().await?;
    stream.write_all(&bytes[..bytes.len().min(WIRE_BYTES)]).await?;
    stream.shutdown().await?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::{WORLD, take};

    fn taken(bytes: &[u8]) -> Option<bool> {
        let world = WORLD.as_ref().unwrap();
        world.runtime.block_on(take(&world.shared, bytes)).map(|result| result.is_ok())
    }

    /// A target that refuses everything at the door would find nothing.
    #[test]
    fn the_seeds_of_the_fuzz_target_get_as_far_as_the_checks() {
        let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/seeds/http_response");
        for seed in std::fs::read_dir(seeds).unwrap() {
            let path = seed.unwrap().path();
            assert!(taken(&std::fs::read(&path).unwrap()).is_some(), "{}", path.display());
        }
        assert_eq!(taken(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{\"ok\":1}"), None);
    }
}
