//! `ringway due`: which rollouts will miss their due date, and why. Only looks.

use std::path::Path;

use ringway_engine::view::{DueView, RolloutView, Waiting};
use ringway_model::{RolloutId, Timestamp};
use serde::Serialize;

use crate::exit::{End, Outcome};
use crate::out::Out;
use crate::session::Informant;
use crate::show::{Paint, bold, due_at, hosts, paint, put, reasons, shortened, until};

/// What is told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Told {
    /// When this was so.
    at: Timestamp,
    /// Rollouts that are not over and have a due date, the next one first.
    rollouts: Vec<One>,
    /// How many are not over and have none.
    without: usize,
}

/// One rollout.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct One {
    rollout: RolloutId,
    update: String,
    policy: String,
    state: String,
    /// Targets that have not got the update.
    left: u32,
    due: DueView,
    /// Why it does not move.
    waiting: Vec<Waiting>,
}

/// `ringway due`.
pub(crate) async fn due(out: Out, data: &Path) -> Outcome {
    let (_, view) = Informant::look(data).await?;
    let open = view.rollouts.iter().filter(|one| !one.is_final);
    let mut rollouts: Vec<One> = open.clone().filter_map(one).collect();
    rollouts.sort_by_key(|one| (one.due.at, one.rollout));
    let without = open.count() - rollouts.len();
    let told = Told {
        at: view.at,
        rollouts,
        without,
    };
    out.value(&told, text);
    Ok(End::Done)
}

fn one(view: &RolloutView) -> Option<One> {
    let left = view
        .rings
        .iter()
        .map(|ring| ring.planned - ring.done.min(ring.planned));
    Some(One {
        rollout: view.id,
        update: view.update.clone(),
        policy: view.policy.clone(),
        state: view.state.clone(),
        left: left.sum(),
        due: view.due.clone()?,
        waiting: view.waiting.clone(),
    })
}

fn text(told: &Told) -> String {
    let mut text = String::new();
    for one in &told.rollouts {
        put(
            &mut text,
            format_args!(
                "{}  {} by policy {}: {}\n",
                bold(&one.rollout.to_string()),
                one.update,
                one.policy,
                verdict(told.at, &one.due)
            ),
        );
        put(
            &mut text,
            format_args!("  due {} (`{}`)\n", due_at(told.at, one.due.at), one.due.by),
        );
        if let Some(earliest) = one.due.earliest {
            let once = if one.due.held.is_empty() {
                ""
            } else {
                ", once these hosts are released"
            };
            put(
                &mut text,
                format_args!(
                    "  complete at the earliest {}{once}\n",
                    until(told.at, earliest)
                ),
            );
        }
        if !one.due.held.is_empty() {
            put(
                &mut text,
                format_args!(
                    "  held without an end: {} (`ringway release`, `ringway maintenance end`)\n",
                    shortened(&one.due.held, 8)
                ),
            );
        }
        for ring in &one.due.rings {
            put(
                &mut text,
                format_args!(
                    "    {}: from {}, settled {}, soaked {}, promoted {}\n",
                    ring.ring, ring.starts, ring.settled, ring.soaked, ring.promoted
                ),
            );
        }
        put(
            &mut text,
            format_args!("  not updated yet: {}\n", hosts(one.left)),
        );
        text.push_str(&reasons(&one.waiting, told.at));
    }
    if told.rollouts.is_empty() {
        text.push_str("no rollout that is not over has a due date\n");
    }
    if told.without > 0 {
        put(
            &mut text,
            format_args!(
                "without a due date: {} (`due:` in their policies)\n",
                told.without
            ),
        );
    }
    text
}

fn verdict(now: Timestamp, due: &DueView) -> String {
    let bad = |words: &str| paint(Paint::Bad, words);
    if due.at < now {
        bad("is overdue")
    } else if due.missed && due.earliest.is_none() {
        bad("will miss its date: its calendar has no time for it")
    } else if due.missed {
        bad("will miss its date")
    } else if due.earliest.is_none() {
        "nothing can be said yet: when work may run is not known".to_owned()
    } else if !due.held.is_empty() {
        bad("cannot be complete by itself")
    } else {
        paint(Paint::Good, "can be on time")
    }
}

#[cfg(test)]
mod tests {
    use ringway_model::Span;

    use super::*;
    use crate::show::plain;

    const NOW: Timestamp = Timestamp(1_776_186_000_000);

    fn due() -> DueView {
        DueView {
            by: "other".to_owned(),
            at: NOW + Span::hours(24),
            earliest: Some(NOW + Span::hours(1)),
            missed: false,
            held: Vec::new(),
            rings: Vec::new(),
        }
    }

    fn told(due: DueView) -> String {
        let one = One {
            rollout: RolloutId(1),
            update: "u".to_owned(),
            policy: "p".to_owned(),
            state: "advancing".to_owned(),
            left: 1,
            due,
            waiting: Vec::new(),
        };
        let told = Told {
            at: NOW,
            rollouts: vec![one],
            without: 0,
        };
        plain(&text(&told))
    }

    #[test]
    fn hosts_that_are_held_without_an_end_are_not_said_to_be_on_time() {
        assert!(told(due()).contains("can be on time"));
        let held = vec!["db-1".to_owned()];
        let text = told(DueView { held, ..due() });
        for part in [
            "u by policy p: cannot be complete by itself",
            "2026-04-14T18:00:00Z (in 1h), once these hosts are released",
            "held without an end: db-1 (",
            "not updated yet: 1 host\n",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn a_date_that_has_passed_is_not_now() {
        let at = Timestamp(NOW.0 - 7_200_000);
        let missed = true;
        let text = told(DueView {
            at,
            missed,
            ..due()
        });
        assert!(
            text.contains("due 2026-04-14T15:00:00Z (2h ago) (`other`)"),
            "{text}"
        );
    }
}
