//! Deliberate mistakes of whoever tells: what it takes the outbox for, and what gets into it.
//!
//! They are planted beside the product, whose telling is a function of the outbox: a mistake in it is as good as an outbox that is
//! seen wrongly.

use std::borrow::Cow;

use ringway_engine::planted::Bug;
use ringway_executor::notices::{Notices, Told};
use ringway_model::{Span, Timestamp};
use ringway_policy::validated::Topic;

use super::Post;

/// How early a reminder comes that comes too early, in milliseconds: less than any rule asks for between two.
const EARLY: i64 = 4 * 60_000;

/// After so long what was told is told again.
const AGAIN: Span = Span::minutes(30);

impl Post {
    pub(in crate::world) const fn plant(&mut self, bug: Option<Bug>) {
        self.planted = bug;
    }

    /// What gets into the outbox of what is to be told with a row.
    pub(super) fn mistaken_notices(&mut self, at: Timestamp, mut notices: Notices) -> Notices {
        let Some(bug) = self.planted else {
            return notices;
        };
        if bug == Bug::NoticeBeforeRow {
            for matter in std::mem::take(&mut notices.happened) {
                self.put(matter, at, Some(at));
            }
        }
        if bug == Bug::NoticeOfOneRule {
            let rule = self.rules.last().map(|rule| &rule.name);
            notices.happened.retain(|matter| Some(&matter.rule) == rule);
        }
        let left_out = if bug == Bug::FailureUntold {
            Topic::Failed
        } else if bug == Bug::StopUntold {
            Topic::Stopped
        } else {
            return notices;
        };
        if let Some(open) = &mut notices.open {
            open.retain(|matter| matter.topic != left_out);
        }
        notices.happened.retain(|matter| matter.topic != left_out);
        notices
    }

    /// What the teller sees in the outbox.
    pub(super) fn looked_at(&self, now: Timestamp) -> Cow<'_, [Told]> {
        let Some(bug) = self.planted else {
            return Cow::Borrowed(&self.outbox);
        };
        let mut seen = self.outbox.clone();
        for one in &mut seen {
            mistake(bug, one, now);
        }
        Cow::Owned(seen)
    }
}

fn mistake(bug: Bug, one: &mut Told, now: Timestamp) {
    let long_ago = |at: Option<Timestamp>| at.is_some_and(|at| at + AGAIN <= now);
    let stays_open = one.matter.topic.stays_open();
    let so_far = &mut one.so_far;
    if bug == Bug::ToldTwice && long_ago(so_far.last) {
        so_far.times = 0;
        so_far.last = None;
        so_far.tried = None;
    }
    if bug == Bug::ToldWhenOver && stays_open && so_far.times == 0 {
        one.closed = None;
    }
    if bug == Bug::NeverReminded && so_far.times > 0 {
        so_far.last = None;
    }
    if bug == Bug::RemindedEarly {
        so_far.last = so_far.last.map(|at| Timestamp(at.0 - EARLY));
    }
    if bug == Bug::RemindedOfWhatIsOver && stays_open && so_far.times > 0 {
        one.closed = None;
    }
    if bug == Bug::NeverEscalated {
        so_far.escalated = Some(one.opened);
    }
    if bug == Bug::EscalatedTwice && long_ago(so_far.escalated) {
        so_far.escalated = None;
        so_far.escalation_tried = None;
    }
    if bug == Bug::RefusedOnceIsGivenUp && so_far.failures > 0 {
        so_far.given_up = true;
    }
}
