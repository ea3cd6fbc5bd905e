//! `find-capacity --report`: every format from one search, and the page in a real browser.

use std::time::Duration;

use scalectl::Exit;
use serde_json::{Value, json};
use snapbox::str;

use crate::schemas::conforms;
use crate::support::faults::QueueServer;
use crate::support::{Browser, Output, RedisServer, Scalectl};

const SCENARIO: &str = "config: {target: \"http://127.0.0.1:1\"}\nscenarios:\n  - flow:\n      - get: /\nslo:\n  - errors < 1%\n  - p95 < 300ms\n";
const FORMATS: [&str; 5] = ["html=c.html", "json=c.json", "junit=c.xml", "markdown=c.md", "csv=c.csv"];

fn find(args: &str, reports: &[&str]) -> Scalectl {
    // A shared machine may be late without a step being invalid.
    let fixed = ["loadtest", "find-capacity", "<b>.yaml", "--max-lag", "500ms"];
    let reports = reports.iter().flat_map(|report| ["--report", report]);
    Scalectl::new(fixed.into_iter().chain(args.split_whitespace()).chain(reports))
        .file("<b>.yaml", SCENARIO)
        .timeout(Duration::from_secs(180))
}

fn read(output: &Output, name: &str) -> String {
    std::fs::read_to_string(output.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Four places of 20 ms: 200 a second.
#[test]
fn one_search_writes_every_format_and_a_page_that_shows_it() {
    let (server, redis) = (QueueServer::start(4, Duration::from_millis(20)), RedisServer::start());
    let args = "--start 50 --max 400 --step-duration 2s --warm-up 1s --tolerance 40% --confirm 1 --require 390 \
                --redis env:TEST_REDIS --output json";
    let search = find(args, &FORMATS).arg("--target").arg(server.url());
    let output = search.env("TEST_REDIS", redis.url()).run();
    output.code(Exit::Failed);
    let report: Value = serde_json::from_str(&read(&output, "c.json")).unwrap();
    assert_eq!(report, output.json(), "the file is what stdout has");
    conforms("loadtest-capacity-report.json", &report);
    let search = &report["searches"][0];
    let steps = search["steps"].as_array().unwrap();
    let junit = read(&output, "c.xml");
    assert!(junit.contains("tests=\"2\" failures=\"1\""), "{junit}");
    assert!(junit.contains("<failure message=\"390 arrivals/s are not held\">"), "{junit}");
    let markdown = read(&output, "c.md");
    assert!(
        markdown.starts_with("### Capacity of `<b>.yaml`: FAILED\n\n390 arrivals/s are not held."),
        "{markdown}"
    );
    assert!(markdown.contains("| comfortable |") && markdown.contains("| peak |"), "{markdown}");
    assert_eq!(read(&output, "c.csv").lines().count(), 1 + steps.len());
    let mut browser = Browser::start();
    browser.resize(1_200);
    browser.open(&output.path("c.html"));
    shows_the_search(&mut browser, search, steps);
    browser.fits_a_phone();
}

fn shows_the_search(browser: &mut Browser, search: &Value, steps: &[Value]) {
    let count = |verdict: &str| steps.iter().filter(|step| step["verdict"] == verdict).count();
    let dots = "[...document.querySelectorAll('#capacity-curve-1 svg g:not(.grid)')].slice(1, 4)\
                .map((series) => series.querySelectorAll('circle').length)";
    assert_eq!(browser.evaluate(dots), json!([count("passed"), count("failed"), count("invalid")]));
    let named = ["comfortable", "peak", "breaking"].iter().filter(|name| !search[**name].is_null()).count();
    let uprights = "document.querySelectorAll('#capacity-curve-1 .upright').length";
    assert_eq!(browser.evaluate(uprights), named);
    let under_way =
        |step: &&Value| step["verdict"] != "invalid" && step["concurrency"].as_f64().unwrap() >= 1.0;
    let measured = "document.querySelectorAll('#capacity-law-1 svg .s0 circle').length";
    assert_eq!(browser.evaluate(measured), steps.iter().filter(under_way).count());
    // A queue with a sharp limit has a law in some runs and none in others.
    let interval = "document.querySelectorAll('#capacity-law-1 svg polygon').length";
    assert_eq!(browser.evaluate(interval), usize::from(!search["law"]["alpha"].is_null()), "{search:#}");
    let rows = "document.querySelectorAll('.readings tbody tr').length";
    assert_eq!(browser.evaluate(rows), steps.len());
    let text = browser.evaluate("document.body.innerText");
    let text = text.as_str().unwrap();
    for part in ["FAILED", "390 arrivals/s are not held", "<b>.yaml", "comfortable", "redis PING"] {
        assert!(text.contains(part), "{part} is not on the page:\n{text}");
    }
    assert_eq!(browser.evaluate("performance.getEntriesByType('resource').length"), 0);
    for complaint in ["Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"] {
        assert_eq!(browser.events(complaint), Vec::<&Value>::new(), "{complaint}");
    }
}

/// The peaks of earlier reports are a page too.
#[test]
fn instances_have_their_law_on_the_page() {
    let command = ["one", "two", "four", "eight"].iter().zip([10_000.0, 19_417.5, 36_697.2, 66_115.7]).fold(
        find(
            "--at 1=one.json --at 2=two.json --at 4=four.json --at 8=eight.json --plan-for 100000",
            &["html=c.html", "markdown=c.md"],
        ),
        |command, (name, goodput)| {
            let report = format!("{{\"searches\": [{{\"peak\": {{\"goodput\": {goodput}}}}}]}}");
            command.file(&format!("{name}.json"), report)
        },
    );
    let output = command.run();
    output.code(Exit::Done);
    assert!(read(&output, "c.md").contains("| 8 | 66,116 | 83% |"), "{}", read(&output, "c.md"));
    let mut browser = Browser::start();
    browser.open(&output.path("c.html"));
    let drawn = "[...document.querySelectorAll('#capacity-instances svg g:not(.grid)')].map((g) => g.firstChild.nodeName)";
    assert_eq!(browser.evaluate(drawn), json!(["circle", "polyline", "polygon"]));
    let text = browser.evaluate("document.body.innerText");
    assert!(text.as_str().unwrap().contains("100,000 arrivals/s need 14 instances"), "{text}");
}

#[test]
fn a_place_that_cannot_be_written_to_is_refused_before_the_search() {
    let output = find("--max 100", &["html=nowhere/c.html"]).run();
    output.code(Exit::Usage).stdout(str![""]).stderr(str![[r#"
error: the report cannot be written to nowhere/c.html: there is no folder nowhere

"#]]);
}
