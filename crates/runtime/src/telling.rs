//! The task that delivers what lies in the outbox. What is due, and to whom, is decided by `ringway_executor::notices`.
//!
//! # Invariants
//!
//! * It never stands in the loop's way: the loop waits for nothing here.
//! * A message is written down as told only after its receiver said so: after a crash in between it is told again, with the
//!   same id.
//! * Secrets are read when something is told, and are in no log and no message of ours.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ringway_drivers::tell;
use ringway_executor::notices::{Due, Message, Outcome, Rule, SoFar, Told, body, due};
use ringway_model::{Digest, Span, Timestamp};
use ringway_policy::validated::NotifyTo;
use ringway_scheduler::Plan;
use ringway_store::Store;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::workers::Boots;

/// How long a delivery may take. A chat or a pager answers in seconds; one that does not is tried again later.
const LIMIT: Duration = Duration::from_secs(30);

/// Messages that are delivered at once.
const AT_ONCE: usize = 16;

/// How soon the outbox is looked at again when it could not be read or written.
const AGAIN: Duration = Duration::from_secs(10);

/// How long is waited where nothing is due by time.
const IDLE: Duration = Duration::from_mins(10);

/// Whether there is a later.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Haste {
    /// There is.
    None,
    /// This is the last turn of this process.
    Last,
}

/// Delivers messages.
pub(crate) struct Teller {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) boots: Boots,
    /// Something new may lie in the outbox.
    pub(crate) outbox: Arc<Notify>,
    /// The process is about to end in order.
    pub(crate) ending: Arc<Notify>,
    /// Whether nothing is changed on hosts, which every message says.
    pub(crate) observing: bool,
}

impl Teller {
    /// Works until the process ends, or it is aborted. At an orderly end, what would only wait for more to tell with it is told
    /// at once: nobody may be there to do it later.
    pub(crate) async fn run(self) {
        let mut plans = BTreeMap::new();
        loop {
            let wait = match self.turn(&mut plans, Haste::None).await {
                Ok(wait) => wait,
                Err(why) => {
                    tracing::warn!(%why, "what is to be told is not known");
                    AGAIN
                }
            };
            tokio::select! {
                () = self.outbox.notified() => {}
                () = tokio::time::sleep(wait) => {}
                () = self.ending.notified() => {
                    if let Err(why) = self.turn(&mut plans, Haste::Last).await {
                        tracing::warn!(%why, "what was to be told at the end is told later");
                    }
                    return;
                }
            }
        }
    }

    /// Delivers what is due, and says when there will be more.
    pub(crate) async fn turn(
        &self,
        plans: &mut BTreeMap<Digest, Arc<Plan>>,
        haste: Haste,
    ) -> Result<Duration, String> {
        let outbox = self.store.outbox().await.map_err(|e| e.to_string())?;
        if outbox.is_empty() {
            return Ok(IDLE);
        }
        let unread = self.learn(&outbox, plans).await;
        if haste == Haste::Last {
            for plan in plans.values_mut() {
                for rule in &mut Arc::make_mut(plan).notify {
                    rule.group = Span::ZERO;
                }
            }
        }
        let now = self.clock.now();
        let due = due(
            &outbox,
            |plan, name| {
                let Some(plan) = plans.get(plan) else {
                    return Rule::Unread;
                };
                let rule = plan.notify.iter().find(|rule| rule.name == *name);
                rule.map_or(Rule::None, Rule::Of)
            },
            now,
        );
        let is_idle = due.messages.is_empty();
        let next = due.next;
        let changes = self.deliver(&outbox, &due, plans).await?;
        let written = self.store.write_outbox(&changes, &due.forgotten).await;
        written.map_err(|e| e.to_string())?;
        if is_idle {
            let longest = if unread { AGAIN } else { IDLE };
            Ok(next.map_or(longest, |at| self.clock.sleep_until(at).min(longest)))
        } else {
            // What was just told is due again some time.
            Ok(Duration::ZERO)
        }
    }

    /// The plans whose rules the matters are of. Whether there is one that could not be read: a disk that fails for a moment must
    /// not pass for a plan without rules, for then nobody would ever be told.
    async fn learn(&self, outbox: &[Told], plans: &mut BTreeMap<Digest, Arc<Plan>>) -> bool {
        let mut unread = BTreeSet::new();
        for digest in outbox.iter().map(|one| one.matter.plan) {
            if plans.contains_key(&digest) || unread.contains(&digest) {
                continue;
            }
            match self.plan(digest).await {
                Ok(plan) => {
                    plans.insert(digest, Arc::new(plan));
                }
                Err(why) => {
                    tracing::warn!(plan = %digest, %why, "who is to be told could not be read; it is read again");
                    unread.insert(digest);
                }
            }
        }
        !unread.is_empty()
    }

    async fn plan(&self, digest: Digest) -> Result<Plan, String> {
        let blob = self.store.blob(digest).await.map_err(|e| e.to_string())?;
        let blob = blob.ok_or_else(|| "it is not in the store".to_owned())?;
        Plan::decode(&blob.bytes).map_err(|e| e.to_string())
    }

    /// Delivers messages, and says how each of their matters stands afterwards.
    async fn deliver(
        &self,
        outbox: &[Told],
        due: &Due,
        plans: &BTreeMap<Digest, Arc<Plan>>,
    ) -> Result<Vec<(u64, SoFar)>, String> {
        let head = self.store.head().await.map_err(|e| e.to_string())?;
        let mut left: BTreeMap<u64, SoFar> = BTreeMap::new();
        for id in &due.given_up {
            if let Some(one) = outbox.iter().find(|one| one.id == *id) {
                let so_far = SoFar {
                    given_up: true,
                    ..one.so_far.clone()
                };
                left.insert(*id, so_far);
            }
        }
        for lot in due.messages.chunks(AT_ONCE) {
            let mut tasks = JoinSet::new();
            for message in lot {
                let text = body(message, outbox, head.incarnation, self.observing);
                let directory = match plans.get(&message.plan) {
                    Some(plan) => self.boots.directory(plan).await,
                    None => Err("its plan is not registered".to_owned()),
                };
                let (to, message) = (message.to.clone(), message.clone());
                tasks.spawn(async move {
                    let outcome = told(&to, directory, &text).await;
                    (message, outcome)
                });
            }
            while let Some(ended) = tasks.join_next().await {
                if let Ok((message, outcome)) = ended {
                    note(&mut left, outbox, &message, self.clock.now(), &outcome);
                }
            }
        }
        Ok(left.into_iter().collect())
    }
}

async fn told(to: &NotifyTo, directory: Result<PathBuf, String>, text: &str) -> Outcome {
    let told = match directory {
        Ok(directory) => tell(to, &directory, text, LIMIT).await,
        Err(why) => Err(why),
    };
    match told {
        Ok(()) => Outcome::Well,
        Err(why) => Outcome::Failed(why),
    }
}

fn note(
    left: &mut BTreeMap<u64, SoFar>,
    outbox: &[Told],
    message: &Message,
    at: Timestamp,
    outcome: &Outcome,
) {
    if let Outcome::Failed(why) = outcome {
        tracing::warn!(rule = message.rule, id = message.id, %why, "somebody was not told");
    }
    for id in &message.about {
        let before = left
            .get(id)
            .cloned()
            .or_else(|| Some(outbox.iter().find(|one| one.id == *id)?.so_far.clone()));
        if let Some(before) = before {
            left.insert(*id, before.after(message.why, at, outcome));
        }
    }
}
