//! What of a batch is worth telling, by the rules of the plans it is about.
//!
//! # Invariants
//!
//! * It depends on the events and the state after them only: the same journal gives the same matters.
//! * An open matter is known by its key: rule, topic, rollout and what it is about. While it goes on the key stays.

use std::collections::{BTreeMap, BTreeSet};

use ringway_engine::{Engine, Event, Final, HostState, RolloutState, Stage, Then};
use ringway_model::{ChangeId, Digest, RolloutId, Slot, WaitingOn};
use ringway_policy::validated::Topic;
use ringway_scheduler::Plan;
use serde::{Deserialize, Serialize};

/// Names that are listed; the rest is counted.
const NAMES: usize = 10;

/// What people are to be told with a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notices {
    /// Every matter that is open after the batch; absent where that is as before. What is open and not among them is over.
    pub open: Option<Vec<Matter>>,
    /// What just happened.
    pub happened: Vec<Matter>,
}

impl Notices {
    /// Nothing is to be told, and nothing is over.
    pub const NONE: Self = Self {
        open: None,
        happened: Vec::new(),
    };

    /// Whether there is nothing to write down.
    pub const fn is_empty(&self) -> bool {
        self.open.is_none() && self.happened.is_empty()
    }
}

/// Something that is worth telling to whom a rule names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Matter {
    /// By which it is known while it is open.
    pub key: String,
    /// The plan that has the rule.
    pub plan: Digest,
    /// The rule's name.
    pub rule: String,
    /// What it is.
    pub topic: Topic,
    /// The fleet.
    pub fleet: String,
    /// The rollout; absent for the whole fleet.
    pub rollout: Option<RolloutId>,
    /// Its ticket.
    pub change: Option<ChangeId>,
    /// Its policy and its update.
    pub policy: String,
    /// Its update.
    pub update: String,
    /// In the words of `why`.
    pub why: String,
    /// What would end it; absent for what just happened.
    pub unblocked_by: Option<String>,
    /// What a person types.
    pub commands: Vec<String>,
}

/// What a matter says.
struct Said {
    topic: Topic,
    /// What tells it from others of the same topic.
    about: String,
    why: String,
    unblocked_by: Option<String>,
    commands: Vec<String>,
}

impl Said {
    fn waits(topic: Topic, about: String, on: &WaitingOn, rollout: Option<RolloutId>) -> Self {
        Self {
            topic,
            about,
            why: on.to_string(),
            unblocked_by: Some(on.unblocked_by().to_owned()),
            commands: on.commands(rollout),
        }
    }
}

/// Every matter that is open in this state.
pub(crate) fn all_open(engine: &Engine) -> Vec<Matter> {
    let mut open = Vec::new();
    for (id, plan) in engine.plans_of_rollouts() {
        if !plan.notify.is_empty() {
            let said = of_rollout(engine, id).into_iter();
            let said = said.chain(due_date(engine, id, plan));
            let said = said.chain(lane(engine, id));
            for one in said.chain(questions(engine, id)) {
                open.extend(told(engine, Some(id), plan, Some(one)));
            }
        }
    }
    open.extend(advisories(engine));
    open.extend(unpoisonings(engine));
    if let Some(on) = engine.stopped()
        && let Some(plan) = engine.newest_plan()
    {
        let topic = if matches!(on, WaitingOn::Fault { .. }) {
            Topic::Fault
        } else {
            Topic::Stopped
        };
        let said = Said::waits(topic, String::new(), &on, None);
        open.extend(told(engine, None, plan, Some(said)));
    }
    open
}

/// The keys of matters, by which two sets of them are compared.
pub(crate) fn keys(matters: &[Matter]) -> BTreeSet<String> {
    matters.iter().map(|matter| matter.key.clone()).collect()
}

/// What advisories want of people: those that somebody is to accept or dismiss, and those that keep hosts from an update. They
/// are told by the rules of the newest plan, as all that is about the whole fleet.
fn advisories(engine: &Engine) -> Vec<Matter> {
    let rules = |plan: &Plan| {
        let mut rules = plan.notify.iter();
        rules.any(|rule| rule.when.contains(&Topic::Advisory))
    };
    let Some(plan) = engine.newest_plan().filter(|plan| rules(plan)) else {
        return Vec::new();
    };
    let views = engine.advisories().into_iter();
    let said = views.filter_map(|view| {
        let (id, held) = (&view.advisory.id, view.held.len());
        let whose = format!(
            "advisory {id} of {} ({})",
            view.advisory.source, view.advisory.rank
        );
        let (about, why, by, commands) = if view.is_proposed() {
            (
                "proposed",
                format!(
                    "{whose} asks for `{}`, and nobody has verified it",
                    view.advisory.effect
                ),
                "a person's `advisory accept` or `advisory dismiss`",
                vec![
                    format!("ringway advisory show {id}"),
                    format!("ringway advisory accept {id} --reason WHY"),
                    format!("ringway advisory dismiss {id} --reason WHY"),
                ],
            )
        } else if held > 0 {
            let names = listed(&view.held);
            let hosts = if held == 1 { "host" } else { "hosts" };
            (
                "holds",
                format!("{whose} keeps {held} {hosts} from an update: {names}"),
                "the update that mends it, or its withdrawal: `advisory withdraw`",
                vec![format!("ringway advisory show {id}")],
            )
        } else {
            return None;
        };
        Some(Said {
            topic: Topic::Advisory,
            about: format!("{id}/{about}"),
            why,
            unblocked_by: Some(by.to_owned()),
            commands,
        })
    });
    said.flat_map(|said| told(engine, None, plan, Some(said)))
        .collect()
}

/// What people ask to take back of what is poisoned: told by the rules of each policy whose approvals are missing.
fn unpoisonings(engine: &Engine) -> Vec<Matter> {
    let mut matters = Vec::new();
    for asked in engine.unpoisonings() {
        let contents: Vec<String> = asked.contents.iter().map(ToString::to_string).collect();
        for rule in asked.rules {
            let have = rule.given.len();
            if have >= usize::from(rule.need) {
                continue;
            }
            let said = Said {
                topic: Topic::ApprovalNeeded,
                about: format!("unpoison/{}", asked.number),
                why: format!(
                    "{} asks that {} be poisoned no longer: {} ({have} of {} approvals)",
                    asked.by,
                    contents.join(", "),
                    asked.reason,
                    rule.need
                ),
                unblocked_by: Some("people's `approve --unpoison`".to_owned()),
                commands: vec![
                    format!("ringway approve --unpoison {}", asked.number),
                    format!("ringway reject --unpoison {} --reason WHY", asked.number),
                ],
            };
            if let Some(plan) = plan_of(engine, rule.rollout) {
                matters.extend(told(engine, Some(rule.rollout), plan, Some(said)));
            }
        }
    }
    matters
}

fn of_rollout(engine: &Engine, id: RolloutId) -> Option<Said> {
    match engine.standing(id)? {
        RolloutState::Paused { by, reason, .. } => {
            let on = WaitingOn::Pause {
                by: by.clone(),
                reason: reason.clone(),
            };
            Some(Said::waits(Topic::Paused, String::new(), &on, Some(id)))
        }
        // It goes on while everything is stopped, and is not news afterwards.
        RolloutState::Halted { .. } => {
            let on = engine.halt_of(id)?;
            Some(Said::waits(Topic::Halted, String::new(), &on, Some(id)))
        }
        RolloutState::Proposed | RolloutState::Advancing(Stage::Promoting { .. }) => {
            let waiting = engine.waiting(id);
            let on = waiting
                .iter()
                .find(|on| matches!(on, WaitingOn::Approval { .. }))?;
            let WaitingOn::Approval { to, .. } = on else {
                return None;
            };
            let topic = Topic::ApprovalNeeded;
            Some(Said::waits(topic, to.clone(), on, Some(id)))
        }
        RolloutState::Advancing(Stage::Visiting { .. } | Stage::Soaking { .. })
        | RolloutState::RollingBack
        | RolloutState::Cancelling
        | RolloutState::Completed
        | RolloutState::RolledBack
        | RolloutState::Cancelled
        | RolloutState::Superseding { .. }
        | RolloutState::Superseded { .. } => None,
    }
}

/// What there is to say of a due date, where somebody wants to hear it: working it out is not for nothing.
fn due_date(engine: &Engine, id: RolloutId, plan: &Plan) -> Option<Said> {
    let mut rules = plan.notify.iter();
    rules.find(|rule| rule.when.contains(&Topic::Overdue))?;
    let due = engine.due_of(id).filter(|due| due.missed)?;
    let (at, by) = (due.at, &due.by);
    let (about, why) = match due.earliest {
        _ if at < engine.now() => ("missed", format!("it was due {at} (`{by}`)")),
        Some(earliest) => (
            "will-miss",
            format!(
                "it will miss its date: due {at} (`{by}`), complete at the earliest {earliest}"
            ),
        ),
        None => (
            "will-miss",
            format!(
                "it will miss its date: due {at} (`{by}`), and its calendar has no time for it"
            ),
        ),
    };
    Some(Said {
        topic: Topic::Overdue,
        about: about.to_owned(),
        why,
        unblocked_by: Some("its completion; a due date overrides nothing".to_owned()),
        commands: vec!["ringway due".to_owned()],
    })
}

/// A lane that somebody asks for, and that people have to approve.
fn lane(engine: &Engine, id: RolloutId) -> Option<Said> {
    let on = engine.lane_waits(id)?;
    let WaitingOn::Approval { to, .. } = &on else {
        return None;
    };
    let about = to.clone();
    Some(Said::waits(Topic::ApprovalNeeded, about, &on, Some(id)))
}

/// What people asked and nobody has answered.
fn questions(engine: &Engine, id: RolloutId) -> Vec<Said> {
    let asked = engine.open_questions(id).into_iter();
    let said = asked.map(|one| {
        let to = one.to.map_or_else(String::new, |to| format!(" {to}"));
        Said {
            topic: Topic::Question,
            about: one.number.to_string(),
            why: format!("question {}: {} asks{to}: {}", one.number, one.by, one.text),
            unblocked_by: Some("an answer".to_owned()),
            commands: vec![format!("ringway answer {} TEXT --rollout {id}", one.number)],
        }
    });
    said.collect()
}

/// What just happened, by these events; `seq` is the row they are in.
pub(crate) fn happened(engine: &Engine, events: &[Event], seq: u64) -> Vec<Matter> {
    let mut said: Vec<(RolloutId, Said)> = Vec::new();
    let mut failed: BTreeMap<RolloutId, Vec<Slot>> = BTreeMap::new();
    for event in events {
        if let Some((id, slot)) = failure(event) {
            let slots = failed.entry(id).or_default();
            if !slots.contains(&slot) {
                slots.push(slot);
            }
        }
        said.extend(once(engine, event));
    }
    for (id, slots) in failed {
        said.push((id, hosts_failed(engine, id, &slots)));
    }
    let mut matters = Vec::new();
    for (number, (id, mut one)) in said.into_iter().enumerate() {
        if let Some((_, plan)) = engine.plans_of_rollouts().find(|(of, _)| *of == id) {
            one.about = format!("{}/{seq}.{number}", one.about);
            matters.extend(told(engine, Some(id), plan, Some(one)));
        }
    }
    matters
}

fn once(engine: &Engine, event: &Event) -> Option<(RolloutId, Said)> {
    let said = |topic, why: String, commands| Said {
        topic,
        about: String::new(),
        why,
        unblocked_by: None,
        commands,
    };
    if let Event::Promoted { rollout, ring } = event {
        let plan = plan_of(engine, *rollout)?;
        let why = format!("ring `{}` was promoted", plan.rings.get(ring.index())?.name);
        return Some((*rollout, said(Topic::Promoted, why, Vec::new())));
    }
    if let Event::Finished { rollout, how } = event {
        let (topic, why) = match how {
            Final::Completed => (Topic::Completed, "it is completed"),
            Final::RolledBack => (Topic::Ended, "it was rolled back"),
            Final::Cancelled => (Topic::Ended, "it was cancelled"),
            Final::Superseded => (Topic::Ended, "another rollout has taken its place"),
        };
        let commands = vec![format!("ringway report rollout {rollout}")];
        return Some((*rollout, said(topic, why.to_owned(), commands)));
    }
    None
}

/// A host that failed by this event.
fn failure(event: &Event) -> Option<(RolloutId, Slot)> {
    let (rollout, slot, to) = if let Event::StepEnded {
        intent,
        then: Then::End { to, .. },
        ..
    } = event
    {
        (intent.rollout(), intent.slot(), to)
    } else if let Event::HostMoved {
        rollout, slot, to, ..
    } = event
    {
        (*rollout, *slot, to)
    } else {
        return None;
    };
    let is_failure = matches!(
        to,
        HostState::Failed { .. }
            | HostState::Unhealthy { .. }
            | HostState::RollbackFailed { .. }
            | HostState::Lost
    );
    is_failure.then_some((rollout, slot))
}

fn hosts_failed(engine: &Engine, id: RolloutId, slots: &[Slot]) -> Said {
    let name = |slot: &Slot| {
        let host = plan_of(engine, id)?.slots.get(slot.index())?.host;
        Some(engine.fleet().hosts.get(host.index())?.name.clone())
    };
    let names: Vec<String> = slots.iter().filter_map(name).collect();
    let list = listed(&names);
    let why = match names.len() {
        1 => format!("1 host failed: {list}"),
        count => format!("{count} hosts failed: {list}"),
    };
    let first = names.first().cloned().unwrap_or_default();
    Said {
        topic: Topic::Failed,
        about: String::new(),
        why,
        unblocked_by: None,
        commands: vec![format!("ringway why {first} --rollout {id}")],
    }
}

/// The first names, and how many more there are.
fn listed(names: &[String]) -> String {
    let list = names[..names.len().min(NAMES)].join(", ");
    match names.len().saturating_sub(NAMES) {
        0 => list,
        more => format!("{list} and {more} more"),
    }
}

fn plan_of(engine: &Engine, id: RolloutId) -> Option<&Plan> {
    let mut plans = engine.plans_of_rollouts();
    plans.find(|(of, _)| *of == id).map(|(_, plan)| plan)
}

/// One matter for each rule that wants to tell it.
fn told(engine: &Engine, id: Option<RolloutId>, plan: &Plan, said: Option<Said>) -> Vec<Matter> {
    let Some(said) = said else {
        return Vec::new();
    };
    let rules = plan.notify.iter();
    let rules = rules.filter(|rule| rule.when.contains(&said.topic));
    let digest = std::cell::OnceCell::new();
    let matter = |rule: &ringway_policy::validated::NotifyRule| {
        let scope = id.map_or_else(|| "fleet".to_owned(), |id| id.to_string());
        Matter {
            key: format!("{}/{}/{scope}/{}", rule.name, said.topic.word(), said.about),
            plan: *digest.get_or_init(|| engine.plan_digest(id).unwrap_or_else(|| plan.digest())),
            rule: rule.name.clone(),
            topic: said.topic,
            fleet: engine.fleet().name.clone(),
            rollout: id,
            change: id.and_then(|id| engine.change(id).cloned()),
            policy: plan.policy.clone(),
            update: plan.update.clone(),
            why: said.why.clone(),
            unblocked_by: said.unblocked_by.clone(),
            commands: said.commands.clone(),
        }
    };
    rules.map(matter).collect()
}
