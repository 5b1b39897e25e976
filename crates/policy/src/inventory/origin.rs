//! Where what is known of each host was said: kept only where somebody asks, since a fleet may have a million hosts.

use std::collections::BTreeMap;

use serde::Serialize;

use super::offer::About;
use crate::yaml::Place;

/// A value and everywhere it is said.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) value: String,
    pub(crate) at: Vec<Place>,
}

/// A value that counts, and those that do not.
#[derive(Clone, Debug)]
struct Known {
    said: Said,
    others: Vec<(String, Place)>,
}

/// By host and by what is said of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    hosts: BTreeMap<String, BTreeMap<About, Known>>,
    places: BTreeMap<String, Vec<Place>>,
}

/// One thing that is known of a host, and where it was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Origin {
    /// What it is about: `address`, `zone`, `window`, or `label NAME`.
    pub about: String,
    /// The value that counts.
    pub value: String,
    /// Everywhere it is said: `cmdb.csv:14`.
    pub from: Vec<String>,
    /// Other values, which do not count, and where they are said.
    pub not: Vec<Other>,
}

/// A value that does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Other {
    /// The value.
    pub value: String,
    /// Where it is said.
    pub from: String,
}

/// Where a host was said to be there, and what is known of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct HostOrigins {
    /// Where it is listed.
    pub listed: Vec<String>,
    /// What is known of it.
    pub values: Vec<Origin>,
}

impl Origins {
    /// Notes that a host is listed there.
    pub(super) fn place(&mut self, host: &str, place: Place) {
        self.places.entry(host.to_owned()).or_default().push(place);
    }

    pub(super) fn say(
        &mut self,
        host: &str,
        about: &About,
        said: Said,
        others: Vec<(String, Place)>,
    ) {
        let known = Known { said, others };
        self.hosts
            .entry(host.to_owned())
            .or_default()
            .insert(about.clone(), known);
    }

    /// Notes what sources say otherwise than what is written.
    pub(super) fn overrule(
        &mut self,
        host: &str,
        about: &About,
        place: Place,
        others: Vec<(String, Place)>,
    ) {
        let known = self
            .hosts
            .get_mut(host)
            .and_then(|host| host.get_mut(about));
        if let Some(known) = known {
            known.said.at = vec![place];
            known.others = others;
        }
    }

    /// In words; `place` says where a place is.
    pub(crate) fn told(&self, place: impl Fn(Place) -> String) -> BTreeMap<String, HostOrigins> {
        let value = |(about, known): (&About, &Known)| Origin {
            about: match about {
                About::Label(name) => format!("label {name}"),
                About::Address | About::Zone | About::Window => about.to_string(),
            },
            value: known.said.value.clone(),
            from: known.said.at.iter().map(|at| place(*at)).collect(),
            not: known
                .others
                .iter()
                .map(|(value, at)| Other {
                    value: value.clone(),
                    from: place(*at),
                })
                .collect(),
        };
        let mut told: BTreeMap<String, HostOrigins> = BTreeMap::new();
        for (host, places) in &self.places {
            let listed = places.iter().map(|at| place(*at)).collect();
            told.entry(host.clone()).or_default().listed = listed;
        }
        for (host, known) in &self.hosts {
            let values = known.iter().map(value).collect();
            told.entry(host.clone()).or_default().values = values;
        }
        told
    }
}
