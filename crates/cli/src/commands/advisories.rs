//! `advisory`: what somebody says of the content of updates, and what `run` and `refresh` do with the advisories among their
//! documents.
//!
//! A document that is not there any more ends nothing: `advisory withdraw` does, with a reason. One that was withdrawn or
//! dismissed stays so until its text is another one.

use std::path::Path;

use ringway_engine::view::AdvisoryView;
use ringway_engine::{Advisory, Command, Ruling};
use ringway_model::Rank;
use ringway_policy::validated::Documents;

use super::later;
use super::orders::{Aim, Order, give};
use crate::args::{AboutAdvisories, AddAdvisory, ListAdvisories, RuleAdvisory, ShowAdvisory};
use crate::documents;
use crate::exit::{End, Failure, Outcome};
use crate::out::Out;
use crate::session::{Informant, Session};
use crate::show;

/// `ringway advisory`.
pub(crate) async fn advisory(out: Out, data: &Path, what: AboutAdvisories) -> Outcome {
    match what {
        AboutAdvisories::List(args) => list(out, data, &args).await,
        AboutAdvisories::Show(args) => show_one(out, data, &args).await,
        AboutAdvisories::Add(args) => add(out, data, args).await,
        AboutAdvisories::Withdraw(args) => rule(out, data, Ruling::Withdraw, args).await,
        AboutAdvisories::Accept(args) => rule(out, data, Ruling::Accept, args).await,
        AboutAdvisories::Dismiss(args) => rule(out, data, Ruling::Dismiss, args).await,
    }
}

async fn list(out: Out, data: &Path, args: &ListAdvisories) -> Outcome {
    let (_, view) = Informant::look_early(data).await?;
    let all = view.advisories.into_iter();
    let listed: Vec<AdvisoryView> = all.filter(|one| args.all || one.is_open()).collect();
    out.value(&listed, |listed| {
        if listed.is_empty() {
            "no advisory counts or waits for a word".to_owned()
        } else {
            show::advisories(listed)
        }
    });
    later::tell_of(out, data, |command| {
        matches!(
            command,
            Command::Advise { .. } | Command::RuleAdvisory { .. }
        )
    })?;
    Ok(End::Done)
}

async fn show_one(out: Out, data: &Path, args: &ShowAdvisory) -> Outcome {
    let (_, view) = Informant::look(data).await?;
    let mut all = view.advisories.into_iter();
    let Some(one) = all.find(|one| one.advisory.id == args.id) else {
        let why = format!("there is no advisory `{}`", args.id);
        let hint = "`ringway advisory list --all` names all that are known";
        return Err(Failure::new(End::Refused, why).hint(hint));
    };
    out.value(&one, show::advisory);
    Ok(End::Done)
}

async fn add(out: Out, data: &Path, args: AddAdvisory) -> Outcome {
    let read = documents::read(out, &args.files)?;
    let advisories = written(&read.documents);
    if advisories.is_empty() {
        let why = "there is no advisory among these documents";
        return Err(Failure::new(End::Invalid, why).hint("it begins with `ringway: advisory/v1`"));
    }
    let (informant, view) = Informant::look_early(data).await?;
    for one in &advisories {
        out.say(&words(one, &view.advisories));
    }
    if view.fleet.is_none() {
        out.say("no fleet is known yet; the first rollout makes it known");
    }
    let order = Order {
        command: Command::Advise { advisories },
        rollout: None,
        aim: Aim::Hold,
        when: args.when,
    };
    give(out, data, &informant, order).await
}

async fn rule(out: Out, data: &Path, ruling: Ruling, args: RuleAdvisory) -> Outcome {
    if args.reason.trim().is_empty() {
        let why = format!("to {} an advisory needs a reason", ruling.word());
        return Err(Failure::new(End::Invalid, why).hint("say why: `--reason`"));
    }
    let informant = Informant::find(data).await?;
    let order = Order {
        command: Command::RuleAdvisory {
            id: args.id,
            ruling,
            reason: args.reason,
        },
        rollout: None,
        aim: match ruling {
            // A proposal that is dismissed changes nothing.
            Ruling::Accept | Ruling::Dismiss => Aim::Hold,
            Ruling::Withdraw => Aim::GoOn,
        },
        when: args.when,
    };
    give(out, data, &informant, order).await
}

/// What one asks for, and what becomes of it beside what is known under its id.
fn words(one: &Advisory, known: &[AdvisoryView]) -> String {
    let is_proposal = one.rank == Rank::Unverified;
    let what = show::asks(one);
    match known.iter().find(|view| view.advisory.id == one.id) {
        Some(view) if view.advisory == *one && !view.is_open() => format!(
            "note: {what}; it was {} by {} ({}) and stays so until its text is another one",
            view.standing,
            view.ruled_by.as_deref().unwrap_or("somebody"),
            view.reason.as_deref().unwrap_or("no reason"),
        ),
        Some(view) if view.advisory == *one => format!("{what}; that is known"),
        Some(_) if is_proposal => format!("{what}; in place of another text, as a proposal"),
        Some(_) => format!("{what}; in place of another text"),
        None if is_proposal => format!("{what}; as a proposal, which changes nothing"),
        None => what,
    }
}

/// The advisories of documents.
pub(crate) fn written(documents: &Documents) -> Vec<Advisory> {
    let all = documents.advisories.values();
    let taken = all.map(|one| Advisory {
        id: one.id.clone(),
        source: one.source.clone(),
        rank: one.rank,
        about: one.about.clone(),
        affects: one.affects.clone(),
        effect: one.effect,
        fixed_by: one.fixed_by.clone(),
        published: one.published,
        reference: one.reference.clone(),
        says: one.says.clone(),
    });
    taken.collect()
}

/// Has a decider take the advisories of documents, before anything else of them.
///
/// # Errors
///
/// Exit code 1 where the decider refuses one.
pub(crate) async fn bring(
    out: Out,
    session: &Session,
    documents: &Documents,
) -> Result<(), Failure> {
    let advisories = written(documents);
    if advisories.is_empty() {
        return Ok(());
    }
    let known = session.view().await?.advisories;
    let is_news = |one: &&Advisory| {
        let view = known.iter().find(|view| view.advisory.id == one.id);
        view.is_none_or(|view| view.advisory != **one || !view.is_open())
    };
    let said: Vec<String> = advisories
        .iter()
        .filter(is_news)
        .map(|one| words(one, &known))
        .collect();
    session.command(Command::Advise { advisories }).await?;
    for line in said {
        out.say(&line);
    }
    Ok(())
}

/// What would be brought, in words: for those who only want to know.
pub(crate) fn would_bring(out: Out, documents: &Documents) {
    for one in written(documents) {
        out.say(&words(&one, &[]));
    }
}
