//! Selectors where a label may be unknown: whether a host is meant for sure, for sure not, or nobody can tell.
//!
//! This decides what an absent label means where a miss does harm. `Selector::matches` takes it for a value that equals
//! nothing; here a comparison with it has no answer, and the answer of the whole follows as far as it does not depend on that
//! (three-valued logic). `has` asks whether a label is there, and always has an answer.

use std::collections::BTreeSet;

use crate::labels::Labels;
use crate::selector::{Label, Selector};

/// Whether a selector means a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Weight<'s> {
    /// It does not, whatever the labels are that the host lacks.
    No,
    /// It depends on these labels, which the host lacks.
    Unknown(BTreeSet<&'s str>),
    /// It does, whatever they are.
    Yes,
}

impl Weight<'_> {
    /// Whether the host may be meant.
    pub const fn may(&self) -> bool {
        match self {
            Self::No => false,
            Self::Unknown(_) | Self::Yes => true,
        }
    }

    fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Unknown(labels) => Self::Unknown(labels),
            Self::Yes => Self::No,
        }
    }
}

impl Selector {
    /// Whether the host with this name and these labels is meant, as far as that is known.
    pub fn weigh<'s>(&'s self, name: &str, labels: &Labels) -> Weight<'s> {
        match self {
            Self::All => Weight::Yes,
            Self::Has(_) => known(self.matches(name, labels)),
            Self::Compare(Label { name: label, .. }, ..) => {
                let is_there = label == "name" || labels.get(label).is_some();
                if is_there {
                    known(self.matches(name, labels))
                } else {
                    Weight::Unknown(BTreeSet::from([label.as_str()]))
                }
            }
            Self::Not(inner) => inner.weigh(name, labels).not(),
            Self::And(parts) => all(parts.iter().map(|part| part.weigh(name, labels))),
            // One is meant where not all are not.
            Self::Or(parts) => all(parts.iter().map(|part| part.weigh(name, labels).not())).not(),
        }
    }
}

const fn known<'s>(is_meant: bool) -> Weight<'s> {
    if is_meant { Weight::Yes } else { Weight::No }
}

fn all<'s>(parts: impl Iterator<Item = Weight<'s>>) -> Weight<'s> {
    let mut open = BTreeSet::new();
    for part in parts {
        match part {
            Weight::No => return Weight::No,
            Weight::Unknown(labels) => open.extend(labels),
            Weight::Yes => {}
        }
    }
    if open.is_empty() {
        Weight::Yes
    } else {
        Weight::Unknown(open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selector::Comparison;

    /// A small generator of its own: this crate has no random numbers, and a test needs no good ones.
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, most: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % most
        }
    }

    const LABELS: [&str; 3] = ["role", "pam", "gc"];
    const VALUES: [&str; 3] = ["dc", "yes", "no"];

    fn selector(numbers: &mut Numbers, depth: u64, has: bool) -> Selector {
        let label = |numbers: &mut Numbers| Label {
            name: LABELS[usize::try_from(numbers.below(3)).unwrap()].to_owned(),
            at: 0,
        };
        let some = |numbers: &mut Numbers| -> Vec<Selector> {
            let count = 2 + numbers.below(2);
            (0..count)
                .map(|_| selector(numbers, depth - 1, has))
                .collect()
        };
        match numbers.below(if depth == 0 { 4 } else { 8 }) {
            0 if has => Selector::Has(label(numbers)),
            0..=3 => {
                let comparison = match numbers.below(3) {
                    0 => Comparison::Eq,
                    1 => Comparison::Ne,
                    _ => Comparison::StartsWith,
                };
                let value = VALUES[usize::try_from(numbers.below(3)).unwrap()];
                Selector::Compare(label(numbers), comparison, vec![value.to_owned()])
            }
            4 => Selector::Not(Box::new(selector(numbers, depth - 1, has))),
            5 => Selector::And(some(numbers)),
            _ => Selector::Or(some(numbers)),
        }
    }

    fn host(numbers: &mut Numbers) -> Labels {
        let all = LABELS.iter().filter_map(|label| {
            let value = VALUES.get(usize::try_from(numbers.below(4)).unwrap())?;
            Some((*label, (*value).to_owned()))
        });
        all.collect()
    }

    /// All hosts that have a value for each of the three labels, and those that this one has.
    fn completions(labels: &Labels) -> Vec<Labels> {
        let mut all = vec![Labels::default()];
        for label in LABELS {
            let values: Vec<&str> = match labels.get(label) {
                Some(value) => vec![value],
                None => VALUES.into_iter().chain(["another"]).collect(),
            };
            all = all
                .iter()
                .flat_map(|known| {
                    values.iter().map(|value| {
                        let known = known.iter().map(|(name, value)| (name, value.to_owned()));
                        known.chain([(label, (*value).to_owned())]).collect()
                    })
                })
                .collect();
        }
        all
    }

    /// What is said for sure is so whatever the labels are that are lacking.
    #[test]
    fn a_host_is_meant_for_sure_where_it_is_whatever_it_lacks() {
        let mut numbers = Numbers(0x5eed);
        let mut told = [0; 3];
        for _ in 0..4000 {
            let selector = selector(&mut numbers, 3, false);
            let labels = host(&mut numbers);
            let weight = selector.weigh("h", &labels);
            let mut all = completions(&labels).into_iter();
            match &weight {
                Weight::Yes => assert!(all.all(|labels| selector.matches("h", &labels))),
                Weight::No => assert!(!all.any(|labels| selector.matches("h", &labels))),
                Weight::Unknown(open) => {
                    assert!(!open.is_empty());
                    assert!(open.iter().all(|label| labels.get(label).is_none()));
                }
            }
            told[match weight {
                Weight::No => 0,
                Weight::Unknown(_) => 1,
                Weight::Yes => 2,
            }] += 1;
        }
        assert!(told.iter().all(|&count| count > 400), "{told:?}");
    }

    #[test]
    fn with_every_label_it_is_what_the_selector_matches_and_without_some_never_less() {
        let mut numbers = Numbers(0xf1ee7);
        for _ in 0..4000 {
            let selector = selector(&mut numbers, 3, true);
            let labels = host(&mut numbers);
            let (weight, matches) = (selector.weigh("h", &labels), selector.matches("h", &labels));
            assert!(!matches || weight.may(), "{selector} of {labels:?}");
            for labels in completions(&labels).iter().take(4) {
                let weight = selector.weigh("h", labels);
                assert_eq!(weight, known(selector.matches("h", labels)));
            }
            let turned = Selector::Not(Box::new(selector.clone()));
            assert_eq!(turned.weigh("h", &labels), weight.clone().not());
            assert_eq!(weight.clone().not().not(), weight);
        }
    }

    #[test]
    fn only_labels_on_which_the_answer_depends_are_told() {
        let pam = Selector::parse("role = dc and pam = yes and not gc = yes").unwrap();
        let of = |labels: &[(&'static str, &str)]| -> Labels {
            let labels = labels.iter();
            labels
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect()
        };
        assert_eq!(pam.weigh("h", &of(&[("role", "web")])), Weight::No);
        assert_eq!(
            pam.weigh("h", &of(&[("role", "dc"), ("gc", "no")])),
            Weight::Unknown(BTreeSet::from(["pam"]))
        );
        assert_eq!(
            pam.weigh("h", &of(&[("role", "dc"), ("pam", "true"), ("gc", "no")])),
            Weight::Yes
        );
        assert_eq!(
            pam.weigh("h", &of(&[])),
            Weight::Unknown(BTreeSet::from(["gc", "pam", "role"]))
        );
        let either = Selector::parse("role = dc or pam = yes").unwrap();
        assert_eq!(either.weigh("h", &of(&[("pam", "yes")])), Weight::Yes);
        let named = Selector::parse("name = h and has pam").unwrap();
        assert_eq!(named.weigh("h", &of(&[])), Weight::No);
    }
}
