//! Whom an advisory may affect, as it is kept. It decides nothing: the selector is read in `advisory`.

use std::collections::BTreeMap;

use ringway_model::HostId;

/// The hosts that an advisory may affect.
#[derive(Clone, Debug)]
pub(crate) enum Meant {
    /// Every one of so many. Most advisories say nothing of hosts, and a list of the fleet for each would be most of the state.
    All(usize),
    /// These, with the labels that they lack for somebody to know.
    Some(BTreeMap<HostId, Vec<String>>),
}

impl Meant {
    /// The labels that a host lacks for somebody to know; none where it is surely not meant.
    pub(crate) fn lacks(&self, host: HostId) -> Option<&[String]> {
        match self {
            Self::All(hosts) => (host.index() < *hosts).then_some(&[]),
            Self::Some(hosts) => hosts.get(&host).map(Vec::as_slice),
        }
    }

    /// Those of which it is known.
    #[cfg(feature = "planted-bugs")]
    pub(crate) fn surely(self) -> Self {
        match self {
            Self::All(hosts) => Self::All(hosts),
            Self::Some(mut hosts) => {
                hosts.retain(|_, lacks| lacks.is_empty());
                Self::Some(hosts)
            }
        }
    }
}
