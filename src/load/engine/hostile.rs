//! Answers of a hostile server, for the fuzz target: the way of an answer from the wire to the variables.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use tokio::io::AsyncWriteExt;
use tokio::runtime::{Builder, Runtime};

use super::shared::{Shared, Stop};
use super::user::VirtualUser;
use crate::clients::Connector;
use crate::clients::http::HttpConnection;
use crate::config::Document;
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

/// Reads `bytes` as the answers of a server, one after the other, and takes each.
pub fn answers(bytes: &[u8]) {
    if let Some(world) = WORLD.as_ref() {
        world.runtime.block_on(take(&world.shared, bytes));
    }
}

async fn take(shared: &Arc<Shared>, bytes: &[u8]) -> Option<()> {
    let mut user = VirtualUser::new(Arc::clone(shared), 0);
    let Step::Http(step) = shared.plan.scenarios.first()?.steps.first()? else { return None };
    let (ours, mut theirs) = tokio::io::duplex(WIRE_BYTES);
    theirs.write_all(&bytes[..bytes.len().min(WIRE_BYTES)]).await.ok()?;
    theirs.shutdown().await.ok()?;
    let mut connection = HttpConnection::over(ours).await.ok()?;
    while let Ok(response) = connection.send(Request::new(Full::new(Bytes::new()))).await {
        let _ = user.redirected(step, &response, 0);
        let _ = user.take_answer(step, &response);
    }
    Some(())
}
