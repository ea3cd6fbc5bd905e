//! `--report`: files for people, CI and spreadsheets, and the page in a real browser.

use std::path::Path;

use scalectl::Exit;
use serde_json::{Value, json};
use snapbox::str;

use crate::schemas::conforms;
use crate::support::{Browser, Output, ReferenceServer, Scalectl};

/// A step and a cause that a careless page would run as its own.
const NASTY: &str = "<script>document.title='taken'</script>";

fn run(target: &str, seconds: u32, args: &[&str]) -> Output {
    let file = format!(
        "config: {{target: \"{target}\"}}\nscenarios:\n  - flow:\n      - get: /health\n      - think: 20ms\n      \
         - get: {{url: /nowhere, name: \"{NASTY}\", expect: {{statusCode: 204}}}}\nslo:\n  - errors < 90%\n  \
         - p95 of \"GET /health\" < 1us\n"
    );
    let duration = format!("{seconds}s");
    let fixed = ["loadtest", "run", "test.yaml", "--users", "4", "--ramp", "0s", "--duration", &duration];
    Scalectl::new(fixed.iter().chain(args)).file("test.yaml", file).run()
}

fn read(output: &Output, name: &str) -> String {
    std::fs::read_to_string(output.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn one_run_writes_every_format() {
    let server = ReferenceServer::start();
    let names = ["json=r.json", "junit=r.xml", "markdown=r.md", "csv=r.csv", "html=r.html"];
    let args: Vec<&str> =
        names.iter().flat_map(|name| ["--report", name]).chain(["--output", "json"]).collect();
    let output = run(server.url(), 3, &args);
    output.code(Exit::Failed);
    let report: Value = serde_json::from_str(&read(&output, "r.json")).unwrap();
    assert_eq!(report, output.json(), "the file is what stdout has");
    conforms("loadtest-report.json", &report);
    let junit = read(&output, "r.xml");
    assert!(
        junit.contains("<testsuite name=\"test.yaml\" tests=\"3\" failures=\"1\" errors=\"0\""),
        "{junit}"
    );
    assert!(junit.contains("name=\"p95 of &quot;GET /health&quot; &lt; 1us\">\n      <failure"), "{junit}");
    let markdown = read(&output, "r.md");
    assert!(
        markdown.starts_with("### Load test `test.yaml`: FAILED\n\n1 of 2 thresholds missed."),
        "{markdown}"
    );
    let points = report["timeline"]["points"].as_array().unwrap().len();
    assert_eq!(read(&output, "r.csv").lines().count(), 1 + 3 * points);
    let left: Vec<_> =
        std::fs::read_dir(output.path("")).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".tmp")), "{left:?}");
}

#[test]
fn the_histograms_and_stretches_add_up_to_the_counts() {
    let server = ReferenceServer::start();
    let report = run(server.url(), 3, &["--output", "json"]).json();
    let count = |text: &Value| -> u64 {
        let pairs = text.as_str().unwrap().split_whitespace();
        pairs.map(|pair| pair.split_once(':').unwrap().1.parse::<u64>().unwrap()).sum()
    };
    assert_eq!(report["stretchSeconds"], 1);
    for row in report["rows"].as_array().unwrap().iter().chain([&report["total"]]) {
        assert_eq!(count(&row["histogram"]), row["count"].as_u64().unwrap(), "{row:#}");
        let stretches = row["stretches"].as_array().unwrap();
        let sum: u64 = stretches.iter().map(|stretch| count(&stretch["response"])).sum();
        assert!(stretches.len() <= 3 && sum <= row["count"].as_u64().unwrap() && sum > 0, "{row:#}");
    }
}

#[test]
fn a_place_that_cannot_be_written_to_is_refused_before_load_is_made() {
    let output = run("http://127.0.0.1:1", 60, &["--report", "html=nowhere/r.html"]);
    output.code(Exit::Usage).stdout(str![""]).stderr(str![[r#"
error: the report cannot be written to nowhere/r.html: there is no folder nowhere

"#]]);
    let output = run("http://127.0.0.1:1", 60, &["--report", "json=r", "--report", "html=r"]);
    output.code(Exit::Usage).stderr(str![[r#"
error: --report names r twice

"#]]);
    for wrong in ["r.html", "pdf=r.pdf", "html="] {
        let output = run("http://127.0.0.1:1", 60, &["--report", wrong]);
        output
            .code(Exit::Usage)
            .stderr_has("write FORMAT=FILE, where FORMAT is html, json, junit, markdown or csv");
    }
}

#[test]
fn the_page_opens_in_a_browser_and_shows_what_the_report_says() {
    let server = ReferenceServer::start();
    let output = run(server.url(), 4, &["--report", "html=r.html", "--output", "json"]);
    let report = output.json();
    let mut browser = Browser::start();
    browser.resize(1_200);
    browser.open(&output.path("r.html"));
    shows_the_report(&mut browser, &report);
    obeys_nobody(&mut browser, &output.path("r.html"));
    tells_values(&mut browser, &report);
    browser.fits_a_phone();
}

fn shows_the_report(browser: &mut Browser, report: &Value) {
    let points = report["timeline"]["points"].as_array().unwrap();
    // Nothing may have been answered in a second, and nothing is drawn there.
    let answered = points.iter().filter(|point| !point["response"].is_null()).count();
    let points = points.len();
    for (chart, drawn) in [("users-and-rate", vec![points; 2]), ("response-times", vec![answered; 4])] {
        let lines = format!(
            "[...document.querySelectorAll('#{chart} svg g:not(.grid)')].map((series) => \
             [...series.querySelectorAll('polyline')].reduce((sum, line) => sum + line.points.numberOfItems, \
             series.querySelectorAll('circle').length))"
        );
        assert_eq!(browser.evaluate(&lines), json!(drawn), "{chart}");
    }
    let tips = "[...document.querySelectorAll('figure.chart')].map((f) => JSON.parse(f.querySelector('script').textContent).at.length)";
    assert_eq!(browser.evaluate(tips), json!([points, points, points, points, points]));
    let text = browser.evaluate("document.body.innerText");
    let text = text.as_str().unwrap();
    for part in ["FAILED", "1 of 2 thresholds missed", "p95 of \"GET /health\" < 1us", "all exchanges", NASTY]
    {
        assert!(text.contains(part), "{part} is not on the page:\n{text}");
    }
    let unnamed =
        "[...document.querySelectorAll('[role=img]')].filter((chart) => chart.ariaLabel.length < 20).length";
    assert_eq!(browser.evaluate(unnamed), 0, "a chart has no words");
    let wide = "[...document.querySelectorAll('svg')].filter((chart) => chart.getBoundingClientRect().height < 15).length";
    assert_eq!(browser.evaluate(wide), 0, "a chart cannot be seen");
}

/// No script but its own ran, nothing was fetched, and nobody complained.
fn obeys_nobody(browser: &mut Browser, page: &Path) {
    let title = browser.evaluate("document.title");
    assert_eq!(title, "FAILED: test.yaml");
    assert_eq!(browser.evaluate("performance.getEntriesByType('resource').length"), 0);
    let own = format!("file://{}", page.display());
    let requests = browser.events("Network.requestWillBeSent");
    let foreign = requests.iter().filter(|request| {
        let url = request["request"]["url"].as_str().unwrap();
        url != own && !url.starts_with("data:")
    });
    assert_eq!(foreign.count(), 0, "{requests:#?}");
    for complaint in ["Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"] {
        assert_eq!(browser.events(complaint), Vec::<&Value>::new(), "{complaint}");
    }
}

/// The arrow keys and the pointer show values and mark the moment in every chart.
fn tells_values(browser: &mut Browser, report: &Value) {
    browser.evaluate("document.querySelector('#response-times .plot').focus()");
    browser.call("Input.dispatchKeyEvent", &json!({"type": "keyDown", "key": "ArrowRight"}));
    let told = browser.evaluate("document.querySelector('#response-times .tip').innerText");
    assert!(told.as_str().unwrap().starts_with("0s\np50: "), "{told}");
    let place = browser.evaluate(
        "(() => { const plot = document.querySelector('#users-and-rate .plot'); plot.scrollIntoView(); \
         const place = plot.getBoundingClientRect(); return [place.right - 40, place.top + 50]; })()",
    );
    let moved = json!({"type": "mouseMoved", "x": place[0], "y": place[1]});
    browser.call("Input.dispatchMouseEvent", &moved);
    let told = browser.evaluate("document.querySelector('#users-and-rate .tip').innerText");
    let last = report["timeline"]["points"].as_array().unwrap().last().unwrap();
    let expected = format!("{}s\nusers at work: {}", last["at"], last["active"]);
    assert!(told.as_str().unwrap().starts_with(&expected), "{told} instead of {expected}");
    let marked = "new Set([...document.querySelectorAll('.cross')].map((c) => c.getAttribute('x1'))).size";
    assert_eq!(browser.evaluate(marked), 1, "the charts mark different moments");
}
