//! What all replayed logins together tell.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Login, Verdict};
use crate::domain::difference::{Change, Difference, Part};

/// Different names that are counted each for itself; an action may make names up.
const MAX_GROUPS: usize = 1_000;

/// Counts of everything.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// Content hash of the actions.
    pub set: String,
    /// Replayed.
    pub logins: usize,
    /// Decided as they were.
    pub same: usize,
    /// Decided otherwise.
    pub different: usize,
    /// Those of which it cannot be told, because the actions read what the recording does not hold.
    pub unfaithful: usize,
    /// Of these, those that came out otherwise.
    pub unfaithful_different: usize,
    /// Those in which the actions asked for what was not recorded.
    pub unrecorded: usize,
    /// Logins that are denied now and were not, and the other way round.
    pub denials: Balance,
    /// Actions that fail now and did not, and the other way round.
    pub failures: Balance,
    /// What differs, and in how many logins.
    pub differences: Vec<Group>,
    /// Wall time of the actions.
    pub time: Time,
    #[serde(skip)]
    groups: BTreeMap<(Part, String, Change), Group>,
}

/// Gained and lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// New.
    pub gained: usize,
    /// No more.
    pub lost: usize,
}

/// Microseconds of all logins together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Time {
    /// When they were recorded.
    pub recorded_us: u64,
    /// Now.
    pub now_us: u64,
}

/// The same difference in several logins.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// In what.
    pub part: Part,
    /// Of what name; `…` for all those beyond the first thousand.
    pub name: String,
    /// Which way.
    pub change: Change,
    /// In how many logins.
    pub logins: usize,
    /// The trace of the first.
    pub first: String,
}

impl Summary {
    /// Of no login yet.
    #[must_use]
    pub fn new(set: &str) -> Self {
        Self { set: set.to_owned(), ..Self::default() }
    }

    /// Counts a login.
    pub fn add(&mut self, login: &Login) {
        self.logins += 1;
        match login.verdict() {
            Verdict::Same => self.same += 1,
            Verdict::Different => self.different += 1,
            Verdict::Unfaithful => {
                self.unfaithful += 1;
                self.unfaithful_different += usize::from(!login.differences.is_empty());
            }
        }
        self.unrecorded += usize::from(!login.unrecorded.is_empty());
        self.time.recorded_us += login.recorded_us;
        self.time.now_us += login.now_us;
        login.differences.iter().for_each(|difference| self.group(difference, &login.id));
    }

    fn group(&mut self, difference: &Difference, login: &str) {
        let (part, change) = (difference.part, difference.change());
        let balance = match part {
            Part::Denial => Some(&mut self.denials),
            Part::Failure => Some(&mut self.failures),
            _ => None,
        };
        match (balance, change) {
            (Some(balance), Change::Added) => balance.gained += 1,
            (Some(balance), Change::Removed) => balance.lost += 1,
            _ => {}
        }
        let mut key = (part, difference.name.clone(), change);
        if self.groups.len() >= MAX_GROUPS && !self.groups.contains_key(&key) {
            "…".clone_into(&mut key.1);
        }
        let name = key.1.clone();
        let first = || Group { part, name, change, logins: 0, first: login.to_owned() };
        self.groups.entry(key).or_insert_with(first).logins += 1;
    }

    /// No more will be added.
    #[must_use]
    pub fn finish(mut self) -> Self {
        self.differences = std::mem::take(&mut self.groups).into_values().collect();
        // The most frequent first; the order of the parts among equals.
        self.differences.sort_by_key(|group| std::cmp::Reverse(group.logins));
        self
    }

    /// Whether nothing differs. A login that cannot be compared and comes out otherwise may be a real change: it counts unless
    /// `skip_unfaithful`.
    #[must_use]
    pub fn is_clean(&self, skip_unfaithful: bool) -> bool {
        self.different == 0 && (skip_unfaithful || self.unfaithful_different == 0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::decision::Setting;
    use crate::flow::Trigger;

    fn login(names: &[&str], unfaithful: bool) -> Login {
        let setting = || Setting { value: json!(1), by: Default::default() };
        let difference =
            |name: &&str| Difference { part: Part::Denial, name: (*name).to_owned(), before: None, after: Some(setting()) };
        Login {
            id: "t1".to_owned(),
            at: 0,
            trigger: Trigger::PostLogin,
            client_id: "web".to_owned(),
            user_id: None,
            differences: names.iter().map(difference).collect(),
            unfaithful: if unfaithful { vec!["read redacted event.user.email".to_owned()] } else { Vec::new() },
            unrecorded: Vec::new(),
            recorded_us: 2,
            now_us: 1,
        }
    }

    fn of(logins: &[Login]) -> Summary {
        let mut summary = Summary::new("s");
        logins.iter().for_each(|login| summary.add(login));
        summary.finish()
    }

    #[test]
    fn equal_differences_are_one_line_with_a_count() {
        let summary = of(&[login(&["a"], false), login(&["a", "b"], false), login(&[], false)]);
        assert_eq!((summary.logins, summary.same, summary.different), (3, 1, 2));
        assert_eq!(summary.denials, Balance { gained: 3, lost: 0 });
        assert_eq!(summary.time, Time { recorded_us: 6, now_us: 3 });
        let told: Vec<_> = summary.differences.iter().map(|group| (group.name.as_str(), group.logins)).collect();
        assert_eq!(told, [("a", 2), ("b", 1)]);
    }

    #[test]
    fn what_cannot_be_compared_counts_as_different_unless_it_shall_be_skipped() {
        assert!(of(&[login(&[], true), login(&[], false)]).is_clean(false));
        let summary = of(&[login(&["a"], true)]);
        assert_eq!((summary.different, summary.unfaithful, summary.unfaithful_different), (0, 1, 1));
        assert!(!summary.is_clean(false) && summary.is_clean(true));
        assert!(!of(&[login(&["a"], false)]).is_clean(true));
    }

    #[test]
    fn names_that_are_made_up_do_not_fill_the_memory() {
        let names: Vec<String> = (0..MAX_GROUPS + 50).map(|n| n.to_string()).collect();
        let summary = of(&[login(&names.iter().map(String::as_str).collect::<Vec<_>>(), false)]);
        assert_eq!(summary.differences.len(), MAX_GROUPS + 1);
        assert_eq!((summary.differences[0].name.as_str(), summary.differences[0].logins), ("…", 50));
    }
}
