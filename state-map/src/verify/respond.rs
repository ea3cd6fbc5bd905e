//! Answers what verifiers ask, for as long as an instance runs.

use std::collections::BTreeMap;
use std::time::Duration;

use super::answer::answer;
use super::inquiry::Inquiry;
use super::source::Source;
use crate::control::Id;
use crate::port::Port;
use crate::wire::call::{Answer, Call, Reply};

/// Between two looks while nobody asks.
const IDLE: Duration = Duration::from_millis(500);
/// Between two looks while somebody does.
const BUSY: Duration = Duration::from_millis(50);
/// A verifier asks several times: this long after a question the next one is looked for eagerly.
const EAGER: Duration = Duration::from_secs(5);
/// How long answers stay after their deadline.
const KEPT_MS: u64 = 30_000;

/// Looks for inquiries and answers each once, until it is dropped. What fails is tried again at the next look: an
/// answer is the same whether it is written once or twice.
pub async fn respond<P: Port>(port: &P, source: &dyn Source) {
    let mut answered = BTreeMap::new();
    let mut eager_until = Duration::ZERO;
    loop {
        if look(port, source, &mut answered).await {
            eager_until = port.now() + EAGER;
        }
        port.sleep(if port.now() < eager_until { BUSY } else { IDLE }).await;
    }
}

/// Answers what is new; whether anybody asks at this time.
async fn look<P: Port>(port: &P, source: &dyn Source, answered: &mut BTreeMap<Id, u64>) -> bool {
    let Ok(Reply::Inquiries(asked, now_ms)) = port.call(Call::Inquiries, 0).await else { return false };
    answered.retain(|_, deadline_ms| *deadline_ms >= now_ms);
    let asked = asked.iter().filter_map(|text| serde_json::from_str::<Inquiry>(text).ok());
    let open: Vec<Inquiry> = asked.filter(|inquiry| inquiry.deadline_ms >= now_ms).collect();
    for inquiry in &open {
        if !answered.contains_key(&inquiry.id) && leave(port, source, inquiry, now_ms).await {
            answered.insert(inquiry.id, inquiry.deadline_ms);
        }
    }
    !open.is_empty()
}

/// Leaves an answer; whether all of it was taken.
async fn leave<P: Port>(port: &P, source: &dyn Source, inquiry: &Inquiry, now_ms: u64) -> bool {
    let life_ms = inquiry.deadline_ms.saturating_sub(now_ms) + KEPT_MS;
    for part in answer(source, inquiry).await {
        let left = Answer { inquiry: inquiry.id, field: part.field, body: part.body, life_ms };
        if port.call(Call::Answer(left), 0).await.is_err() {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::control::Stamp;
    use crate::phase::Phase;
    use crate::port::Event;
    use crate::verify::answer::{Imitation, Snapshot, Told};
    use crate::verify::inquiry::Question;
    use crate::verify::source::Who;
    use crate::wire::call::Failure;

    /// A Redis that knows inquiries, takes answers, and fails every second call.
    #[derive(Default)]
    struct Flaky {
        calls: Mutex<u64>,
        asked: Vec<String>,
        left: Mutex<Vec<Answer>>,
        looks: Mutex<u64>,
        enough: tokio::sync::Notify,
    }

    impl Port for Flaky {
        async fn call(&self, call: Call, _replicas: u32) -> Result<Reply, Failure> {
            let mut calls = self.calls.lock().unwrap();
            *calls += 1;
            match call {
                Call::Inquiries => Ok(Reply::Inquiries(self.asked.clone(), 1_000)),
                Call::Answer(_) if calls.is_multiple_of(2) => Err(Failure::Unknown("lost".into())),
                Call::Answer(answer) => {
                    self.left.lock().unwrap().push(answer);
                    Ok(Reply::Done)
                }
                other => Err(Failure::Refused(format!("{other:?}"))),
            }
        }

        fn now(&self) -> Duration {
            Duration::ZERO
        }

        fn wall_ms(&self) -> u64 {
            0
        }

        async fn sleep(&self, _time: Duration) {
            let looks = {
                let mut looks = self.looks.lock().unwrap();
                *looks += 1;
                *looks
            };
            if looks == 20 {
                self.enough.notify_one();
                std::future::pending::<()>().await;
            }
        }

        fn random(&self) -> Id {
            Id(1)
        }

        async fn event(&self, _incarnation: Id) -> Event {
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn every_open_inquiry_is_answered_however_often_calls_fail() {
        let inquiry = |id, deadline_ms| {
            let inquiry =
                Inquiry { id: Id(id), question: Question::Maps, deadline_ms, expiring_before_ms: 0 };
            serde_json::to_string(&inquiry).unwrap()
        };
        let asked = vec![inquiry(1, 2_000), inquiry(2, 999), "nonsense".to_owned(), inquiry(3, 1_500)];
        let port = Flaky { asked, ..Flaky::default() };
        let (incarnation, acknowledged) = (Id(7), Stamp::default());
        let who = Who {
            name: "one".into(),
            incarnation,
            run: Id(1),
            acknowledged,
            serving: Phase::Off,
            dropped_epoch: 0,
        };
        let map = Snapshot { map: "games", prefix: "m:".into(), keys: indexmap::IndexMap::new() };
        let source = Imitation { who, maps: vec![Arc::new(map)] };
        tokio::select! {
            () = respond(&port, &source) => unreachable!("it answers for as long as the instance runs"),
            () = port.enough.notified() => {}
        }
        let left = port.left.into_inner().unwrap();
        let mut ids: Vec<_> = left.iter().map(|answer| (answer.inquiry.0, answer.life_ms)).collect();
        ids.sort_unstable();
        assert_eq!(ids, [(1, 31_000), (3, 30_500)], "each once, the late one not at all");
        let told: Told = serde_json::from_slice(&left[0].body).unwrap();
        assert_eq!((told.maps[0].prefix.as_str(), told.parts), ("m:", 0));
    }
}
