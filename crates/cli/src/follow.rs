//! Stays with a rollout until it is over or up to a person, and tells what happens meanwhile.

use std::sync::Arc;

use ringway_engine::view::FleetView;
use ringway_model::RolloutId;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::{End, Failure, Outcome};
use crate::failures::Failures;
use crate::out::Out;
use crate::session::Session;
use crate::show;
use crate::standing::{self, Standing};

/// What is waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Until {
    /// The rollout, or the fleet as a whole.
    pub(crate) rollout: Option<RolloutId>,
    /// Whether to come back where only a person can go on (other than from a halt, which always comes back).
    pub(crate) or_a_person: bool,
    /// Whether every host the rollout has changed must have been taken back when it is over.
    pub(crate) taken_back: bool,
}

/// Ctrl-C and `kill`, so that the first one ends in order. The second one ends at once.
pub(crate) struct Interrupts {
    int: Signal,
    term: Signal,
}

impl Interrupts {
    /// Listens from now on.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let on = |kind| {
            signal(kind)
                .map_err(|e| Failure::new(End::Refused, format!("signals cannot be handled: {e}")))
        };
        Ok(Self {
            int: on(SignalKind::interrupt())?,
            term: on(SignalKind::terminate())?,
        })
    }

    /// The next one.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.int.recv() => (),
            _ = self.term.recv() => (),
        }
    }
}

/// What was told so far.
#[derive(Default)]
struct Account {
    before: Option<Arc<FleetView>>,
    failures: Failures,
}

impl Account {
    /// Tells what is new in a view.
    async fn go_on(
        &mut self,
        out: Out,
        session: &Session,
        view: Arc<FleetView>,
    ) -> Result<(), Failure> {
        let before = self.before.as_deref();
        for line in show::changes(before, &view) {
            out.say(&line);
        }
        for line in self.failures.news(session, before, &view).await? {
            out.say(&line);
        }
        self.before = Some(view);
        Ok(())
    }
}

/// Follows, and then lets go of the fleet in order.
pub(crate) async fn follow(out: Out, mut session: Session, until: Until) -> Outcome {
    let mut interrupts = Interrupts::listen()?;
    let mut account = Account::default();
    let ended = tokio::select! {
        ended = watch(out, &mut session, until, &mut account) => ended,
        () = interrupts.next() => {
            if session.is_here() {
                out.say("interrupted: nothing new starts; steps that run go on by themselves and are found again");
                out.say("`ringway run --resume` goes on from here; interrupt again to leave at once");
            } else {
                out.say("interrupted: the other process goes on; `ringway status --watch` follows it");
            }
            Ok(End::Interrupted)
        }
    };
    tokio::select! {
        () = let_go(out, session, account) => ended,
        () = interrupts.next() => Ok(End::Interrupted),
    }
}

/// Lets go of the fleet, with the last word on what happened while it was here.
async fn let_go(out: Out, session: Session, mut account: Account) {
    if session.is_here()
        && let Ok(view) = session.view().await
    {
        // Whoever cannot be asked any more has told what it knew.
        drop(account.go_on(out, &session, Arc::new(view)).await);
    }
    session.close().await;
}

async fn watch(out: Out, session: &mut Session, until: Until, account: &mut Account) -> Outcome {
    let mut views = session.watch().await?;
    loop {
        let view = tokio::select! {
            view = views.next() => view?,
            failure = session.ended() => return Err(failure),
        };
        account.go_on(out, session, Arc::clone(&view)).await?;
        if let Some(end) = comes_to(&view, until) {
            return closing(out, session, until, view.observing, end).await;
        }
    }
}

/// What is said of the hosts at the end, and whether it is the end that was asked for.
async fn closing(out: Out, session: &Session, until: Until, observing: bool, end: End) -> Outcome {
    let is_over = matches!(end, End::Done | End::Ended);
    let Some(rollout) = until
        .rollout
        .filter(|_| observing || (until.taken_back && is_over))
    else {
        return Ok(end);
    };
    let hosts = session.hosts(rollout, None).await?;
    if observing {
        out.say(show::observed(rollout, &hosts).trim_end());
        return Ok(end);
    }
    standing::not_taken_back(rollout, &hosts).map_or(Ok(end), Err)
}

/// The rollout that has taken the place of this one in the end, where one has: what is followed is the update, and it is that
/// one's business by now.
fn heir(view: &FleetView, rollout: RolloutId) -> RolloutId {
    let mut heir = rollout;
    let one = |id: RolloutId| view.rollouts.iter().find(|one| one.id == id);
    // Always a later one, so this comes to an end.
    while let Some(by) = one(heir)
        .and_then(|one| one.superseded_by)
        .filter(|by| *by > heir)
    {
        heir = by;
    }
    heir
}

/// The end that this view means, if it means one. Other rollouts of the fleet are not left alone half-way.
fn comes_to(view: &FleetView, until: Until) -> Option<End> {
    let Some(rollout) = until.rollout else {
        return (!standing::moves(view)).then_some(End::Done);
    };
    let end = match standing::of(view, heir(view, rollout))? {
        Standing::Going | Standing::Winding => return None,
        Standing::Fault => return Some(End::Fault),
        Standing::Over(end) => end,
        Standing::Person(End::Halted) => End::Halted,
        Standing::Person(end) => until.or_a_person.then_some(end)?,
    };
    (!standing::moves(view)).then_some(end)
}
