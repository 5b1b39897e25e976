//! The demo's story: what is done, in which order, and what is said about it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ringway_engine::Command;
use ringway_engine::view::{FleetView, RolloutView};
use ringway_model::RolloutId;
use ringway_runtime::{Config, Runtime, SystemUsers};
use serde::Serialize;

use super::ground::{Ground, Place};
use super::measure::{PairWatch, Seen};
use super::server::{BAD_VERSION, SENSITIVE_ROLE};
use crate::args::{Demo, Documents, Output, Planned};
use crate::documents::{self, Prepared};
use crate::exit::{End, Failure, Outcome};
use crate::follow::Interrupts;
use crate::out::Out;
use crate::{journal, show};

/// The longest that one part of the story may take before the demo gives up. Each takes 30 s at most on a slow machine
/// with two cores.
const PART_WITHIN: Duration = Duration::from_secs(90);
/// How long after its end a rollout's servers are looked at: longer than the regression needs to show.
const LOOK_AFTER: Duration = Duration::from_secs(2);

/// What one way of spreading the update came to, as measured at the servers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Measured {
    /// How the rollout ended, in its own words.
    ended: String,
    /// Servers that had the update when it ended or halted.
    updated: usize,
    /// Servers that did not answer any more then.
    broken: Vec<String>,
    /// Pairs of which both members were down in some round of questions.
    pairs_down: Vec<String>,
    /// Rounds of questions to every member of every pair.
    rounds: u64,
    /// Servers that were out of service at the very end.
    left_drained: Vec<String>,
    /// Servers that did not answer with a good version at the very end.
    not_well: usize,
    /// How long it took, in milliseconds.
    took_ms: u128,
}

/// `ringway demo`.
pub(crate) async fn run(out: Out, args: &Demo) -> Outcome {
    let mut interrupts = Interrupts::listen()?;
    let mut ground = Ground::prepare(args.keep)?;
    let outcome = tokio::select! {
        outcome = tell(out, &mut ground) => outcome,
        () = interrupts.next() => {
            out.say("interrupted; ending all servers");
            Ok(End::Interrupted)
        }
    };
    ground.close().await;
    if args.keep {
        out.say(&format!("kept: {}", ground.root().display()));
    }
    outcome
}

async fn tell(out: Out, ground: &mut Ground) -> Outcome {
    let story = Story { out };
    story.heading("Two dozen servers, one update, one role it harms");
    story.say(
        "Each server is a process of this machine. The update installs everywhere and restarts",
    );
    story.say("everywhere; in one role the service crashes a moment after the restart.");
    let careful = story.careful(ground).await?;
    if !out.is_read() {
        return Ok(End::Done);
    }
    story.heading("The same update, by percentages");
    story.say("A plain tool's way: 10%, 40%, the rest; going on as long as installations succeed.");
    let plain = story.plain(ground).await?;
    story.close(&careful, &plain);
    if out.format() != Output::Text {
        out.value(
            &BTreeMap::from([("careful", &careful), ("percentages", &plain)]),
            |_| String::new(),
        );
    }
    // A demo whose promises do not hold must not look like one whose promises do.
    let kept = careful.broken.len() == 1
        && careful.pairs_down.is_empty()
        && careful.left_drained.is_empty()
        && careful.not_well == 0;
    if kept {
        Ok(End::Done)
    } else {
        Err(Failure::new(
            End::Fault,
            "the demo did not keep its promises",
        ))
    }
}

/// Tells and does.
struct Story {
    out: Out,
}

impl Story {
    fn say(&self, text: &str) {
        match self.out.format() {
            Output::Text => self.out.text(text),
            Output::Json | Output::Ndjson => self.out.say(text),
        }
    }

    fn heading(&self, text: &str) {
        self.say(&format!("\n{}", show::bold(text)));
    }

    fn indented(&self, text: &str) {
        text.lines().for_each(|line| self.say(&format!("  {line}")));
    }

    async fn careful(&self, ground: &mut Ground) -> Result<Measured, Failure> {
        let place = ground.place("careful")?;
        all_answer(&place).await?;
        let prepared = prepare(self.out, &place)?;
        self.heading("The plan");
        self.indented(&rings(&prepared));
        self.say(&format!("  `cover` put one host of every role into the canary ring, `{SENSITIVE_ROLE}` among them."));
        let watch = PairWatch::of(&place.servers);
        let begun = Instant::now();
        let runtime = start(&place).await?;
        self.heading("The rollout");
        let rollout = propose(&runtime, prepared).await?;
        let halted = self.follow(&runtime, rollout, is_halted).await?;
        let broken = not_answering(&place);
        let updated = updated(&place);
        self.heading("It halted by itself");
        self.indented(&show::rollout(&find(&halted, rollout)?, halted.at));
        self.say(&format!(
            "  measured: {} of {} servers down: {}",
            broken.len(),
            place.servers.len(),
            broken.join(", ")
        ));
        self.heading(
            "A person decides: ringway rollback --reason \"april crashes the directory servers\"",
        );
        let reason = "april crashes the directory servers".to_owned();
        order(&runtime, Command::Rollback { rollout, reason }).await?;
        let end = self.follow(&runtime, rollout, |one| one.is_final).await?;
        let took = begun.elapsed();
        runtime.shutdown().await;
        all_answer(&place).await?;
        let measured = measured(
            &place,
            &find(&end, rollout)?,
            &watch.seen(),
            updated,
            broken,
            took,
        );
        self.heading("What the servers say afterwards");
        self.say(&format!(
            "  {} of {} answer with the version they had before",
            place.servers.len() - measured.not_well,
            place.servers.len()
        ));
        self.say(&format!(
            "  {} left out of service",
            show::hosts(count(measured.left_drained.len()))
        ));
        self.say(&format!(
            "  in {} rounds of questions, both of a pair were down together {}",
            measured.rounds,
            times(&measured)
        ));
        self.say("  ringway audit:");
        self.indented(&journal::examined(&place.data()).await?);
        Ok(measured)
    }

    async fn plain(&self, ground: &mut Ground) -> Result<Measured, Failure> {
        let place = ground.place("plain")?;
        all_answer(&place).await?;
        let watch = PairWatch::of(&place.servers);
        let begun = Instant::now();
        let runtime = start(&place).await?;
        let rollout = propose(&runtime, prepare(self.out, &place)?).await?;
        let end = self
            .follow(&runtime, rollout, |one| one.is_final || is_halted(one))
            .await?;
        let took = begun.elapsed();
        runtime.shutdown().await;
        tokio::time::sleep(LOOK_AFTER).await;
        let broken = not_answering(&place);
        let state = find(&end, rollout)?.state;
        self.say(&format!(
            "  measured: {} of {} servers down; the rollout says: {state}",
            broken.len(),
            place.servers.len()
        ));
        Ok(measured(
            &place,
            &find(&end, rollout)?,
            &watch.seen(),
            updated(&place),
            broken,
            took,
        ))
    }

    /// Follows until the rollout is as asked for, says what happens, and gives the yes that a person would give.
    async fn follow(
        &self,
        runtime: &Runtime,
        rollout: RolloutId,
        wanted: fn(&RolloutView) -> bool,
    ) -> Result<Arc<FleetView>, Failure> {
        let work = async {
            let mut views = runtime.caller().follow();
            let mut before: Option<Arc<FleetView>> = None;
            loop {
                let view = views
                    .next()
                    .await
                    .map_err(|e| Failure::new(End::Fault, e))?;
                for line in show::changes(before.as_deref(), &view) {
                    self.say(&format!("  {line}"));
                }
                let one = find(&view, rollout)?;
                if wanted(&one) {
                    return Ok(view);
                }
                if let Some(wish) = one.approval.as_ref().filter(|wish| wish.due) {
                    self.say("  (a person looks, and says: ringway approve)");
                    let command = Command::Approve {
                        rollout,
                        subject: wish.subject,
                        digest: wish.digest,
                    };
                    order(runtime, command).await?;
                }
                before = Some(view);
            }
        };
        match tokio::time::timeout(PART_WITHIN, work).await {
            Ok(view) => view,
            Err(_) => Err(Failure::new(
                End::Fault,
                "the demo's rollout did not get where it should in time",
            )),
        }
    }

    fn close(&self, careful: &Measured, plain: &Measured) {
        self.heading("Side by side, measured at the servers");
        let names = |names: &[String]| {
            if names.is_empty() {
                "0".to_owned()
            } else {
                names.len().to_string()
            }
        };
        let rows = [
            ("", "ring by ring".to_owned(), "percentages".to_owned()),
            (
                "servers that got the update",
                careful.updated.to_string(),
                plain.updated.to_string(),
            ),
            (
                "servers it broke",
                names(&careful.broken),
                names(&plain.broken),
            ),
            (
                "pairs with both members down",
                names(&careful.pairs_down),
                names(&plain.pairs_down),
            ),
            (
                "servers down at the end",
                careful.not_well.to_string(),
                plain.broken.len().to_string(),
            ),
            ("how it ended", careful.ended.clone(), plain.ended.clone()),
            ("time", seconds(careful), seconds(plain)),
        ];
        for (what, ours, theirs) in rows {
            self.say(&format!("  {what:<30} {ours:>14} {theirs:>14}"));
        }
        self.heading("What to try next");
        self.say("  ringway plan examples/demo        who would go when, and why, for the documents you just saw");
        self.say("  ringway demo --keep               the same, keeping documents and journals to look at");
        self.say("  docs/tutorial.md                  a first rollout of your own on this machine");
    }
}

fn is_halted(one: &RolloutView) -> bool {
    one.state == "halted" && one.rings.iter().all(|ring| ring.visiting == 0)
}

fn prepare(out: Out, place: &Place) -> Result<Prepared, Failure> {
    let documents = Documents {
        paths: vec![place.directory.clone()],
    };
    documents::prepare(
        out,
        &Planned {
            documents,
            policy: None,
            update: None,
            lane: None,
            seed: 1,
        },
    )
}

async fn start(place: &Place) -> Result<Runtime, Failure> {
    let data: PathBuf = place.data();
    let config = Config {
        data,
        workers: 16,
        identify: Arc::new(SystemUsers),
        observe: false,
        clock: Arc::default(),
    };
    Runtime::start(config)
        .await
        .map_err(|e| Failure::new(End::Refused, crate::exit::chain(&e)))
}

async fn propose(runtime: &Runtime, prepared: Prepared) -> Result<RolloutId, Failure> {
    let answer = runtime
        .caller()
        .propose(SystemUsers.me(), prepared.proposal(None, None, None))
        .await;
    let accepted = answer
        .map_err(|e| Failure::new(End::Fault, e))?
        .map_err(|e| Failure::new(End::Refused, e))?;
    accepted
        .rollout
        .ok_or_else(|| Failure::new(End::Fault, "the engine named no rollout"))
}

async fn order(runtime: &Runtime, command: Command) -> Result<(), Failure> {
    let answer = runtime.caller().command(SystemUsers.me(), command).await;
    answer
        .map_err(|e| Failure::new(End::Fault, e))?
        .map_err(|e| Failure::new(End::Refused, e))?;
    Ok(())
}

fn find(view: &FleetView, rollout: RolloutId) -> Result<RolloutView, Failure> {
    let found = view.rollouts.iter().find(|one| one.id == rollout).cloned();
    found.ok_or_else(|| Failure::new(End::Fault, format!("{rollout} is not there any more")))
}

/// The rings with their hosts.
fn rings(prepared: &Prepared) -> String {
    let mut text = String::new();
    for ring in &prepared.plan.rings {
        let hosts: Vec<&str> = prepared.plan.slots[ring.slots()]
            .iter()
            .map(|slot| prepared.fleet.hosts[slot.host.index()].name.as_str())
            .collect();
        let halts = ring
            .halt_on
            .map_or(String::new(), |n| format!("; halts on failure no. {n}"));
        let few = if hosts.len() > 6 {
            format!("{}, ...", hosts[..6].join(", "))
        } else {
            hosts.join(", ")
        };
        show::put(
            &mut text,
            format_args!("{:<8}{:>3} hosts: {few}{halts}\n", ring.name, hosts.len()),
        );
    }
    text
}

async fn all_answer(place: &Place) -> Result<(), Failure> {
    let begun = Instant::now();
    while !not_answering(place).is_empty() {
        if begun.elapsed() > Duration::from_secs(20) {
            let names = not_answering(place).join(", ");
            return Err(Failure::new(
                End::Refused,
                format!("servers of the demo do not answer: {names}"),
            ));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

fn not_answering(place: &Place) -> Vec<String> {
    place
        .servers
        .iter()
        .filter(|s| s.version().is_none())
        .map(|s| s.name.clone())
        .collect()
}

fn updated(place: &Place) -> usize {
    place
        .servers
        .iter()
        .filter(|server| place.installed(server) == BAD_VERSION)
        .count()
}

fn measured(
    place: &Place,
    end: &RolloutView,
    seen: &Seen,
    updated: usize,
    broken: Vec<String>,
    took: Duration,
) -> Measured {
    let is_well = |version: Option<String>| version.is_some_and(|version| version != BAD_VERSION);
    Measured {
        ended: end.state.clone(),
        updated,
        broken,
        pairs_down: seen.both_down.iter().cloned().collect(),
        rounds: seen.rounds,
        left_drained: place.drained().into_iter().map(str::to_owned).collect(),
        not_well: place
            .servers
            .iter()
            .filter(|s| !is_well(s.version()))
            .count(),
        took_ms: took.as_millis(),
    }
}

fn times(measured: &Measured) -> String {
    match measured.pairs_down.as_slice() {
        [] => "never".to_owned(),
        pairs => format!("in {}", pairs.join(", ")),
    }
}

fn seconds(measured: &Measured) -> String {
    format!("{} s", measured.took_ms.div_ceil(1000))
}

fn count(hosts: usize) -> u32 {
    u32::try_from(hosts).unwrap_or(u32::MAX)
}
