//! What several sources say of hosts, put together in the fleet.
//!
//! What is written in the fleet counts before everything else, and a note says where a source says otherwise. Between
//! sources the fleet's `prefer` decides, and a note says that it did; where it says nothing of either, that is a problem
//! with both places. A value is never chosen silently.
//!
//! With one source a host is decided as it comes; only with several are all of them held until the end.

use std::collections::BTreeMap;

use ringway_model::{Labels, canonical_value};

use super::hosts::LeftOut;
use super::offer::{self, About, Offer, Told};
use super::origin::{Origins, Said};
use crate::problem::{Code, Found, LINE, Report};
use crate::validated::{Fleet, Host, HostCalendar, ZoneName};
use crate::yaml::Place;

/// How many hosts are named where many are alike.
const NAMED: usize = 3;

/// A fleet that hosts are put into.
pub(super) struct Merge<'m> {
    pub(super) fleet: &'m mut Fleet,
    /// Where each written host stands.
    written: &'m BTreeMap<String, Place>,
    /// Names of all sources, by their number.
    names: &'m [String],
    /// By source: how far before others it counts, the first at 0; absent: nothing is said.
    ranks: Vec<Option<usize>>,
    at: BTreeMap<String, usize>,
    /// By host: what sources say, where there are several.
    held: BTreeMap<String, Vec<(usize, Offer)>>,
    /// Values that differ, alike ones together.
    differing: BTreeMap<Differing, (Places, Vec<String>)>,
    pub(super) named: Named,
    pub(super) origins: Option<&'m mut Origins>,
}

/// Windows and zones that sources name, each with the first host of which it is said, and where.
#[derive(Debug, Default)]
pub(super) struct Named {
    pub(super) windows: BTreeMap<String, (String, Place)>,
    pub(super) zones: BTreeMap<String, (String, Place)>,
}

/// What differs between which two sources, the one that counts first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Differing {
    about: About,
    counts: usize,
    other: usize,
    /// Whether the fleet says which counts.
    is_settled: bool,
}

/// Where a value stands that counts, and the other one; and what they are.
struct Places {
    counts: Told,
    other: Told,
}

impl<'m> Merge<'m> {
    pub(super) fn new(
        fleet: &'m mut Fleet,
        written: &'m BTreeMap<String, Place>,
        names: &'m [String],
        prefer: &[String],
        origins: Option<&'m mut Origins>,
    ) -> Self {
        let at = fleet
            .hosts
            .iter()
            .enumerate()
            .map(|(at, host)| (host.name.clone(), at))
            .collect();
        let ranks = names
            .iter()
            .map(|name| prefer.iter().position(|preferred| preferred == name))
            .collect();
        let mut merge = Self {
            fleet,
            written,
            names,
            ranks,
            at,
            held: BTreeMap::new(),
            differing: BTreeMap::new(),
            named: Named::default(),
            origins,
        };
        merge.note_written();
        merge
    }

    /// How far before others a source counts.
    pub(super) fn rank(&self, source: usize) -> Option<usize> {
        self.ranks[source]
    }

    /// The host of this name, if it is in the fleet by now.
    pub(super) fn host(&mut self, name: &str) -> Option<&mut Host> {
        let at = *self.at.get(name)?;
        Some(&mut self.fleet.hosts[at])
    }

    /// Whether the fleet itself says where the host is reached.
    pub(super) fn is_address_written(&self, name: &str) -> bool {
        let is_written = |at: &usize| self.fleet.hosts[*at].address.is_some();
        self.written.contains_key(name) && self.at.get(name).is_some_and(is_written)
    }

    /// Takes what a source says of a host.
    pub(super) fn add(&mut self, source: usize, offer: Offer, left_out: &mut LeftOut) {
        if self.names.len() == 1 {
            self.decide(&offer.host.clone(), &[(source, offer)], left_out);
            return;
        }
        let held = self.held.entry(offer.host.clone()).or_default();
        held.push((source, offer));
    }

    /// Decides about everything that was held.
    pub(super) fn settle(&mut self, left_out: &mut LeftOut, found: &mut Found) {
        // In the order in which the hosts were met, as with one source.
        let mut held: Vec<(String, Vec<(usize, Offer)>)> =
            std::mem::take(&mut self.held).into_iter().collect();
        held.sort_by_key(|(_, offers)| {
            let (source, first) = &offers[0];
            (*source, first.place.source, first.place.start)
        });
        one_host_by_two_names(&held, self.names, found);
        for (name, offers) in held {
            self.decide(&name, &offers, left_out);
        }
        self.report(left_out, found);
    }

    /// Puts a host into the fleet, or adds to it what is not written.
    fn decide(&mut self, name: &str, offers: &[(usize, Offer)], left_out: &mut LeftOut) {
        let at = *self.at.entry(name.to_owned()).or_insert_with(|| {
            self.fleet.hosts.push(Host {
                name: name.to_owned(),
                address: None,
                labels: Labels::default(),
                calendar: HostCalendar::default(),
            });
            self.fleet.hosts.len() - 1
        });
        if let Some(origins) = self.origins.as_deref_mut() {
            for (_, offer) in offers {
                origins.place(name, offer.place);
            }
        }
        let mut labels: BTreeMap<String, String> = BTreeMap::new();
        let abouts: std::collections::BTreeSet<&About> = offers
            .iter()
            .flat_map(|(_, offer)| offer.says.keys())
            .collect();
        for about in abouts {
            let told: Vec<(usize, &Told)> = offers
                .iter()
                .filter_map(|(source, offer)| Some((*source, offer.says.get(about)?)))
                .collect();
            if let Some(value) = written(&self.fleet.hosts[at], about) {
                self.against_written(name, about, &value, &told, left_out);
                continue;
            }
            let counts = self.choose(name, about, &told);
            self.say(name, about, counts, &told);
            let host = &mut self.fleet.hosts[at];
            let value = counts.value.clone();
            let first = || (name.to_owned(), counts.place);
            match about {
                About::Address => host.address = Some(value),
                About::Zone => {
                    host.calendar.zone = ZoneName::new(&value);
                    self.named.zones.entry(value).or_insert_with(first);
                }
                About::Window => {
                    host.calendar.windows = offer::windows(&value);
                    for window in &host.calendar.windows {
                        let named = self.named.windows.entry(window.clone());
                        named.or_insert_with(first);
                    }
                }
                About::Label(label) => drop(labels.insert(label.clone(), value)),
            }
        }
        if !labels.is_empty() {
            let host = &mut self.fleet.hosts[at];
            let new = labels
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()));
            host.labels = host.labels.iter().chain(new).collect();
        }
    }

    /// Notes where the fleet says otherwise than a source.
    fn against_written(
        &mut self,
        name: &str,
        about: &About,
        value: &str,
        told: &[(usize, &Told)],
        left_out: &mut LeftOut,
    ) {
        let place = self.written.get(name).copied();
        for (_, other) in told {
            let what = match about {
                About::Address => "its address".to_owned(),
                About::Zone => "its zone".to_owned(),
                About::Window => "its window".to_owned(),
                About::Label(label) => format!("label `{label}`"),
            };
            if same(about, value, &other.value) {
                continue;
            }
            let words = format!(
                "`{name}`: {what} is written otherwise in the fleet ({LINE}) than in the inventory ({LINE}); what is written counts"
            );
            let place = place.unwrap_or(other.place);
            left_out.conflicts.push((words, place, other.place));
        }
        if let (Some(origins), Some(place)) = (self.origins.as_deref_mut(), place) {
            let others = told
                .iter()
                .filter(|(_, told)| !same(about, value, &told.value));
            let others = others
                .map(|(_, told)| (told.value.clone(), told.place))
                .collect();
            origins.overrule(name, about, place, others);
        }
    }

    /// The value that counts, and a note or a problem for each that differs from it.
    fn choose<'t>(&mut self, name: &str, about: &About, told: &[(usize, &'t Told)]) -> &'t Told {
        let ranked = |(at, (source, _)): &(usize, &(usize, &Told))| {
            (self.ranks[*source].unwrap_or(usize::MAX), *at)
        };
        let (_, &(counts, value)) = told
            .iter()
            .enumerate()
            .min_by_key(ranked)
            .expect("something is said of what somebody speaks of");
        for &(other, differs) in told {
            if same(about, &value.value, &differs.value) {
                continue;
            }
            let key = Differing {
                about: about.clone(),
                counts,
                other,
                is_settled: self.ranks[counts].is_some(),
            };
            let (_, hosts) = self.differing.entry(key).or_insert_with(|| {
                let places = Places {
                    counts: value.clone(),
                    other: differs.clone(),
                };
                (places, Vec::new())
            });
            hosts.push(name.to_owned());
        }
        value
    }

    /// Says what was found to differ.
    fn report(&mut self, left_out: &mut LeftOut, found: &mut Found) {
        for (differing, (places, hosts)) in std::mem::take(&mut self.differing) {
            let Differing {
                about,
                counts,
                other,
                is_settled,
            } = differing;
            let Places {
                counts: value,
                other: differs,
            } = places;
            let (counts, other) = (&self.names[counts], &self.names[other]);
            if is_settled {
                let words = format!(
                    "{about} of {}: `{counts}` ({LINE}) counts before `{other}` ({LINE}), as `prefer` says",
                    some(&hosts)
                );
                left_out.conflicts.push((words, value.place, differs.place));
                continue;
            }
            let more = match hosts.len() - 1 {
                0 => String::new(),
                1 => "; they differ for 1 more host".to_owned(),
                more => format!("; they differ for {more} more hosts"),
            };
            let message = format!(
                "{about} of `{}` is `{}` in `{other}` and `{}` in `{counts}`, {LINE}{more}",
                hosts[0], differs.value, value.value
            );
            let hint = format!(
                "say which source counts, for example `prefer: [{counts}, {other}]`, or write the value in `hosts`"
            );
            let mut report = Report::new(Code::SourcesDiffer, differs.place, message).hint(hint);
            report.also.push(value.place);
            found.report(report);
        }
    }

    /// Notes where what is written of hosts stands.
    fn note_written(&mut self) {
        let Some(origins) = self.origins.as_deref_mut() else {
            return;
        };
        for host in &self.fleet.hosts {
            let Some(&place) = self.written.get(&host.name) else {
                continue;
            };
            let labels = host
                .labels
                .iter()
                .map(|(name, _)| About::Label(name.to_owned()));
            let others = [About::Address, About::Zone, About::Window];
            for about in others.into_iter().chain(labels) {
                if let Some(value) = written(host, &about) {
                    origins.say(
                        &host.name,
                        &about,
                        Said {
                            value,
                            at: vec![place],
                        },
                        Vec::new(),
                    );
                }
            }
            origins.place(&host.name, place);
        }
    }

    fn say(&mut self, name: &str, about: &About, counts: &Told, told: &[(usize, &Told)]) {
        let Some(origins) = self.origins.as_deref_mut() else {
            return;
        };
        let (alike, others): (Vec<&Told>, Vec<&Told>) = told
            .iter()
            .map(|(_, told)| *told)
            .partition(|told| same(about, &told.value, &counts.value));
        let said = Said {
            value: counts.value.clone(),
            at: alike.iter().map(|told| told.place).collect(),
        };
        let others = others.iter().map(|told| (told.value.clone(), told.place));
        origins.say(name, about, said, others.collect());
    }
}

/// What is written of a host in the fleet, as sources say it.
fn written(host: &Host, about: &About) -> Option<String> {
    match about {
        About::Address => host.address.clone(),
        About::Zone => host
            .calendar
            .zone
            .as_ref()
            .map(|zone| zone.as_str().to_owned()),
        About::Window => {
            let windows = &host.calendar.windows;
            (!windows.is_empty()).then(|| windows.join(offer::OR))
        }
        About::Label(name) => host.labels.get(name).map(str::to_owned),
    }
}

/// Whether two values say the same: `yes` and `true` do, as they do to selectors.
fn same(about: &About, one: &str, other: &str) -> bool {
    match about {
        About::Label(_) => canonical_value(one) == canonical_value(other),
        About::Address | About::Zone | About::Window => one == other,
    }
}

/// Some hosts by name, and how many more.
fn some(hosts: &[String]) -> String {
    let named: Vec<String> = hosts
        .iter()
        .take(NAMED)
        .map(|name| format!("`{name}`"))
        .collect();
    match hosts.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// A host with what each source says of it.
type Held = (String, Vec<(usize, Offer)>);

/// One server under two names would be updated twice at once. Sources that differ only in how they write letters do that.
fn one_host_by_two_names(held: &[Held], names: &[String], found: &mut Found) {
    let mut by_lower: BTreeMap<String, &Held> = BTreeMap::new();
    for host in held {
        let Some(before) = by_lower.insert(host.0.to_lowercase(), host) else {
            continue;
        };
        let ((other, theirs), (name, ours)) = (before, host);
        let ((first, told), (second, here)) = (&theirs[0], &ours[0]);
        if first == second {
            continue;
        }
        let message = format!(
            "`{name}` of `{}` and `{other}` of `{}`, {LINE}, differ only in capitals",
            names[*second], names[*first]
        );
        let hint =
            "if they are one server, let both sources write its name alike; if not, rename one";
        let mut report = Report::new(Code::SourcesDiffer, here.place, message).hint(hint);
        report.also.push(told.place);
        found.report(report);
    }
}
