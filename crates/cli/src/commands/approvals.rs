//! `approve`, `promote --early`, `ask` and `answer`: what people say of what a rollout asks them.
//!
//! Whoever says yes sees first what it is to, on one screen, and says yes to exactly that: a digest binds them. Without a
//! terminal the digest, or `--yes`, takes the place of the answer.

use std::path::Path;

use ringway_engine::view::{ApprovalView, FleetView, RingView, RolloutView};
use ringway_engine::{Command, Subject};
use ringway_model::Digest;
use serde::Serialize;

use super::later;
use super::orders::{Aim, Order, choose, give};
use crate::args::{Answer, Approve, Ask, Promote, Reasoned, Reject, ShownDigest};
use crate::exit::{End, Failure, Outcome};
use crate::out::Out;
use crate::session::Informant;
use crate::show;

/// What is shown to whoever is asked, as data.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown<'v> {
    rollout: &'v RolloutView,
    wanted: &'v ApprovalView,
}

/// How somebody answers.
enum Reply {
    Yes(Digest),
    Ask(String),
}

/// `ringway approve`.
pub(crate) async fn approve(out: Out, data: &Path, args: Approve) -> Outcome {
    let (informant, view) = Informant::look(data).await?;
    let view = later::view_then(out, data, &informant, view)?;
    if let Some(number) = args.unpoison {
        let order = agree(out, &view, number, &args)?;
        return match order {
            Some(command) => give(out, data, &informant, of_fleet(command, args.when)).await,
            None => Ok(End::Done),
        };
    }
    let rollout = choose(&view, args.which)?;
    if let Some(stratum) = args.accept_untested {
        let command = Command::AcceptUntested {
            rollout: rollout.id,
            stratum,
            reason: args.reason.unwrap_or_default(),
        };
        return give(out, data, &informant, order(rollout, command, args.when)).await;
    }
    let wanted = wanted(rollout, args.ring.as_deref())?;
    if args.show {
        shown(out, &view, rollout, wanted);
        return Ok(End::Done);
    }
    let reply = reply(
        out,
        &view,
        (rollout, wanted),
        (args.digest.as_ref(), args.yes),
    )?;
    let command = match reply {
        Reply::Yes(digest) => Command::Approve {
            rollout: rollout.id,
            subject: wanted.subject,
            digest,
        },
        Reply::Ask(text) => question(rollout, text),
    };
    let order = order(rollout, command, args.when);
    give(out, data, &informant, order).await
}

/// A yes to taking a poisoning back; none where it is only to be shown.
fn agree(
    out: Out,
    view: &FleetView,
    number: u32,
    args: &Approve,
) -> Result<Option<Command>, Failure> {
    let mut all = view.unpoisonings.iter();
    let Some(asked) = all.find(|asked| asked.number == number) else {
        let why = format!("nobody asks to take a poisoning back under number {number}");
        let hint = "`ringway poison` lists what is poisoned, and what is asked";
        return Err(Failure::new(End::Refused, why).hint(hint));
    };
    if args.show {
        out.value(asked, |asked| show::agreeing(view, asked));
        return Ok(None);
    }
    out.say(show::agreeing(view, asked).trim_end());
    let digest = match &args.digest {
        Some(given) => meant(given, asked.digest)?,
        None if args.yes => asked.digest,
        None => confirmed(out, asked.digest)?,
    };
    Ok(Some(Command::ApproveUnpoison { number, digest }))
}

/// The digest that somebody means who has seen it before.
fn meant(given: &ShownDigest, shown: Digest) -> Result<Digest, Failure> {
    given.of(shown).ok_or_else(|| {
        let why = format!(
            "what is to be approved has the digest {} now, which begins otherwise (stale-digest)",
            shown.short()
        );
        Failure::new(End::Refused, why).hint("look at what has changed: `ringway approve --show`")
    })
}

/// The digest of what somebody at the terminal said yes to.
fn confirmed(out: Out, digest: Digest) -> Result<Digest, Failure> {
    let answer = out
        .can_ask()
        .then(|| out.ask("Approve exactly this? [y/N]"))
        .flatten();
    if matches!(answer.as_deref(), Some("y" | "Y" | "yes" | "Yes")) {
        return Ok(digest);
    }
    let why = if out.can_ask() {
        "nothing was approved"
    } else {
        "nobody is at the terminal to confirm it"
    };
    Err(Failure::new(End::Refused, why).hint(format!(
        "`--yes` approves without asking, `--digest {digest}` only exactly this"
    )))
}

/// `ringway reject`.
pub(crate) async fn reject(out: Out, data: &Path, args: Reject) -> Outcome {
    // It holds others up, or ends what they have begun: they must learn why.
    if args.reason.trim().is_empty() {
        let failure = Failure::new(End::Refused, "a no needs a reason");
        return Err(failure.hint("say why: `--reason`"));
    }
    let Some(number) = args.unpoison else {
        let reasoned = Reasoned {
            reason: args.reason,
            which: args.which,
            when: args.when,
            observed: args.observed,
        };
        return super::order(out, data, reasoned, Aim::Hold, |rollout, reason| {
            Command::Reject { rollout, reason }
        })
        .await;
    };
    let informant = Informant::find(data).await?;
    let command = Command::RejectUnpoison {
        number,
        reason: args.reason,
    };
    let order = Order {
        aim: Aim::Hold,
        ..of_fleet(command, args.when)
    };
    give(out, data, &informant, order).await
}

const fn of_fleet(command: Command, when: crate::args::When) -> Order {
    Order {
        command,
        rollout: None,
        aim: Aim::GoOn,
        when,
    }
}

/// `ringway promote --early`.
pub(crate) async fn promote(out: Out, data: &Path, args: Promote) -> Outcome {
    let (informant, view) = Informant::look(data).await?;
    let view = later::view_then(out, data, &informant, view)?;
    let rollout = choose(&view, args.which)?;
    if !args.early {
        let why = "a ring is promoted by itself once it has soaked and has its approvals";
        let hint = "`approve` gives an approval; `promote --early` ends a soak before its time";
        return Err(Failure::new(End::Refused, why).hint(hint));
    }
    let Some(wanted) = &rollout.early else {
        return Err(not_early(rollout));
    };
    let reply = reply(
        out,
        &view,
        (rollout, wanted),
        (args.digest.as_ref(), args.yes),
    )?;
    let command = match (reply, wanted.subject) {
        (Reply::Yes(digest), Subject::Early { ring } | Subject::Promotion { ring }) => {
            Command::PromoteEarly {
                rollout: rollout.id,
                ring,
                digest,
                reason: args.reason,
            }
        }
        (Reply::Yes(_), Subject::Start | Subject::Lane) => {
            return Err(Failure::new(End::Refused, "nothing has started"));
        }
        (Reply::Ask(text), _) => question(rollout, text),
    };
    let order = order(rollout, command, args.when);
    give(out, data, &informant, order).await
}

/// Why no soak can be ended early now.
fn not_early(rollout: &RolloutView) -> Failure {
    let now = |ring: &&RingView| Some(&ring.name) == rollout.ring.as_ref();
    let ring = rollout.rings.iter().find(now);
    let (why, hint) = match ring.map(|ring| (ring.name.as_str(), ring.phase.as_str())) {
        Some((ring, "promoting")) => (
            format!("the soak of ring `{ring}` is over"),
            "`ringway why` says what it waits for; an approval is given by `ringway approve`",
        ),
        Some((ring, "soaking")) if rollout.state != "halted" => (
            format!(
                "policy `{}` lets nobody end the soak of ring `{ring}` early",
                rollout.policy
            ),
            "`promote_early` in a ring of the policy lets people, in rollouts that start after that",
        ),
        Some((ring, _)) if !rollout.is_final => (
            format!(
                "{} is {}, and ring `{ring}` does not soak",
                rollout.id, rollout.state
            ),
            "`ringway why` says what it waits for",
        ),
        Some(_) | None => (
            format!("{} is {} and does not soak", rollout.id, rollout.state),
            "`ringway status` shows where it stands",
        ),
    };
    Failure::new(End::Refused, why).hint(hint)
}

/// `ringway ask`.
pub(crate) async fn ask(out: Out, data: &Path, args: Ask) -> Outcome {
    let (informant, view) = Informant::look(data).await?;
    let rollout = choose(&view, args.which)?;
    let command = Command::Ask {
        rollout: rollout.id,
        to: args.to.clone(),
        text: args.text,
    };
    let order = order(rollout, command, args.when);
    let asked = give(out, data, &informant, order).await;
    asked.map_err(|failure| match args.to {
        Some(to) if failure.why.ends_with("(not-found)") => not_asked(rollout, &to),
        Some(_) | None => failure,
    })
}

/// A name that a rollout does not know. Its plan has those whom its policy asks, and not every team that a document names.
fn not_asked(rollout: &RolloutView, to: &str) -> Failure {
    let wishes = rollout.approval.iter().chain(&rollout.later);
    let mut teams: Vec<&str> = wishes
        .flat_map(|wish| &wish.teams)
        .map(String::as_str)
        .collect();
    teams.sort_unstable();
    teams.dedup();
    let asks = match teams.as_slice() {
        [] => String::new(),
        teams => format!(", which asks `{}`", teams.join("`, `")),
    };
    let why = format!(
        "policy `{}` asks no team and no person `{to}` for anything in {}{asks} (not-found)",
        rollout.policy, rollout.id
    );
    Failure::new(End::Refused, why).hint(
        "a team that a people document has is not asked for that alone; leave `--to` out, and whoever can answer does",
    )
}

/// `ringway answer`.
pub(crate) async fn answer(out: Out, data: &Path, args: Answer) -> Outcome {
    let (informant, view) = Informant::look(data).await?;
    let view = later::view_then(out, data, &informant, view)?;
    let rollout = choose(&view, args.which)?;
    let command = Command::Answer {
        rollout: rollout.id,
        number: args.number,
        text: args.text,
    };
    let order = order(rollout, command, args.when);
    give(out, data, &informant, order).await
}

/// A question decides nothing and may wait; a yes lets something go on.
fn order(rollout: &RolloutView, command: Command, when: crate::args::When) -> Order {
    let aim = if matches!(command, Command::Ask { .. } | Command::Answer { .. }) {
        Aim::Hold
    } else {
        Aim::GoOn
    };
    Order {
        command,
        rollout: Some(rollout.id),
        aim,
        when,
    }
}

fn question(rollout: &RolloutView, text: String) -> Command {
    Command::Ask {
        rollout: rollout.id,
        to: None,
        text,
    }
}

/// What is to be approved: what the rollout is at, or the start of a ring to come.
fn wanted<'v>(rollout: &'v RolloutView, ring: Option<&str>) -> Result<&'v ApprovalView, Failure> {
    let Some(name) = ring else {
        return rollout.approval.as_ref().ok_or_else(|| {
            let why = format!("{} asks for no approval now", rollout.id);
            let failure = Failure::new(End::Refused, why);
            let rings: Vec<&str> = rollout.later.iter().map(|one| &*one.starts).collect();
            match rings.as_slice() {
                [] => failure.hint("`ringway why` says what it waits for"),
                rings => failure.hint(format!(
                    "what comes later can be approved ahead: `--ring {}`",
                    rings.join("`, `--ring ")
                )),
            }
        });
    };
    let mut all = rollout.approval.iter().chain(&rollout.later);
    if let Some(found) = all.find(|one| one.starts == name) {
        return Ok(found);
    }
    let is_ring = name == "completion" || rollout.rings.iter().any(|ring| ring.name == name);
    let why = if is_ring {
        format!(
            "{} asks for no approval before `{name}`, or is past it",
            rollout.id
        )
    } else {
        format!("{} has no ring `{name}`", rollout.id)
    };
    Err(Failure::new(End::Refused, why).hint("`ringway status` shows its rings"))
}

/// Shows what there is to approve, as data where data is asked for.
fn shown(out: Out, view: &FleetView, rollout: &RolloutView, wanted: &ApprovalView) {
    out.value(&Shown { rollout, wanted }, |_| {
        screen(view, rollout, wanted)
    });
}

/// What somebody sees who is to say yes, with the advisories about what that would install.
fn screen(view: &FleetView, rollout: &RolloutView, wanted: &ApprovalView) -> String {
    let mut text = show::approving(rollout, wanted, view.at);
    text.push_str(&show::about_rollout(&view.advisories, rollout.id));
    text
}

/// Shows what it is about and hears what somebody says to it.
fn reply(
    out: Out,
    view: &FleetView,
    (rollout, wanted): (&RolloutView, &ApprovalView),
    (digest, yes): (Option<&ShownDigest>, bool),
) -> Result<Reply, Failure> {
    out.say(screen(view, rollout, wanted).trim_end());
    if let Some(given) = digest {
        return Ok(Reply::Yes(meant(given, wanted.digest)?));
    }
    if yes {
        return Ok(Reply::Yes(wanted.digest));
    }
    if out.can_ask() {
        match out.ask("Approve exactly this? [y/N/ask]").as_deref() {
            Some("y" | "Y" | "yes" | "Yes") => return Ok(Reply::Yes(wanted.digest)),
            Some("ask" | "a") => {
                let text = out.ask("What do you ask?").unwrap_or_default();
                if !text.is_empty() {
                    return Ok(Reply::Ask(text));
                }
            }
            Some(_) | None => {}
        }
    }
    let why = if out.can_ask() {
        "nothing was approved"
    } else {
        "nobody is at the terminal to confirm it"
    };
    Err(Failure::new(End::Refused, why).hint(format!(
        "`--yes` approves without asking, `--digest {}` only exactly this",
        wanted.digest
    )))
}
