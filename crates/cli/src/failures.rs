//! What steps that did not go well have said, told once each while a rollout is followed.

use std::collections::BTreeSet;

use ringway_engine::view::{FleetView, HostView, LastWord, RingView};
use ringway_model::RolloutId;

use crate::exit::Failure;
use crate::session::Session;
use crate::show;

/// Hosts that are told of at once. Where a whole ring fails, the first few say why.
const AT_ONCE: usize = 5;

/// What was told already.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    told: BTreeSet<(RolloutId, String, String)>,
}

impl Failures {
    /// Lines for every failure that came between these two views. What was there before the first one is no news.
    pub(crate) async fn news(
        &mut self,
        session: &Session,
        before: Option<&FleetView>,
        now: &FleetView,
    ) -> Result<Vec<String>, Failure> {
        let mut lines = Vec::new();
        for rollout in now
            .rollouts
            .iter()
            .filter(|one| !one.is_final || before.is_some())
        {
            let old = before.and_then(|view| view.rollouts.iter().find(|r| r.id == rollout.id));
            for (index, ring) in rollout.rings.iter().enumerate() {
                let had = old.and_then(|r| r.rings.get(index)).map_or([0; 3], unwell);
                if unwell(ring).iter().zip(had).all(|(now, had)| *now <= had) {
                    continue;
                }
                let hosts = session.hosts(rollout.id, Some(ring.name.clone())).await?;
                let new = self.untold(&hosts);
                if before.is_some() {
                    lines.extend(told(&new, &ring.name));
                }
            }
        }
        Ok(lines)
    }

    /// Those whose last word was not told yet; from now on it counts as told.
    fn untold<'a>(&mut self, hosts: &'a [HostView]) -> Vec<(&'a HostView, &'a LastWord)> {
        hosts
            .iter()
            .filter_map(|host| Some((host, host.last_word.as_ref()?)))
            .filter(|(host, word)| {
                let which = format!("{} {}", word.step, word.attempt);
                self.told.insert((host.rollout, host.host.clone(), which))
            })
            .collect()
    }
}

/// Hosts that failed, those of them that are visited again, and those that could not be reached.
const fn unwell(ring: &RingView) -> [u32; 3] {
    [ring.failed, ring.again, ring.debt]
}

fn told(new: &[(&HostView, &LastWord)], ring: &str) -> Vec<String> {
    let mut lines: Vec<String> = new
        .iter()
        .take(AT_ONCE)
        .flat_map(|(host, word)| show::last_word_briefly(&host.host, word))
        .collect();
    if let more @ 1.. = new.len().saturating_sub(AT_ONCE) {
        lines.push(format!(
            "    ... and {more} more; `ringway why {ring}` lists them"
        ));
    }
    lines
}
