//! Seed data, through the server.

use reference_server::{Config, PasswordCost, SEED_PASSWORD, SeedError, SeedPlan, seed};
use serde_json::json;
use tempfile::TempDir;

use crate::support::Server;

const CHEAP: PasswordCost = PasswordCost { memory_kib: 64, passes: 1, lanes: 1 };

async fn seed_in(dir: &TempDir, plan: &str) -> Result<reference_server::Seeded, SeedError> {
    let mut config = Config { data: dir.path().to_owned(), ..Config::default() };
    config.security.password = CHEAP;
    let plan: SeedPlan = plan.parse().unwrap();
    let mut told = 0;
    let seeded = seed(&config, &plan, |rows, _| told = rows).await?;
    assert_eq!(told, seeded.rows);
    Ok(seeded)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seeded_accounts_log_in_and_have_a_feed() {
    let dir = tempfile::tempdir().unwrap();
    assert!(!seed_in(&dir, "users=50,posts=500").await.unwrap().already);
    assert!(seed_in(&dir, "users=50,posts=500").await.unwrap().already);
    let other = seed_in(&dir, "users=51").await.unwrap_err().to_string();
    assert!(other.contains("users=50,posts=500") && other.contains("use another --data"), "{other}");
    let server = Server::start_in(dir, |_| {}).await;
    let mut client = server.client();
    let login = json!({ "username": "user000007", "password": SEED_PASSWORD });
    let session = client.post("/api/auth/login", login).await.expect(200);
    client.token = session["token"].as_str().unwrap().to_owned();
    let feed = client.get("/api/feed").await.expect(200);
    assert_eq!(feed["items"].as_array().unwrap().len(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_in_use_is_not_seeded() {
    let server = Server::start().await;
    server.guest("Ada").await;
    let refused = seed_in(&server.dir, "users=50").await.unwrap_err();
    assert!(matches!(refused, SeedError::OtherData), "{refused}");
}
