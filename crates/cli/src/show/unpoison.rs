//! What people ask to take back of what is poisoned: in a line, and as whoever is to agree sees it.

use ringway_engine::Event;
use ringway_engine::view::{FleetView, UnpoisonRuleView, UnpoisonView};
use ringway_model::Content;

use super::put;

/// What is asked, one below the other.
pub(crate) fn unpoisonings(asked: &[UnpoisonView]) -> String {
    let mut text = String::new();
    for one in asked {
        put(
            &mut text,
            format_args!(
                "asked to be poisoned no longer (no. {}): {} by {}, {}: {}\n",
                one.number,
                contents(&one.contents),
                one.by,
                one.since,
                one.reason
            ),
        );
        for rule in &one.rules {
            put(&mut text, format_args!("    {}\n", needs(rule)));
        }
        if let Some(until) = one.until {
            put(&mut text, format_args!("    void at {until}\n"));
        }
    }
    text
}

/// What somebody sees who is to agree.
pub(crate) fn agreeing(view: &FleetView, asked: &UnpoisonView) -> String {
    let mut text = unpoisonings(std::slice::from_ref(asked));
    let about = view.poisons.iter();
    let about = about.filter(|poison| asked.contents.contains(&poison.content));
    let poisons: Vec<_> = about.cloned().collect();
    text.push_str(&super::poisons(&poisons));
    put(&mut text, format_args!("digest: {}\n", asked.digest));
    text
}

/// What came of a word that content may be installed again.
pub(crate) fn became_of(asked: &[UnpoisonView], id: &str) -> String {
    let mut all = asked.iter();
    let is_meant = |one: &&UnpoisonView| one.contents.iter().any(|content| content.id == id);
    match all.find(is_meant) {
        Some(one) => format!(
            "{}it stays poisoned until they agree: `ringway approve --unpoison {}`",
            unpoisonings(std::slice::from_ref(one)),
            one.number
        ),
        None => format!(
            "{id} may be installed again: no policy asks that others agree, the reason is enough"
        ),
    }
}

/// What became of it after somebody said yes.
pub(crate) fn after_a_yes(asked: &[UnpoisonView], number: u32) -> String {
    match asked.iter().find(|one| one.number == number) {
        Some(one) => format!(
            "{}it stays poisoned until all have agreed",
            unpoisonings(std::slice::from_ref(one))
        ),
        None => format!("all have agreed to no. {number}: it may be installed again"),
    }
}

/// What one policy asks for, and has.
fn needs(rule: &UnpoisonRuleView) -> String {
    let mut text = format!(
        "policy `{}` asks for {} approval{}",
        rule.policy,
        rule.need,
        if rule.need == 1 { "" } else { "s" }
    );
    if !rule.teams.is_empty() {
        put(&mut text, format_args!(" of {}", rule.teams.join(" or ")));
    }
    if rule.given.is_empty() {
        text.push_str(", and has none");
    } else {
        put(
            &mut text,
            format_args!(", and has those of {}", rule.given.join(" and ")),
        );
    }
    if rule.given.len() < usize::from(rule.need) && !rule.could.is_empty() {
        let could: Vec<String> = rule.could.iter().map(ToString::to_string).collect();
        put(&mut text, format_args!("; {} could", could.join(", ")));
    }
    for cannot in &rule.cannot {
        put(&mut text, format_args!("; not {cannot}"));
    }
    text
}

/// What happened, in a sentence.
pub(super) fn told(event: &Event) -> String {
    if let Event::UnpoisonAsked {
        number,
        contents: asked,
        actor,
        reason,
    } = event
    {
        let what = contents(asked);
        return format!(
            "{actor} asks that {what} may be installed again (no. {number}): {reason}; it stays poisoned until enough people agree"
        );
    }
    if let Event::UnpoisonApproved {
        number,
        actor,
        person,
        deputy_in,
        ..
    } = event
    {
        let whom = if *person == actor.0 {
            String::new()
        } else {
            format!(" (as {person})")
        };
        let deputy = deputy_in.as_ref();
        let deputy = deputy.map_or_else(String::new, |team| format!(", a deputy in {team}"));
        return format!("{actor}{whom}{deputy} agrees to taking back poisoning no. {number}");
    }
    if let Event::UnpoisonLapsed { number, actor, why } = event {
        return match actor {
            Some(actor) => format!("{actor} rejects taking back poisoning no. {number}: {why}"),
            None => format!("taking back poisoning no. {number} is asked no longer: {why}"),
        };
    }
    String::new()
}

fn contents(all: &[Content]) -> String {
    let all: Vec<String> = all.iter().map(ToString::to_string).collect();
    all.join(", ")
}
