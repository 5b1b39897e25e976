//! Which hosts a selector means, for many selectors over many hosts.
//!
//! Labels that selectors name become columns of small numbers once; `label = value` then reads a posting list, so that
//! thousands of groups over a million hosts cost about as much as their answers. Nothing here knows what a selector is
//! for. The answer is the same as [`Selector::matches`] for every host.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::selector::Comparison;
use ringway_model::{Labels, Selector, canonical_value};
use ringway_policy::validated::Host;

use crate::spec::HostSpec;
use crate::texts::Texts;

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
    /// By number: the value as written.
    texts: Vec<&'h str>,
    /// Numbers in the order of their texts.
    by_text: Vec<u32>,
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
        let mut texts = Texts::default();
        let mut counts: Vec<u32> = Vec::new();
        for host in hosts {
            let Some(text) = value_of(host, label) else {
                column.numbers.push(ABSENT);
                continue;
            };
            let number = texts.number(text);
            if number as usize == counts.len() {
                counts.push(0);
            }
            counts[number as usize] += 1;
            column.numbers.push(number);
        }
        column.values(texts.known);
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

    /// What is known of values alone.
    fn values(&mut self, texts: Vec<&'h str>) {
        for (number, text) in (0_u32..).zip(&texts) {
            let equal = self.equal.entry(canonical_value(text)).or_default();
            equal.push(number);
            self.canonical.push(equal[0]);
        }
        self.by_text = (0_u32..).zip(&texts).map(|(number, _)| number).collect();
        self.by_text
            .sort_unstable_by_key(|&number| texts[number as usize]);
        self.texts = texts;
    }

    /// Numbers of the values that begin so.
    fn starting_with(&self, prefix: &str) -> &[u32] {
        let text = |number: u32| self.texts[number as usize];
        let first = self
            .by_text
            .partition_point(|&number| text(number) < prefix);
        let from = &self.by_text[first..];
        let count = from.partition_point(|&number| text(number).starts_with(prefix));
        &from[..count]
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

/// Which hosts are alike in the labels that matter.
pub(crate) struct Strata {
    /// By host: the number of its stratum, or `ABSENT` for a host that is in none.
    pub(crate) of: Vec<u32>,
    /// How many there are; their numbers are smaller.
    pub(crate) count: u32,
}

impl Strata {
    /// Splits strata by one more label. New numbers are given in the order of the hosts.
    fn tell_apart(&mut self, column: &Column<'_>, hosts: &[u32]) {
        // One more than there are values, for hosts without one.
        let values = column.texts.len() + 1;
        let mut pairs = Pairs::new(self.count as usize, values, hosts.len());
        self.count = 0;
        for &host in hosts {
            let value = match column.canonical_number(host) {
                ABSENT => values - 1,
                number => number as usize,
            };
            let stratum = &mut self.of[host as usize];
            let number = pairs.number_of(*stratum as usize, value);
            if *number == ABSENT {
                *number = self.count;
                self.count += 1;
            }
            *stratum = *number;
        }
    }
}

/// A number for each pair of two small numbers, in a table where that is not much larger than what is put into it.
enum Pairs {
    Table(usize, Vec<u32>),
    Map(BTreeMap<(usize, usize), u32>),
}

impl Pairs {
    fn new(firsts: usize, seconds: usize, expected: usize) -> Self {
        match firsts.checked_mul(seconds) {
            Some(size) if size <= 4 * expected => Self::Table(seconds, vec![ABSENT; size]),
            Some(_) | None => Self::Map(BTreeMap::new()),
        }
    }

    /// The number of a pair; `ABSENT` where none was given yet.
    fn number_of(&mut self, first: usize, second: usize) -> &mut u32 {
        match self {
            Self::Table(seconds, numbers) => &mut numbers[first * *seconds + second],
            Self::Map(numbers) => numbers.entry((first, second)).or_insert(ABSENT),
        }
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

    /// The strata of these hosts by these labels, which must have been asked for.
    pub(crate) fn strata(&self, labels: &[String], of: &[u32]) -> Strata {
        let mut strata = Strata {
            of: vec![ABSENT; self.hosts as usize],
            count: u32::from(!of.is_empty()),
        };
        for &host in of {
            strata.of[host as usize] = 0;
        }
        for label in labels {
            strata.tell_apart(&self.columns[self.names[label.as_str()]], of);
        }
        strata
    }

    /// These hosts by their value of a label, which must have been asked for: values in their canonical spelling and in
    /// order, hosts without one last.
    pub(crate) fn by_value(&self, label: &str, of: &[u32]) -> Vec<(Option<&'h str>, Vec<u32>)> {
        let column = &self.columns[self.names[label]];
        let mut numbered: Vec<(u32, u32)> = of
            .iter()
            .map(|&host| (column.canonical_number(host), host))
            .collect();
        numbered.sort_by_key(|&(number, _)| number);
        let text = |number: u32| canonical_value(column.texts[number as usize]);
        let mut values: Vec<_> = numbered
            .chunk_by(|a, b| a.0 == b.0)
            .map(|hosts| {
                let number = hosts[0].0;
                let value = (number != ABSENT).then(|| text(number));
                (value, hosts.iter().map(|&(_, host)| host).collect())
            })
            .collect();
        values.sort_by_key(|&(value, _)| (value.is_none(), value));
        values
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
                        .flat_map(|prefix| column.starting_with(prefix))
                        .copied()
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
    use ringway_policy::validated::HostCalendar;

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
            calendar: HostCalendar::default(),
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
