//! Which hosts a selector means, for many selectors over many hosts.
//!
//! Labels that selectors name become columns of small numbers once; `label = value` then reads a posting list, so that
//! thousands of groups over a million hosts cost about as much as their answers. Nothing here knows what a selector is
//! for. The answer is the same as [`Selector::matches`] for every host.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use ringway_model::selector::Comparison;
use ringway_model::{Labels, Selector, canonical_value};
use ringway_policy::validated::Host;

use crate::spec::HostSpec;

/// Something with a name and labels.
pub(crate) trait Labelled {
    fn name(&self) -> &str;
    fn labels(&self) -> &Labels;
}

impl Labelled for Host {
    fn name(&self) -> &str {
        &self.name
    }

    fn labels(&self) -> &Labels {
        &self.labels
    }
}

impl Labelled for HostSpec {
    fn name(&self) -> &str {
        &self.name
    }

    fn labels(&self) -> &Labels {
        &self.labels
    }
}

/// The value of a host's label; `name` is the host's own name unless it has a label of that name.
pub(crate) fn value_of<'h, H: Labelled>(host: &'h H, label: &str) -> Option<&'h str> {
    host.labels()
        .get(label)
        .or_else(|| (label == "name").then(|| host.name()))
}

/// The number that stands for "the host has no such label".
pub(crate) const ABSENT: u32 = u32::MAX;

/// One label of all hosts.
#[derive(Default)]
struct Column<'h> {
    /// By host: the number of its value as written, or `ABSENT`.
    numbers: Vec<u32>,
    /// Values as written, to their numbers.
    by_text: BTreeMap<&'h str, u32>,
    /// By number: the number that stands for all values that compare equal.
    canonical: Vec<u32>,
    /// Values in their canonical spelling, to all numbers that compare equal.
    equal: BTreeMap<&'h str, Vec<u32>>,
    /// By number: where its hosts begin in `hosts`; one more at the end.
    starts: Vec<u32>,
    /// Hosts, ascending for each value.
    hosts: Vec<u32>,
}

impl<'h> Column<'h> {
    fn new<H: Labelled>(hosts: &'h [H], label: &str) -> Self {
        let mut column = Self::default();
        column.numbers.reserve_exact(hosts.len());
        let mut counts: Vec<u32> = Vec::new();
        for host in hosts {
            let Some(text) = value_of(host, label) else {
                column.numbers.push(ABSENT);
                continue;
            };
            let number = column.intern(text);
            if number as usize == counts.len() {
                counts.push(0);
            }
            counts[number as usize] += 1;
            column.numbers.push(number);
        }
        let mut start = 0;
        column.starts = counts
            .iter()
            .map(|count| {
                let this = start;
                start += count;
                this
            })
            .collect();
        column.starts.push(start);
        let mut next = column.starts.clone();
        column.hosts = vec![0; start as usize];
        for (host, &number) in (0_u32..).zip(&column.numbers) {
            if number != ABSENT {
                let place = &mut next[number as usize];
                column.hosts[*place as usize] = host;
                *place += 1;
            }
        }
        column
    }

    fn intern(&mut self, text: &'h str) -> u32 {
        if let Some(&number) = self.by_text.get(text) {
            return number;
        }
        let number = u32::try_from(self.by_text.len()).expect("no more values than hosts");
        self.by_text.insert(text, number);
        let equal = self.equal.entry(canonical_value(text)).or_default();
        equal.push(number);
        self.canonical.push(equal[0]);
        number
    }

    /// The number of a host's value, the same for values that compare equal; `ABSENT` where it has none.
    fn canonical_number(&self, host: u32) -> u32 {
        match self.numbers[host as usize] {
            ABSENT => ABSENT,
            number => self.canonical[number as usize],
        }
    }

    fn posting(&self, number: u32) -> &[u32] {
        let number = number as usize;
        &self.hosts[self.starts[number] as usize..self.starts[number + 1] as usize]
    }
}

/// Columns for the labels that are asked about.
pub(crate) struct HostIndex<'h> {
    hosts: u32,
    names: BTreeMap<&'h str, usize>,
    columns: Vec<Column<'h>>,
}

/// A selector in numbers.
enum Test {
    All,
    Has(usize),
    /// One of these values, ascending.
    OneOf(usize, Vec<u32>),
    Not(Box<Self>),
    And(Vec<Self>),
    Or(Vec<Self>),
}

impl<'h> HostIndex<'h> {
    /// Columns of these hosts for these labels.
    pub(crate) fn new<H: Labelled>(hosts: &'h [H], labels: BTreeSet<&'h str>) -> Self {
        let columns = labels
            .iter()
            .map(|label| Column::new(hosts, label))
            .collect();
        Self {
            hosts: u32::try_from(hosts.len()).expect("the number of hosts is bounded"),
            names: labels.into_iter().zip(0..).collect(),
            columns,
        }
    }

    /// By host: the number of its stratum by these labels, small numbers for as many strata as there are. Labels must
    /// have been asked for; hosts other than `of` have no stratum and get `ABSENT`.
    pub(crate) fn strata(&self, labels: &[String], of: &[u32]) -> Vec<u32> {
        let columns: Vec<_> = labels
            .iter()
            .map(|label| &self.columns[self.names[label.as_str()]])
            .collect();
        let mut numbers = vec![ABSENT; self.hosts as usize];
        let mut known: BTreeMap<Vec<u32>, u32> = BTreeMap::new();
        let mut key = Vec::with_capacity(columns.len());
        for &host in of {
            key.clear();
            key.extend(columns.iter().map(|column| column.canonical_number(host)));
            let number = known.get(&key).copied().unwrap_or_else(|| {
                let next = u32::try_from(known.len()).expect("no more strata than hosts");
                known.insert(key.clone(), next);
                next
            });
            numbers[host as usize] = number;
        }
        numbers
    }

    /// The hosts that a selector means, ascending. Its labels must have been asked for.
    pub(crate) fn select(&self, selector: &Selector) -> Vec<u32> {
        let test = self.test(selector);
        match self.candidates(&test) {
            Some(mut candidates) => {
                candidates.retain(|&host| self.passes(&test, host));
                candidates
            }
            None => (0..self.hosts)
                .filter(|&host| self.passes(&test, host))
                .collect(),
        }
    }

    fn test(&self, selector: &Selector) -> Test {
        match selector {
            Selector::All => Test::All,
            Selector::Has(label) => Test::Has(self.names[label.name.as_str()]),
            Selector::Compare(label, comparison, values) => {
                let at = self.names[label.name.as_str()];
                let column = &self.columns[at];
                let mut numbers: Vec<u32> = match comparison {
                    Comparison::Eq | Comparison::Ne => values
                        .iter()
                        .filter_map(|value| column.equal.get(canonical_value(value)))
                        .flatten()
                        .copied()
                        .collect(),
                    Comparison::StartsWith => values
                        .iter()
                        .flat_map(|prefix| {
                            column
                                .by_text
                                .range::<str, _>((
                                    Bound::Included(prefix.as_str()),
                                    Bound::Unbounded,
                                ))
                                .take_while(move |(text, _)| text.starts_with(prefix.as_str()))
                                .map(|(_, &number)| number)
                        })
                        .collect(),
                };
                numbers.sort_unstable();
                numbers.dedup();
                let one_of = Test::OneOf(at, numbers);
                match comparison {
                    Comparison::Eq | Comparison::StartsWith => one_of,
                    Comparison::Ne => Test::Not(Box::new(one_of)),
                }
            }
            Selector::Not(inner) => Test::Not(Box::new(self.test(inner))),
            Selector::And(parts) => Test::And(parts.iter().map(|part| self.test(part)).collect()),
            Selector::Or(parts) => Test::Or(parts.iter().map(|part| self.test(part)).collect()),
        }
    }

    fn passes(&self, test: &Test, host: u32) -> bool {
        match test {
            Test::All => true,
            Test::Has(column) => self.columns[*column].numbers[host as usize] != ABSENT,
            Test::OneOf(column, numbers) => {
                let number = self.columns[*column].numbers[host as usize];
                numbers.binary_search(&number).is_ok()
            }
            Test::Not(inner) => !self.passes(inner, host),
            Test::And(parts) => parts.iter().all(|part| self.passes(part, host)),
            Test::Or(parts) => parts.iter().any(|part| self.passes(part, host)),
        }
    }

    /// How many hosts posting lists would offer for a test; `None` where they cannot.
    fn offer(&self, test: &Test) -> Option<usize> {
        match test {
            Test::OneOf(column, numbers) => Some(
                numbers
                    .iter()
                    .map(|&number| self.columns[*column].posting(number).len())
                    .sum(),
            ),
            Test::And(parts) => parts.iter().filter_map(|part| self.offer(part)).min(),
            Test::Or(parts) => parts.iter().map(|part| self.offer(part)).sum(),
            Test::All | Test::Has(_) | Test::Not(_) => None,
        }
    }

    /// A superset of the hosts that pass, ascending, from posting lists; `None` where every host must be looked at.
    fn candidates(&self, test: &Test) -> Option<Vec<u32>> {
        let mut found = match test {
            Test::OneOf(column, numbers) => {
                let postings = numbers.iter().map(|&n| self.columns[*column].posting(n));
                postings.flatten().copied().collect()
            }
            Test::And(parts) => {
                let offers = parts
                    .iter()
                    .filter_map(|part| Some((self.offer(part)?, part)));
                let (_, best) = offers.min_by_key(|(offer, _)| *offer)?;
                return self.candidates(best);
            }
            Test::Or(parts) => {
                let mut all = Vec::new();
                for part in parts {
                    all.extend(self.candidates(part)?);
                }
                all
            }
            Test::All | Test::Has(_) | Test::Not(_) => return None,
        };
        found.sort_unstable();
        found.dedup();
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Vec<Host> {
        [
            ("a-1", vec![("role", "web"), ("pam", "yes")]),
            (
                "a-2",
                vec![("role", "web"), ("pam", "true"), ("tier", "critical")],
            ),
            ("b-1", vec![("role", "database"), ("pam", "no")]),
            ("b-2", vec![("role", "data"), ("tier", "low")]),
            ("c-1", vec![]),
            ("c-2", vec![("name", "other"), ("role", "web")]),
        ]
        .into_iter()
        .map(|(name, labels)| Host {
            name: name.to_owned(),
            address: None,
            labels: labels.into_iter().collect(),
        })
        .collect()
    }

    #[test]
    fn the_index_answers_as_the_selector_itself_does() {
        let hosts = hosts();
        for text in [
            "all",
            "role = web",
            "role = web | data",
            "role != web",
            "role != web | data",
            "role startswith data",
            "role startswith data | w",
            "has tier",
            "not has tier",
            "pam = true",
            "pam = no",
            "pam != yes",
            "pam startswith y",
            "name = a-1 | other",
            "name = c-2",
            "name startswith b-",
            "role = web and tier != critical",
            "role = web and pam = yes and has tier",
            "role = data or role = database",
            "role = data or has pam",
            "role = web or name = c-1 and not has role",
            "role = nothing",
            "unknown = x",
            "unknown != x",
            "not not role = web",
        ] {
            let selector = Selector::parse(text).unwrap();
            let labels = selector
                .labels()
                .into_iter()
                .map(|l| l.name.as_str())
                .collect();
            let expected: Vec<u32> = (0_u32..)
                .zip(&hosts)
                .filter(|(_, host)| selector.matches(&host.name, &host.labels))
                .map(|(at, _)| at)
                .collect();
            assert_eq!(
                HostIndex::new(&hosts, labels).select(&selector),
                expected,
                "{text}"
            );
        }
    }
}
