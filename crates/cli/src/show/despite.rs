//! What a yes does not change: who keeps visits from beginning all the same, and whether the date can still be met. Pure.

use ringway_engine::view::{ApprovalView, DueView, RolloutView};
use ringway_model::{Says, Timestamp, WaitingOn};

use super::words::{in_words, put};

/// Whatever a yes does not end and that keeps visits from beginning: who paused or stopped it, gates that are not open.
pub(super) fn in_the_way(rollout: &RolloutView, now: Timestamp) -> Vec<String> {
    let is_stayed = |on: &WaitingOn| {
        matches!(
            on,
            WaitingOn::Stop { .. }
                | WaitingOn::Fault { .. }
                | WaitingOn::Pause { .. }
                | WaitingOn::Halt { .. }
        )
    };
    let stayed = rollout.waiting.iter().filter(|one| is_stayed(&one.on));
    let stayed = stayed.map(|one| format!("{}; {}", one.why, one.unblocked_by));
    let gates = rollout.gates.iter().filter(|gate| gate.says != Says::Open);
    let gates = gates.map(|gate| {
        let why = if gate.why.is_empty() {
            String::new()
        } else {
            format!(": {}", gate.why)
        };
        let since = in_words(now.since(gate.since));
        format!(
            "gate `{}` is {} for {since}{why}",
            gate.gate,
            gate.says.word()
        )
    });
    stayed.chain(gates).collect()
}

/// Whether it can be complete when it is due, and when the ring that starts is through its windows: the first visit alone does not
/// tell that its other hosts are closed for days.
pub(super) fn on_time(due: &DueView, view: &ApprovalView, now: Timestamp) -> String {
    // Spans, not instants: it must leave room on one screen, and `ringway due` has the instants.
    let left = |at: Timestamp| in_words(at.since(now));
    let mut words = if due.at <= now {
        format!("it was, {} ago", in_words(now.since(due.at)))
    } else {
        format!("in {}", left(due.at))
    };
    if due.missed {
        words.push_str(", WILL BE MISSED");
    }
    let ring = due.rings.iter().find(|ring| ring.ring == view.starts);
    match (due.earliest, ring) {
        (Some(at), Some(ring)) => put(
            &mut words,
            format_args!(
                ": settling `{}` needs {}, completion {}",
                ring.ring,
                left(ring.settled),
                left(at)
            ),
        ),
        (Some(at), None) => put(&mut words, format_args!(": completion needs {}", left(at))),
        (None, _) if due.missed => words.push_str(": its calendar has no time for it"),
        (None, _) => {}
    }
    words
}
