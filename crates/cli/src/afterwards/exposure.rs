//! `ringway exposure`: how long hosts have been without an update, who still is, and who will be when it is due.

use std::collections::BTreeMap;
use std::path::Path;

use ringway_engine::HostState;
use ringway_engine::view::{FleetView, RolloutView};
use ringway_model::{RolloutId, Slot, Timestamp};
use ringway_policy::validated::Update;
use ringway_scheduler::exposure::{Exposed, Has, by};
use serde::Serialize;

use super::chronicle::{Chronicle, Course};
use super::walk::Walk;
use crate::args::Exposure;
use crate::exit::{End, Failure, Outcome};
use crate::out::Out;
use crate::session::Informant;
use crate::show::{self, bold, due_at, put, shortened, until};

/// Severities that everybody knows, the worst first; others follow by name.
const WORST_FIRST: [&str; 4] = ["critical", "important", "moderate", "low"];

/// Rows of a journal that `status` reads for a line: a fifth of a second where nothing is optimised. People look at it while
/// something burns; a longer journal is for `ringway exposure`.
pub(super) const MOST_ROWS: u64 = 20_000;

/// One rollout.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Told {
    rollout: RolloutId,
    update: String,
    policy: String,
    state: &'static str,
    /// From when on hosts are exposed.
    from: Timestamp,
    /// Whether that is the release of the update; else it is the rollout's proposal.
    since_released: bool,
    /// Until when it is added up: now, or when the rollout was over.
    until: Timestamp,
    total: Sum,
    /// By the worst severity of what a host's release mends.
    severities: Vec<Sum>,
    /// Hosts whose release mends something that is known to be exploited.
    exploited: Option<Sum>,
    strata: Vec<Sum>,
    /// Hosts of the plan that are in no ring: they are not in the sums.
    in_no_ring: usize,
    /// Hosts without a release: the same.
    not_applicable: usize,
    /// When it is due.
    due: Option<Timestamp>,
    /// When it can be complete at the earliest.
    earliest: Option<Timestamp>,
    /// Hosts without which it is not, and that people hold without an end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    held: Vec<String>,
    /// Hosts that are without it when it is due, as it stands now.
    late: Vec<Late>,
}

/// What some hosts add up to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Sum {
    /// Of what; empty: of all.
    #[serde(skip_serializing_if = "String::is_empty")]
    of: String,
    hosts: u32,
    without: u32,
    exposed_ms: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Late {
    host: String,
    ring: String,
    why: String,
}

/// How a rollout is exposed, in a line of `status`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Briefly {
    rollout: RolloutId,
    #[serde(flatten)]
    total: Sum,
}

impl Briefly {
    pub(crate) fn words(&self) -> String {
        format!(
            "{}: {} (`ringway exposure {}`)",
            self.rollout,
            hours(&self.total),
            self.rollout
        )
    }
}

/// Rollouts that are not over, for `status`: nothing where the journal is too long to be read beside it, or cannot be.
pub(crate) async fn briefly(data: &Path, view: &FleetView) -> Vec<Briefly> {
    let told = tell(data, view, None, Some(MOST_ROWS)).await;
    let told = told.unwrap_or_default().into_iter();
    told.map(|one| Briefly {
        rollout: one.rollout,
        total: one.total,
    })
    .collect()
}

/// `ringway exposure`.
pub(crate) async fn exposure(out: Out, data: &Path, args: &Exposure) -> Outcome {
    let (_, view) = Informant::look(data).await?;
    let told = tell(data, &view, args.rollout, None).await?;
    if let (Some(rollout), true) = (args.rollout, told.is_empty()) {
        let why = format!("there is no rollout {rollout}");
        return Err(Failure::new(End::Refused, why).hint("`ringway status --all` lists them"));
    }
    if told.is_empty() && out.is_text() {
        out.say("no rollout is under way; `ringway exposure ROLLOUT` tells of one that is over");
    }
    out.values(&told, |one| words(one, view.at));
    Ok(End::Done)
}

/// The rollout of this id, or every one that is not over; none where the journal has more rows than this.
async fn tell(
    data: &Path,
    view: &FleetView,
    wanted: Option<RolloutId>,
    most: Option<u64>,
) -> Result<Vec<Told>, Failure> {
    let (mut walk, library) = Walk::begin(data).await?;
    if most.is_some_and(|most| walk.head().seq > most) {
        return Ok(Vec::new());
    }
    let mut chronicle = Chronicle::new(&library);
    while let Some((row, batch)) = walk.batch().await? {
        for event in &batch.events {
            chronicle.learn(row.at, event);
        }
    }
    let mut told = Vec::new();
    for course in chronicle.courses.values() {
        let is_meant = wanted.map_or(course.ended.is_none(), |rollout| rollout == course.id);
        if is_meant {
            let update = update(&walk, course).await?;
            told.push(one(course, update.as_ref(), view));
        }
    }
    Ok(told)
}

/// The update as it was registered.
async fn update(walk: &Walk, course: &Course) -> Result<Option<Update>, Failure> {
    let Some(plan) = &course.plan else {
        return Ok(None);
    };
    let Some(digest) = plan.documents.get(&format!("update/{}", plan.update)) else {
        return Ok(None);
    };
    let text = walk.text(*digest).await?;
    Ok(text.as_deref().and_then(ringway_policy::update_alone))
}

fn one(course: &Course, update: Option<&Update>, view: &FleetView) -> Told {
    let released = update.and_then(|update| update.released);
    let from = released.unwrap_or(course.proposed);
    let until = course.ended.map_or(view.at, |(at, _)| at);
    let slots = || (0..course.hosts.len()).map(Slot::at);
    let sums = |key: &dyn Fn(Slot) -> Option<String>| {
        let keyed = slots().zip(&course.hosts);
        let keyed = keyed.filter_map(|(slot, stood)| Some((key(slot)?, &stood.had)));
        by::<String>(keyed, from, until)
    };
    let all = |_: Slot| Some(String::new());
    let severity = |slot: Slot| Some(severity(course, update, slot));
    let exploited = |slot: Slot| is_exploited(course, update, slot).then(String::new);
    let stratum = |slot: Slot| Some(stratum(course, slot));
    let mut severities = told(sums(&severity));
    let place = |word: &str| WORST_FIRST.iter().position(|known| *known == word);
    severities.sort_by_key(|sum| place(&sum.of).unwrap_or(WORST_FIRST.len()));
    let plan = course.plan.as_ref();
    let due = plan.and_then(|plan| plan.terms.due.as_ref());
    let due = due.map(|due| due.at(course.proposed));
    let rollout = view.rollouts.iter().find(|one| one.id == course.id);
    Told {
        rollout: course.id,
        update: course.update(),
        policy: course.policy(),
        state: course.state,
        from,
        since_released: released.is_some(),
        until,
        total: told(sums(&all))
            .pop()
            .unwrap_or_else(|| sum(String::new(), Exposed::default())),
        severities,
        exploited: told(sums(&exploited)).pop(),
        strata: told(sums(&stratum)),
        in_no_ring: plan.map_or(0, |plan| plan.unclaimed.len()),
        not_applicable: plan.map_or(0, |plan| plan.not_applicable.len()),
        due,
        earliest: rollout.and_then(|one| one.due.as_ref()?.earliest),
        held: rollout
            .and_then(|one| one.due.as_ref())
            .map_or_else(Vec::new, |due| due.held.clone()),
        late: due.map_or_else(Vec::new, |due| late(course, rollout, due, until)),
    }
}

fn told(sums: BTreeMap<String, Exposed>) -> Vec<Sum> {
    sums.into_iter()
        .map(|(of, exposed)| sum(of, exposed))
        .collect()
}

const fn sum(of: String, exposed: Exposed) -> Sum {
    Sum {
        of,
        hosts: exposed.hosts,
        without: exposed.without,
        exposed_ms: exposed.span.millis(),
    }
}

/// The worst of what the host's release mends; else what the update says of itself.
fn severity(course: &Course, update: Option<&Update>, slot: Slot) -> String {
    let own = update.and_then(|update| update.severity.as_deref());
    let place = |word: &&str| WORST_FIRST.iter().position(|known| known == word);
    let worst = mended(course, update, slot)
        .filter_map(|cve| cve.severity.as_deref())
        .min_by_key(|word| place(word).unwrap_or(WORST_FIRST.len()));
    worst.or(own).unwrap_or("not said").to_owned()
}

fn is_exploited(course: &Course, update: Option<&Update>, slot: Slot) -> bool {
    mended(course, update, slot).any(|cve| cve.exploited)
}

/// What the release of a host mends.
fn mended<'u>(
    course: &Course,
    update: Option<&'u Update>,
    slot: Slot,
) -> impl Iterator<Item = &'u ringway_policy::validated::Cve> {
    let route = course.route(slot);
    let release = update.and_then(|update| {
        let mut releases = update.releases.iter();
        let release = releases.find(|one| {
            route.is_some_and(|route| route.release == one.id && route.build == one.build)
        })?;
        Some((update, release))
    });
    release
        .into_iter()
        .flat_map(|(update, release)| update.mends(release))
}

/// What tells the host apart from others: what rings cover by, else its role and system, else its group.
fn stratum(course: &Course, slot: Slot) -> String {
    let strata = course.plan.as_ref().map(|plan| &plan.consent.strata);
    let known = strata.and_then(|strata| {
        let number = *strata.of_slot.get(slot.index())?;
        strata.names.get(usize::from(number)).cloned()
    });
    let group = || {
        let (plan, fleet) = (course.plan.as_ref()?, course.fleet.as_ref()?);
        let host = fleet
            .hosts
            .get(plan.slots.get(slot.index())?.host.index())?;
        Some(format!("group={}", fleet.groups[host.group?.index()].name))
    };
    known
        .or_else(group)
        .unwrap_or_else(|| "all alike".to_owned())
}

/// Hosts that will not have it when it is due: where they stand, they do not move by themselves, or their ring cannot be
/// settled before. Hosts that can still be in time are not named, however likely they are to be late.
fn late(
    course: &Course,
    rollout: Option<&RolloutView>,
    due: Timestamp,
    now: Timestamp,
) -> Vec<Late> {
    let forecast = rollout.and_then(|one| one.due.as_ref());
    let rings = forecast.map(|due| &due.rings);
    let held = forecast.map(|due| &due.held);
    let mut late = Vec::new();
    for (index, stood) in course.hosts.iter().enumerate() {
        if stood.had.now() != Has::Not {
            continue;
        }
        let slot = Slot::at(index);
        let ring = course.ring_name(course.ring_of(slot));
        let settled = rings.and_then(|rings| rings.iter().find(|one| one.ring == ring));
        let settled = settled
            .map(|one| one.settled)
            .filter(|settled| *settled > due);
        let state = show::host_state(stood.state);
        let why = if now >= due {
            format!("{state}; it was due")
        } else if course.ended.is_some() {
            format!("{state}; the rollout is over")
        } else if is_stuck(stood.state) {
            format!("{state}; it moves when somebody sees to it")
        } else if held.is_some_and(|held| held.contains(&course.host(slot))) {
            format!("{state}; it is held until somebody releases it")
        } else if let Some(settled) = settled {
            format!("{state}; its ring can be settled at {settled} at the earliest")
        } else {
            continue;
        };
        late.push(Late {
            host: course.host(slot),
            ring,
            why,
        });
    }
    late
}

/// Whether a host stays where it is until a person does something.
const fn is_stuck(state: HostState) -> bool {
    match state {
        HostState::Failed { .. }
        | HostState::Unhealthy { .. }
        | HostState::RolledBack
        | HostState::RollbackFailed { .. }
        | HostState::RestartWithheld
        | HostState::Held
        | HostState::Lost
        | HostState::Skipped => true,
        HostState::Pending
        | HostState::Running { .. }
        | HostState::Ready { .. }
        | HostState::Backoff { .. }
        | HostState::Settling
        | HostState::Updated
        | HostState::Already
        | HostState::Offline
        | HostState::OnHold
        | HostState::Again
        | HostState::Vanished
        | HostState::NotReady { .. }
        | HostState::GoesLast { .. }
        | HostState::Excepted
        | HostState::CatchUp
        | HostState::ChangedOutside
        | HostState::ByHand { .. } => false,
    }
}

#[expect(clippy::too_many_lines, reason = "a page is read from top to bottom")]
fn words(told: &Told, now: Timestamp) -> String {
    let mut text = format!(
        "{}  {} by policy {}: {}\n",
        bold(&told.rollout.to_string()),
        told.update,
        told.policy,
        told.state
    );
    let since = if told.since_released {
        format!("its release, {}", told.from)
    } else {
        format!(
            "it was proposed, {} (the update does not say when it was released)",
            told.from
        )
    };
    let end = if told.until == now { "now" } else { "its end" };
    put(
        &mut text,
        format_args!("  {} from {since}, to {end}\n", hours(&told.total)),
    );
    if let Some(exploited) = &told.exploited {
        put(
            &mut text,
            format_args!(
                "  to something that is known to be exploited: {}\n",
                hours(exploited)
            ),
        );
    }
    for (what, sums) in [
        ("severity", &told.severities),
        ("kind of host", &told.strata),
    ] {
        put(&mut text, format_args!("  by {what}:\n"));
        for sum in sums {
            put(&mut text, format_args!("    {}: {}\n", sum.of, hours(sum)));
        }
    }
    for (count, what) in [
        (told.in_no_ring, "in no ring"),
        (told.not_applicable, "without a release"),
    ] {
        if count > 0 {
            put(&mut text, format_args!("  not counted: {count} {what}\n"));
        }
    }
    match (told.due, told.earliest) {
        (None, _) => text.push_str("  not due, so nothing is forecast (`due:` in its policy)\n"),
        (Some(due), earliest) => {
            if let Some(earliest) = earliest {
                put(
                    &mut text,
                    format_args!("  complete at the earliest {}\n", until(now, earliest)),
                );
            }
            if !told.held.is_empty() {
                put(
                    &mut text,
                    format_args!(
                        "  not by itself: held without an end: {}\n",
                        shortened(&told.held, 8)
                    ),
                );
            }
            let count = show::hosts(u32::try_from(told.late.len()).unwrap_or(u32::MAX));
            let verb = if due < now { "are" } else { "will be" };
            put(
                &mut text,
                format_args!("  due {}: {count} {verb} without it\n", due_at(now, due)),
            );
        }
    }
    for late in &told.late {
        put(
            &mut text,
            format_args!("    {} in ring {}: {}\n", late.host, late.ring, late.why),
        );
    }
    text
}

fn hours(sum: &Sum) -> String {
    let tenths = sum.exposed_ms / 360_000;
    format!(
        "{}.{} host-hours, {} of {} hosts without it",
        tenths / 10,
        tenths % 10,
        sum.without,
        sum.hosts
    )
}
