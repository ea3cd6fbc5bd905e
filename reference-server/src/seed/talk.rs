//! Conversations of two, in the order in which they began, each with its messages.

use super::chance::{Chance, Part, SETTLED, UNREAD, YEAR, at, evenly};
use super::generate::Sink;
use super::people::People;
use super::{SeedPlan, words};
use crate::domain::{ConversationId, MessageId, UserId};
use crate::store::bulk::{ConversationRow, MessageRow};

/// Messages of a conversation on average.
const LENGTH: u32 = 5;

/// Longest conversation.
const LONGEST: usize = 200;

/// Time between two messages on average.
const PAUSE: f64 = 3_600_000.0;

/// The rows of all conversations and messages.
pub fn talk(plan: &SeedPlan, people: &People, sink: &mut Sink<'_>) {
    let mut chance = Chance::of(Part::Talk, plan.seed);
    let (order, users) = (chance.shuffled(plan.users), plan.users);
    // Each round pairs everybody with somebody else of a circle, further away in each: no pair comes twice.
    let rounds = (u64::from(users) - 1) / 2;
    let conversations = u64::from(plan.messages.div_ceil(LENGTH)).min(rounds * u64::from(users)) as u32;
    for index in 0..conversations {
        let (first, distance) = (index % users, index / users + 1);
        let second = (u64::from(first) + u64::from(distance)) % u64::from(users);
        let who = [first as usize, second as usize].map(|at| people.id(order[at] as usize));
        let begun = evenly(index, conversations, (SETTLED, YEAR.1));
        converse(who, begun, &mut chance, sink);
        if !sink.flush_if_full() {
            return;
        }
    }
}

/// Whoever answers has read what was written before: unread is the end of it, if it is new.
fn converse([one, other]: [UserId; 2], begun: i64, chance: &mut Chance, sink: &mut Sink<'_>) {
    let conversation = ConversationId::from_bytes(chance.id(begun));
    let length = chance.count(f64::from(LENGTH - 1), LONGEST - 1) + 1;
    let (mut millis, mut last, mut unread) = (begun, None, 0);
    for _ in 0..length {
        let (from, to) = if chance.below(2) == 0 { (one, other) } else { (other, one) };
        let id = MessageId::from_bytes(chance.id(millis));
        let goes_on = last.is_some_and(|(_, receiver)| receiver == to);
        unread = u32::from(millis >= UNREAD) + if goes_on { unread } else { 0 };
        let (text, created_at) = (words::message(chance), at(millis));
        sink.batch.messages.push(MessageRow { id, conversation, from, to, text, created_at });
        last = Some((id, to));
        millis = chance.soon(millis, PAUSE);
        if millis >= YEAR.1 {
            break;
        }
    }
    let Some((last_message, receiver)) = last else { return };
    let member = |user: UserId| (user, if user == receiver { unread } else { 0 });
    let (low, high) = (member(one.min(other)), member(one.max(other)));
    sink.batch.conversations.push(ConversationRow { id: conversation, low, high, last_message });
}
