//! Harm: what an update does to hosts, for certain or by chance, and when it shows.

use ringway_model::Share;
use ringway_policy::validated::{Does, Priors, Shows};
use serde::Serialize;

use super::roll::{About, Roll};
use super::setting::Setting;

/// Which hosts.
pub(super) type HostSet = Vec<bool>;

/// Harm with its hosts.
#[derive(Clone, Debug)]
pub(super) struct Harm {
    /// A bit for each rollout whose update does it.
    pub(super) rollouts: u8,
    pub(super) hosts: HostSet,
    pub(super) share: Share,
    pub(super) does: Does,
    pub(super) shows: Shows,
}

impl Harm {
    /// Whether a host is among those it happens to.
    pub(super) fn hits(&self, seed: u64, index: usize, rollout: u8, host: usize) -> bool {
        self.rollouts & 1 << rollout != 0
            && self.hosts[host]
            && Roll::of(seed, About::Harmed, &[index as u64, host as u64]).is_in(self.share)
    }
}

/// Which futures are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Luck {
    /// The world's regressions and nothing else.
    #[default]
    Certain,
    /// Beside them, with the chances of the world's priors, a bad update.
    Drawn,
    /// Beside them a bad update: what the priors say of those that are.
    Bad,
}

/// What a future drew from the priors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Drawn {
    /// The kind of hosts it harms; absent: every kind.
    pub kind: Option<String>,
    /// How many hosts it can happen to.
    pub hosts: u32,
    /// To which share of those it does, in percent.
    pub hits: String,
    /// Whether it keeps the update from being installed instead of breaking the service.
    pub install_fails: bool,
    /// The mean time until it shows, in milliseconds; 0: at once.
    pub shows_after_ms: u64,
}

/// Draws a bad update, if it is one.
pub(super) fn draw(setting: &Setting, seed: u64, luck: Luck) -> Option<(Harm, Drawn)> {
    let priors: &Priors = &setting.world.priors;
    let roll = |about| Roll::of(seed, about, &[]);
    let is_bad = match luck {
        Luck::Certain => false,
        Luck::Drawn => roll(About::Bad).is_in(priors.bad),
        Luck::Bad => true,
    };
    if !is_bad {
        return None;
    }
    let kinds = &setting.kinds;
    let one = usize::try_from(roll(About::Kind).below(kinds.len() as u64)).unwrap_or(0);
    let kind = kinds
        .get(one)
        .filter(|_| !roll(About::Everywhere).is_in(priors.everywhere));
    let hosts = kind.map_or_else(
        || vec![true; setting.model_of.len()],
        |kind| kind.hosts.clone(),
    );
    let share = roll(About::Hits).share(priors.hits);
    let install_fails = roll(About::InstallFails).is_in(priors.install_fails);
    let shows = if install_fails || roll(About::AtOnce).is_in(priors.at_once) {
        Shows::AtOnce
    } else {
        Shows::Mean(roll(About::Slow).log_uniform(priors.slow))
    };
    let drawn = Drawn {
        kind: kind.map(|kind| kind.name.clone()),
        hosts: u32::try_from(hosts.iter().filter(|&&is| is).count()).unwrap_or(u32::MAX),
        hits: share.to_string(),
        install_fails,
        shows_after_ms: match shows {
            Shows::Mean(mean) => mean.millis(),
            Shows::AtOnce | Shows::Within(_) | Shows::Trigger(_) => 0,
        },
    };
    let harm = Harm {
        rollouts: u8::MAX,
        hosts,
        share,
        does: if install_fails {
            Does::InstallFails
        } else {
            Does::Down
        },
        shows,
    };
    Some((harm, drawn))
}
