//! What a message says: JSON, with a text in it for those who show only that.

use ringway_model::{ChangeId, RolloutId};
use serde::Serialize;

use super::due::{Message, Told, Why};
use super::matters::Matter;

/// A message as it is delivered.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Body<'a> {
    /// The same whenever it is delivered again.
    id: String,
    /// `new`, `reminder` or `escalation`.
    because: &'static str,
    /// The how-manieth reminder.
    #[serde(skip_serializing_if = "Option::is_none")]
    reminder: Option<u32>,
    rule: &'a str,
    fleet: &'a str,
    /// Whether nothing is changed on hosts: `run --observe`.
    observing: bool,
    /// All of it in lines, as chats show it.
    text: String,
    matters: Vec<About<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct About<'a> {
    topic: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rollout: Option<RolloutId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<&'a ChangeId>,
    policy: &'a str,
    update: &'a str,
    /// In UTC.
    since: String,
    why: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    unblocked_by: Option<&'a str>,
    /// What a person types.
    commands: &'a [String],
}

/// A message about these matters, from the database of this number.
pub fn body(message: &Message, outbox: &[Told], incarnation: u64, observing: bool) -> String {
    let told: Vec<&Told> = outbox
        .iter()
        .filter(|one| message.about.contains(&one.id))
        .collect();
    let (because, reminder) = match message.why {
        Why::New => ("new", None),
        Why::Reminder(n) => ("reminder", Some(n)),
        Why::Escalation => ("escalation", None),
    };
    let fleet = told.first().map_or("", |one| one.matter.fleet.as_str());
    let body = Body {
        id: format!("{incarnation:016x}-{}", message.id),
        because,
        reminder,
        rule: &message.rule,
        fleet,
        observing,
        text: text(&told, message.why, fleet, observing),
        matters: told.iter().map(|one| about(one)).collect(),
    };
    serde_json::to_string(&body).expect("it is plain values with string keys")
}

fn about(told: &Told) -> About<'_> {
    let matter = &told.matter;
    About {
        topic: matter.topic.word(),
        rollout: matter.rollout,
        change: matter.change.as_ref(),
        policy: &matter.policy,
        update: &matter.update,
        since: told.opened.to_string(),
        why: &matter.why,
        unblocked_by: matter.unblocked_by.as_deref(),
        commands: &matter.commands,
    }
}

fn text(told: &[&Told], why: Why, fleet: &str, observing: bool) -> String {
    let mut lines = Vec::new();
    let observed = if observing { " (only observed)" } else { "" };
    lines.push(match why {
        Why::New => format!("Ringway, fleet {fleet}{observed}"),
        Why::Reminder(_) => format!("Ringway, fleet {fleet}{observed}: still so"),
        Why::Escalation => {
            format!("Ringway, fleet {fleet}{observed}: still so, and nobody has ended it")
        }
    });
    for one in told {
        let matter = &one.matter;
        lines.push(format!(
            "{}{}: {}",
            who(matter),
            matter.topic.word(),
            matter.why
        ));
        lines.extend(
            matter
                .unblocked_by
                .iter()
                .map(|by| format!("  unblocked by: {by}")),
        );
        lines.extend(matter.commands.iter().map(|line| format!("  type: {line}")));
    }
    lines.join("\n")
}

/// `r1 [CHG0012345] april by policy careful `, or nothing for the whole fleet.
fn who(matter: &Matter) -> String {
    let Some(rollout) = matter.rollout else {
        return String::new();
    };
    let change = matter
        .change
        .as_ref()
        .map_or_else(String::new, |change| format!(" [{change}]"));
    format!(
        "{rollout}{change} {} by policy {} ",
        matter.update, matter.policy
    )
}
