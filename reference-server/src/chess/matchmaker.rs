//! Pairs players that look for an opponent, in the order in which they came.

use std::collections::VecDeque;

use super::Occupant;

/// Players without an opponent, the longest waiting first.
#[derive(Debug, Default)]
pub struct Matchmaker {
    waiting: VecDeque<Occupant>,
}

impl Matchmaker {
    /// Takes out the longest waiting player that is somebody else, or lets the seeker wait.
    ///
    /// A socket that already waits keeps its place. All who wait are the same person (two others would have
    /// been paired), so this looks at few.
    pub fn seek(&mut self, seeker: &Occupant) -> Option<Occupant> {
        if let Some(at) = self.waiting.iter().position(|other| other.person.id != seeker.person.id) {
            self.remove(seeker);
            return self.waiting.remove(at);
        }
        if !self.waiting.iter().any(|other| other.socket == seeker.socket) {
            self.waiting.push_back(seeker.clone());
        }
        None
    }

    /// Lets somebody who was taken out wait again, before all others: no room could be opened.
    pub fn put_back(&mut self, waited: Occupant) {
        self.remove(&waited);
        self.waiting.push_front(waited);
    }

    /// Forgets a socket that no longer looks for an opponent.
    pub fn remove(&mut self, seeker: &Occupant) {
        self.waiting.retain(|other| other.socket != seeker.socket);
    }

    /// Empties the queue.
    pub fn take_all(&mut self) -> Vec<Occupant> {
        self.waiting.drain(..).collect()
    }

    /// Players that wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::chess::tests::occupant;

    #[test]
    fn the_longest_waiting_is_paired_first() {
        let (ada, bob) = (occupant("ada"), occupant("bob"));
        let mut lobby = Matchmaker::default();
        assert_eq!(lobby.seek(&ada), None);
        assert_eq!(lobby.seek(&ada), None, "asking twice is waiting once");
        assert_eq!(lobby.len(), 1);
        assert_eq!(lobby.seek(&bob), Some(ada.clone()));
        lobby.put_back(ada.clone());
        lobby.put_back(ada.clone());
        assert_eq!(lobby.len(), 1);
        assert_eq!(lobby.seek(&bob), Some(ada));
        assert_eq!(lobby.len(), 0);
    }

    #[test]
    fn nobody_plays_against_themselves() {
        let ada = occupant("ada");
        let second_tab = Occupant { person: ada.person.clone(), ..occupant("ada") };
        let mut lobby = Matchmaker::default();
        assert_eq!(lobby.seek(&ada), None);
        assert_eq!(lobby.seek(&second_tab), None);
        assert_eq!(lobby.seek(&occupant("bob")), Some(ada));
        assert_eq!(lobby.seek(&occupant("eve")), Some(second_tab));
    }

    #[test]
    fn whoever_leaves_is_not_paired() {
        let ada = occupant("ada");
        let mut lobby = Matchmaker::default();
        lobby.seek(&ada);
        lobby.remove(&ada);
        assert_eq!(lobby.seek(&occupant("bob")), None);
    }

    proptest! {
        #[test]
        fn at_most_one_person_waits_and_nobody_is_paired_twice(arrivals in prop::collection::vec(0_usize..5, 0..80)) {
            let people: Vec<_> = (0..5).map(|n| occupant(&n.to_string())).collect();
            let mut lobby = Matchmaker::default();
            for arrival in arrivals {
                let seeker = &people[arrival];
                if let Some(other) = lobby.seek(seeker) {
                    prop_assert_ne!(other.person.id, seeker.person.id);
                    prop_assert!(lobby.waiting.iter().all(|left| left.socket != other.socket));
                }
                let waiting: HashSet<_> = lobby.waiting.iter().map(|one| one.person.id).collect();
                prop_assert!(waiting.len() <= 1);
            }
        }
    }
}
