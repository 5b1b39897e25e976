//! What the journal says of advisories: which count, and whom they keep from what.

use std::collections::BTreeMap;

use ringway_engine::{Advisory, Event, Ruling};
use ringway_model::{Effect, Rank, Selector};
use ringway_scheduler::FleetSpec;
use ringway_scheduler::plan::Route;

/// An advisory as it was heard.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) advisory: Advisory,
    /// Whether it does what it asks for.
    pub(crate) counts: bool,
    /// Whether it ever did.
    counted: bool,
}

/// Advisories by their ids.
pub(crate) type Advisories = BTreeMap<String, Heard>;

/// Hears an event.
pub(crate) fn learn(all: &mut Advisories, event: &Event) {
    if let Event::Advised { advisory, .. } = event {
        let counts = advisory.rank != Rank::Unverified;
        let counted = all.get(&advisory.id).is_some_and(|before| before.counted);
        let heard = Heard {
            advisory: advisory.clone(),
            counts,
            counted: counts || counted,
        };
        all.insert(advisory.id.clone(), heard);
    } else if let Event::AdvisoryRuled { id, ruling, .. } = event
        && let Some(heard) = all.get_mut(id)
    {
        heard.counts = *ruling == Ruling::Accept;
        heard.counted |= heard.counts;
    }
}

/// Whether an advisory may affect a host, by its name and labels in a fleet.
pub(crate) fn affects(advisory: &Advisory, fleet: Option<&FleetSpec>, host: &str) -> bool {
    let mut hosts = fleet.into_iter().flat_map(|fleet| &fleet.hosts);
    let Some(spec) = hosts.find(|spec| spec.name == host) else {
        return false;
    };
    let Some(text) = &advisory.affects else {
        return true;
    };
    Selector::parse(text).is_ok_and(|selector| selector.weigh(&spec.name, &spec.labels).may())
}

/// The advisory that kept a host from what a rollout installs, in words; the one that is believed most. With `ever` those count,
/// too, that are over.
pub(crate) fn advised(
    all: &Advisories,
    fleet: Option<&FleetSpec>,
    (host, route): (&str, &Route),
    ever: bool,
) -> Option<String> {
    let all = all
        .values()
        .filter(|heard| heard.counts || ever && heard.counted);
    let all = all.map(|heard| &heard.advisory).filter(|one| {
        one.effect == Effect::Hold
            && one.is_about(&route.release, route.build.as_deref())
            && affects(one, fleet, host)
    });
    all.max_by_key(|one| one.rank).map(|one| {
        let says = one.says.as_deref().unwrap_or_default().lines().next();
        let says = says.filter(|says| !says.is_empty());
        format!(
            "advisory {} of {} ({}){}",
            one.id,
            one.source,
            one.rank,
            says.map_or_else(String::new, |says| format!(": {says}"))
        )
    })
}
