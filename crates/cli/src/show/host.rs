//! Why something does not move: a host, a ring, a rollout, in the same words everywhere.

use ringway_engine::view::{HostView, RolloutView, Waiting};
use ringway_model::Timestamp;

use super::fleet::{reasons, reasons_of};
use super::paint::bold;
use super::protection::of_host;
use super::said::last_word;
use super::words::{named, put, until};

/// A host in one rollout.
pub(crate) fn host(view: &HostView, now: Timestamp) -> String {
    let group = view
        .group
        .as_ref()
        .map_or(String::new(), |group| format!(", group {group}"));
    let mut text = format!(
        "{} in {}, ring {}{group}: {}\n",
        bold(&view.host),
        named(view.rollout, view.change.as_ref()),
        view.ring,
        view.words
    );
    if let Some(content) = &view.poisoned {
        put(
            &mut text,
            format_args!("  has {content}, which is poisoned\n"),
        );
    }
    if !view.advised.is_empty() {
        let side = if view.advised.len() > 1 {
            "; the strictest that counts rules"
        } else {
            ""
        };
        put(
            &mut text,
            format_args!(
                "  advisories about what it gets: {} (`ringway advisory show`){side}\n",
                view.advised.join(", ")
            ),
        );
    }
    text.push_str(&past(view));
    for line in &view.down {
        put(&mut text, format_args!("  {line}\n"));
    }
    text.push_str(&by_hand(view));
    if let Some(staged) = &view.staged {
        put(&mut text, format_args!("  {}\n", staged.words));
        text.push_str(&reasons(&staged.waiting, now));
    }
    text.push_str(&of_host(&view.protections, now));
    text.push_str(&reasons(&view.waiting, now));
    if let Some(at) = view.not_before.filter(|_| view.waiting.len() > 1) {
        put(
            &mut text,
            format_args!("  not before {}, for all of that\n", until(now, at)),
        );
    }
    text
}

/// What a person said last of work by hand on it.
fn by_hand(view: &HostView) -> String {
    let mut text = String::new();
    if let Some(told) = &view.told {
        put(
            &mut text,
            format_args!(
                "  by hand: {}, says {} at {}",
                told.told.words(),
                told.by,
                told.at
            ),
        );
        if !told.reason.is_empty() {
            put(&mut text, format_args!(": {}", told.reason));
        }
        text.push('\n');
        if let Some(file) = &told.evidence {
            put(
                &mut text,
                format_args!(
                    "  evidence: {} ({} bytes), `ringway evidence {}`\n",
                    file.name,
                    file.size,
                    file.digest.short()
                ),
            );
        }
    }
    text
}

/// What it had, and what its last visit said.
fn past(view: &HostView) -> String {
    let mut text = String::new();
    if let Some(previous) = &view.previous {
        put(&mut text, format_args!("  had before: {previous}\n"));
    }
    if view.again {
        text.push_str("  its visit failed, and counts as a failure until one goes well\n");
    }
    if let Some(word) = &view.last_word {
        text.push_str(&last_word(word));
    }
    text
}

/// A rollout as a whole.
pub(crate) fn rollout_waits(view: &RolloutView, now: Timestamp) -> String {
    let mut text = format!(
        "{} is {}\n",
        bold(&named(view.id, view.change.as_ref())),
        super::fleet::state_words(view)
    );
    text.push_str(&reasons_of(view, now));
    if view.waiting.is_empty() && !view.is_final {
        text.push_str("  steps are running\n");
    }
    if let Some(asked) = &view.lane_asked {
        put(
            &mut text,
            format_args!(
                "  {} asks that it go on in lane {}:\n",
                asked.by, asked.name
            ),
        );
        text.push_str(&reasons(asked.waiting.as_slice(), now));
    }
    text
}

/// A ring.
pub(crate) fn ring_waits(name: &str, waiting: &[Waiting], now: Timestamp) -> String {
    let mut text = format!("ring {}\n", bold(name));
    text.push_str(&reasons(waiting, now));
    if waiting.is_empty() {
        text.push_str("  waits for nothing\n");
    }
    text
}
