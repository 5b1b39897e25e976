//! Advisories: whose they are, what they ask for, whom that is about, and which of them contradict one another.

use ringway_engine::view::AdvisoryView;
use ringway_engine::{Advisory, Event};
use ringway_model::{Effect, Rank, RolloutId};

use super::fleet::shortened;
use super::narrate::because;
use super::paint::{Paint, paint};
use super::words::{hosts, put};

/// Names that are shown of one list.
const NAMES: usize = 8;

fn count(names: &[String]) -> String {
    hosts(u32::try_from(names.len()).unwrap_or(u32::MAX))
}

fn about(advisory: &Advisory) -> String {
    let all: Vec<String> = advisory.about.iter().map(ToString::to_string).collect();
    shortened(&all, NAMES)
}

/// One line: `advisory MS-1 of Microsoft (vendor)`, what it asks for, and of whom.
pub(crate) fn asks(advisory: &Advisory) -> String {
    let what = match advisory.effect {
        Effect::Note => format!("a note on {}", about(advisory)),
        Effect::Hold => {
            let whom = match &advisory.affects {
                Some(affects) => format!("hosts with `{affects}`"),
                None => "all hosts".to_owned(),
            };
            format!("keep {} from {whom}", about(advisory))
        }
        Effect::Poison => format!("nobody is to get {}", about(advisory)),
    };
    format!(
        "advisory {} of {} ({}): {what}",
        advisory.id, advisory.source, advisory.rank
    )
}

fn stands(view: &AdvisoryView) -> String {
    let by = view.ruled_by.as_deref().unwrap_or("nobody");
    match view.standing.as_str() {
        "in-force" => String::new(),
        "proposed" => "; PROPOSED, and changes nothing until somebody accepts it".to_owned(),
        other => format!(
            "; {other} by {by}{}",
            view.reason
                .as_ref()
                .map_or_else(String::new, |reason| format!(" ({reason})"))
        ),
    }
}

fn paint_of(view: &AdvisoryView) -> Paint {
    if view.counts && view.advisory.effect.keeps() {
        Paint::Bad
    } else if view.is_proposed() {
        Paint::Busy
    } else {
        Paint::Faint
    }
}

/// Each with whom it is about; those that contradict one another say so.
pub(crate) fn advisories(all: &[AdvisoryView]) -> String {
    all.iter().map(one).collect()
}

fn one(view: &AdvisoryView) -> String {
    let line = format!("{}{}", asks(&view.advisory), stands(view));
    let mut text = format!("{}\n", paint(paint_of(view), &line));
    if let Some(says) = &view.advisory.says {
        put(
            &mut text,
            format_args!("    says: {}\n", says.lines().next().unwrap_or_default()),
        );
    }
    if !view.held.is_empty() {
        put(
            &mut text,
            format_args!(
                "    keeps {} from it: {}\n",
                count(&view.held),
                shortened(&view.held, NAMES)
            ),
        );
    } else if !view.concerned.is_empty() {
        put(
            &mut text,
            format_args!(
                "    is about {} of rollouts under way: {}\n",
                count(&view.concerned),
                shortened(&view.concerned, NAMES)
            ),
        );
    }
    unsure(&mut text, view);
    if !view.conflicts.is_empty() {
        put(
            &mut text,
            format_args!(
                "    says something else for the same hosts than {}; the strictest that counts rules\n",
                view.conflicts.join(", ")
            ),
        );
    }
    if let Some(fix) = &view.advisory.fixed_by {
        put(&mut text, format_args!("    mended by {fix}\n"));
    }
    if view.is_proposed() {
        let id = &view.advisory.id;
        put(
            &mut text,
            format_args!(
                "    `ringway advisory accept {id} --reason WHY`, or `ringway advisory dismiss {id} --reason WHY`\n"
            ),
        );
    }
    text
}

/// Hosts that are meant because nobody knows better.
fn unsure(text: &mut String, view: &AdvisoryView) {
    if view.unsure.is_empty() {
        return;
    }
    let names: Vec<String> = view.unsure.iter().map(|one| one.host.clone()).collect();
    let mut lacks: Vec<String> = view
        .unsure
        .iter()
        .flat_map(|one| one.lacks.clone())
        .collect();
    lacks.sort();
    lacks.dedup();
    let is = if names.len() == 1 { "counts" } else { "count" };
    put(
        text,
        format_args!(
            "    {} {is} as affected, since nobody says {}: {}\n",
            count(&names),
            lacks
                .iter()
                .map(|label| format!("`{label}`"))
                .collect::<Vec<_>>()
                .join(", "),
            shortened(&names, NAMES)
        ),
    );
}

/// All there is to know of one.
pub(crate) fn advisory(view: &AdvisoryView) -> String {
    let mut text = one(view);
    let advisory = &view.advisory;
    put(
        &mut text,
        format_args!("    brought by {} at {}\n", view.by, view.since),
    );
    if let Some(at) = advisory.published {
        put(&mut text, format_args!("    published {at}\n"));
    }
    if let Some(url) = &advisory.reference {
        put(&mut text, format_args!("    in full: {url}\n"));
    }
    put(
        &mut text,
        format_args!(
            "    affects {} of the fleet{}\n",
            count(&view.affected),
            if view.affected.is_empty() {
                String::new()
            } else {
                format!(": {}", shortened(&view.affected, NAMES))
            }
        ),
    );
    for host in &view.unsure {
        put(
            &mut text,
            format_args!("      {} lacks {}\n", host.host, host.lacks.join(", ")),
        );
    }
    let rest = advisory.says.iter().flat_map(|says| says.lines().skip(1));
    for line in rest {
        put(&mut text, format_args!("    {line}\n"));
    }
    text
}

/// What happened to one, as the journal tells it; nothing for any other event.
pub(super) fn told(event: &Event) -> String {
    if let Event::Advised { advisory, actor } = event {
        let is_proposal = advisory.rank == Rank::Unverified;
        let proposal = if is_proposal { "; a proposal" } else { "" };
        let says = advisory.says.as_deref().unwrap_or_default();
        let says = because(says.lines().next().unwrap_or_default());
        let what = asks(advisory);
        return format!("{what}, brought by {actor}{proposal}{says}");
    }
    if let Event::AdvisoryRuled {
        id,
        ruling,
        actor,
        reason,
    } = event
    {
        let (done, why) = (ruling.done(), because(reason));
        return format!("advisory {id} {done} by {actor}{why}");
    }
    String::new()
}

/// Those that are about what a rollout installs, for whoever is to say yes to it; nothing where there are none.
pub(crate) fn about_rollout(all: &[AdvisoryView], rollout: RolloutId) -> String {
    let about = all.iter().filter(|one| one.rollouts.contains(&rollout));
    let lines = about.filter(|one| one.is_open()).map(|one| {
        let what = match (one.counts, one.advisory.effect.keeps()) {
            (true, true) => format!("keeps {} from it", count(&one.held)),
            (true, false) => format!("is about {} of it", count(&one.concerned)),
            (false, _) => format!(
                "PROPOSED only; asks for `{}` on {}",
                one.advisory.effect,
                count(&one.concerned)
            ),
        };
        format!(
            "advisory {} of {} ({}): {what}\n",
            one.advisory.id, one.advisory.source, one.advisory.rank
        )
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use ringway_model::Timestamp;
    use ringway_policy::validated::About;

    use super::*;

    fn view(rank: Rank, standing: &str) -> AdvisoryView {
        AdvisoryView {
            advisory: Advisory {
                id: "MS-1".into(),
                source: "Microsoft".into(),
                rank,
                about: vec![About {
                    name: "KB1".into(),
                    build: Some("10.1".into()),
                }],
                affects: Some("role = dc and pam = yes".into()),
                effect: Effect::Hold,
                fixed_by: Some("april-oob".into()),
                published: None,
                reference: None,
                says: Some("restart loops\nafter the first restart".into()),
            },
            standing: standing.into(),
            counts: standing == "in-force",
            by: "ana".into(),
            since: Timestamp(0),
            ruled_by: None,
            reason: None,
            affected: vec!["dc-1".into(), "dc-2".into()],
            unsure: vec![ringway_engine::view::Unsure {
                host: "dc-2".into(),
                lacks: vec!["pam".into()],
            }],
            rollouts: vec![RolloutId(1)],
            concerned: vec!["dc-1".into(), "dc-2".into()],
            held: vec!["dc-1".into(), "dc-2".into()],
            conflicts: vec!["BLOG-7".into()],
        }
    }

    #[test]
    fn whom_it_holds_why_and_what_contradicts_it_is_told() {
        let text = advisories(&[view(Rank::Vendor, "in-force")]);
        for part in [
            "advisory MS-1 of Microsoft (vendor): keep KB1 (build 10.1) from hosts with `role = dc and pam = yes`",
            "says: restart loops\n",
            "keeps 2 hosts from it: dc-1, dc-2",
            "1 host counts as affected, since nobody says `pam`: dc-2",
            "than BLOG-7",
            "mended by april-oob",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let all = advisory(&view(Rank::Vendor, "in-force"));
        assert!(all.contains("after the first restart"), "{all}");
    }

    #[test]
    fn a_proposal_says_that_it_changes_nothing_and_what_ends_it() {
        let text = advisories(&[view(Rank::Unverified, "proposed")]);
        assert!(text.contains("changes nothing until"), "{text}");
        assert!(text.contains("ringway advisory dismiss MS-1"), "{text}");
        let short = about_rollout(&[view(Rank::Unverified, "proposed")], RolloutId(1));
        assert!(
            short.contains("PROPOSED only; asks for `hold` on 2 hosts"),
            "{short}"
        );
        assert!(about_rollout(&[view(Rank::Vendor, "in-force")], RolloutId(2)).is_empty());
    }
}
