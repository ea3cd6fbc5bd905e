//! A real browser without a window, told what to do over its DevTools protocol, and all that it says on the way.
//!
//! <https://chromedevtools.github.io/devtools-protocol/> has the methods and events.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::process::Process;
use super::tools::find_program;
use super::wait::{STARTUP, wait_until};
use super::workdir::WorkDir;

/// How long the browser may take to start, and for each answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// What keeps it from speaking to anybody of its own accord, and from needing what a container does not have.
const FLAGS: [&str; 11] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--remote-debugging-port=0",
];

/// A browser with one page.
pub struct Browser {
    runtime: Runtime,
    socket: WebSocketStream<TcpStream>,
    session: Option<String>,
    asked: u64,
    events: Vec<Value>,
    _process: Process,
    _profile: WorkDir,
}

impl Browser {
    /// Starts one. Fails the test, saying how to install it, where there is none.
    #[track_caller]
    pub fn start() -> Self {
        let profile = WorkDir::new("browser");
        let mut command = Command::new(find_program("chromium"));
        command.args(FLAGS).arg(format!("--user-data-dir={}", profile.join("profile").display()));
        command.env("HOME", profile.path()).arg("about:blank");
        let process = Process::start("chromium", command, &[], &profile.join("chromium.log"));
        let process = process.expect("chromium starts");
        let line = process.wait_for_line(PATIENCE, |line| line.contains("DevTools listening on ws://"));
        let url = line.trim().rsplit(' ').next().expect("an address follows").to_owned();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let socket = runtime.block_on(connect(&url));
        let mut browser = Self {
            runtime,
            socket,
            session: None,
            asked: 0,
            events: Vec::new(),
            _process: process,
            _profile: profile,
        };
        browser.new_page();
        browser
    }

    fn new_page(&mut self) {
        let target = self.call("Target.createTarget", &json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = self.call("Target.attachToTarget", &attach);
        self.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Network", "Runtime", "Log"] {
            self.call(&format!("{domain}.enable"), &json!({}));
        }
    }

    /// Makes the page so wide.
    #[track_caller]
    pub fn resize(&mut self, width: u32) {
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600});
        self.call("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Makes the window as wide as a phone; fails when the page, laid out anew some time later, has to be scrolled sideways.
    #[track_caller]
    pub fn fits_a_phone(&mut self) {
        const WIDTH: u32 = 380;
        self.resize(WIDTH);
        wait_until("a page as narrow as a phone", STARTUP, || {
            self.evaluate("document.documentElement.scrollWidth") == WIDTH
        });
    }

    /// Opens a file and waits until all of it is there.
    #[track_caller]
    pub fn open(&mut self, path: &Path) {
        self.open_url(&format!("file://{}", path.display()));
    }

    /// The same at an address.
    #[track_caller]
    pub fn open_url(&mut self, url: &str) {
        self.call("Page.navigate", &json!({"url": url}));
        while self.events("Page.loadEventFired").is_empty() {
            let heard = self.receive();
            self.events.push(heard);
        }
    }

    /// What an expression comes to in the page.
    #[track_caller]
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let result = self.call("Runtime.evaluate", &json!({"expression": expression, "returnByValue": true}));
        assert!(result.get("exceptionDetails").is_none(), "{expression}: {result:#}");
        result["result"]["value"].clone()
    }

    /// What the browser has told of so far, by the name of the event.
    pub fn events(&self, name: &str) -> Vec<&Value> {
        let named = self.events.iter().filter(|event| event["method"] == name);
        named.map(|event| &event["params"]).collect()
    }

    /// Calls a method and waits for its answer.
    #[track_caller]
    pub fn call(&mut self, method: &str, params: &Value) -> Value {
        self.asked += 1;
        let mut message = json!({"id": self.asked, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        let sent = self.runtime.block_on(self.socket.send(Message::text(message.to_string())));
        sent.expect("the browser listens");
        loop {
            let heard = self.receive();
            if heard["id"] == self.asked {
                assert!(heard.get("error").is_none(), "{method}: {heard:#}");
                return heard["result"].clone();
            }
            self.events.push(heard);
        }
    }

    #[track_caller]
    fn receive(&mut self) -> Value {
        let Self { runtime, socket, .. } = self;
        let next = runtime.block_on(async { tokio::time::timeout(PATIENCE, socket.next()).await });
        let message = next.expect("the browser answers in time").expect("it is still there");
        serde_json::from_str(message.expect("a message").to_text().expect("a text")).expect("JSON")
    }
}

async fn connect(url: &str) -> WebSocketStream<TcpStream> {
    let address = url.trim_start_matches("ws://").split('/').next().expect("an address");
    let stream = TcpStream::connect(address).await.expect("the browser accepts connections");
    tokio_tungstenite::client_async(url, stream).await.expect("the browser speaks WebSocket").0
}
