//! The people of the story, as a script: they start the rollout, approve what is due, hand the advisories in, and put
//! the fix in the place of the bad update. Everything they do is a command of the `ringway` program.
//!
//! All of them are one user of this machine; who speaks is told to the runtime before each command.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ringway_engine::view::{ApprovalView, FleetView, RolloutView};
use ringway_model::{Span, Timestamp};
use ringway_runtime::{Clock, Config, Identify, Runtime};
use ringway_tests::people::{Speaker, drivers};
use ringway_tests::ringway_as_shipped;
use tokio::process::Command;

use crate::Outcome;
use crate::hosts::Town;

/// How long a person takes to answer, in the story's time.
const ANSWERS_AFTER: Span = Span::hours(1);
/// How long after the beginning the forum's post, the vendor's known issue and the fix are there.
const FORUM: Span = Span::hours(63);
const VENDOR: Span = Span::hours(91);
const FIX: Span = Span::hours(120);
/// A month that is not over after this long in its own time never is.
const LONGEST: Span = Span::hours(60 * 24);
/// How often people look, in the machine's time.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What is to be told of the month afterwards.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// The rollouts as they were at the end.
    pub(crate) rollouts: Vec<RolloutView>,
    /// Which ring the first one was in when it was stopped, how many had been hit by then, when, and by what: its halt, or the
    /// fix, where that came first.
    pub(crate) stopped: Option<(String, u32, Timestamp, &'static str)>,
    /// How many recovery keys were typed in because `recovery` asked for it.
    pub(crate) keys: u32,
    /// When the poisoning was said and when it was taken, in the machine's milliseconds since 1970.
    pub(crate) poisoned: (u64, u64),
    /// What became of the two advisories: their ids and how they stood at the end.
    pub(crate) advisories: Vec<(String, String)>,
    /// Whether the plan of the first rollout and who was held were the same after the forum's post as before.
    pub(crate) forum_changed: bool,
    /// Whether `ringway audit` found every invariant kept.
    pub(crate) audit: bool,
    /// When the month began, and when the last rollout was over.
    pub(crate) span: (Timestamp, Timestamp),
}

/// The people, and the runtime that decides.
pub(crate) struct People {
    town: Arc<Town>,
    program: PathBuf,
    runtime: Runtime,
    speaker: Arc<Speaker>,
    clock: Arc<Clock>,
    begins: Timestamp,
    /// What is asked of them, and since when they know.
    asked: Option<(String, Timestamp)>,
    /// What was told last, so that nothing is told twice.
    shown: String,
}

impl People {
    /// Starts the runtime.
    pub(crate) async fn start(town: Arc<Town>) -> Outcome<Self> {
        let speaker = Arc::new(Speaker::new("olga"));
        let clock = Arc::new(Clock::rehearsal(&town.clock())?);
        let config = Config {
            data: town.data(),
            workers: 64,
            identify: Arc::clone(&speaker) as Arc<dyn Identify>,
            observe: false,
            clock: Arc::clone(&clock),
        };
        let drivers = drivers(&town.data())?;
        let runtime = Runtime::start_with(config, Arc::new(drivers)).await?;
        Ok(Self {
            program: ringway_as_shipped(),
            begins: clock.now(),
            town,
            runtime,
            speaker,
            clock,
            asked: None,
            shown: String::new(),
        })
    }

    /// Everybody goes home: nothing is decided any more.
    pub(crate) async fn go_home(self) {
        self.runtime.shutdown().await;
    }

    /// The month, until the last rollout is over.
    pub(crate) async fn month(&mut self) -> Outcome<Told> {
        let mut told = Told {
            span: (self.begins, self.begins),
            ..Told::default()
        };
        let documents = [
            "fleet.yaml",
            "policy.yaml",
            "april.yaml",
            "recipe.yaml",
            "exception.yaml",
        ];
        let mut run = vec!["run", "--no-wait", "--change", "CHG-2604"];
        run.extend(documents);
        self.says("olga", &run).await?;
        let (mut forum, mut vendor, mut fix) = (false, false, false);
        loop {
            let view = self.runtime.caller().view().await?;
            self.look(&view, &mut told);
            let on = view.at.since(self.begins);
            if on >= FORUM && !forum {
                forum = true;
                let before = standing(&view);
                self.says("ana", &["advisory", "add", "later/forum.yaml"])
                    .await?;
                told.forum_changed = standing(&self.runtime.caller().view().await?) != before;
            }
            if on >= VENDOR && !vendor {
                vendor = true;
                self.says("ana", &["advisory", "add", "later/vendor.yaml"])
                    .await?;
            }
            self.type_keys(&mut told)?;
            if on >= FIX && !fix {
                fix = true;
                if let (None, Some(first)) = (&told.stopped, view.rollouts.first()) {
                    let ring = first.ring.clone().unwrap_or_default();
                    told.stopped = Some((ring, first.hit, view.at, "superseded"));
                }
                self.supersede(&mut told).await?;
            }
            if let Some(last) = view.rollouts.last()
                && last.is_final
                && (fix || on >= FIX)
            {
                told.span.1 = view.at;
                break;
            }
            if on > LONGEST {
                self.says("ana", &["status"]).await?;
                return Err("the month does not end".into());
            }
            self.answer(&view).await?;
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let view = self.runtime.caller().view().await?;
        told.rollouts = view.rollouts;
        let stands = |one: &ringway_engine::view::AdvisoryView| {
            (one.advisory.id.clone(), one.standing.clone())
        };
        told.advisories = view.advisories.iter().map(stands).collect();
        told.audit = self.says("ana", &["audit"]).await.is_ok();
        self.says("ana", &["exposure"]).await?;
        Ok(told)
    }

    /// The management boards: they type the recovery key of a host in where `recovery` asks for it.
    fn type_keys(&self, told: &mut Told) -> Outcome {
        for entry in fs::read_dir(self.town.keys())? {
            let entry = entry?;
            let name = entry.file_name();
            fs::remove_file(entry.path())?;
            let mut hosts = self.town.farm.hosts().iter();
            let Some(host) = hosts.find(|host| name.to_str() == Some(host.name())) else {
                return Err(format!("a recovery key is asked for of {}", name.display()).into());
            };
            self.tell(
                self.clock.now(),
                &format!("the recovery key of {} is typed in", host.name()),
            );
            host.heal()?;
            told.keys += 1;
        }
        Ok(())
    }

    /// The one decision, with the lane that was reviewed for such a day.
    async fn supersede(&mut self, told: &mut Told) -> Outcome {
        let reason = "KB5082142 and its kin break domain controllers";
        let mut order = vec!["supersede", "r1", "--with", "later/fix.yaml", "--poison"];
        order.extend([
            "--lane", "expedite", "--reason", reason, "--change", "CHG-2611",
        ]);
        order.extend(["fleet.yaml", "policy.yaml", "recipe.yaml", "exception.yaml"]);
        let began = millis();
        self.says("fay", &order).await?;
        told.poisoned = (began, millis());
        Ok(())
    }

    /// Tells what is new, and keeps what is to be told of it later.
    fn look(&mut self, view: &FleetView, told: &mut Told) {
        let mut lines = Vec::new();
        for rollout in &view.rollouts {
            let ring = rollout.ring.as_deref().unwrap_or("-");
            let phase = rollout
                .rings
                .iter()
                .find(|one| Some(&one.name) == rollout.ring.as_ref());
            let phase = phase.map_or("", |ring| ring.phase.as_str());
            lines.push(format!(
                "{} {}: ring {ring} {phase}",
                rollout.id, rollout.state
            ));
            if rollout.state == "halted" && told.stopped.is_none() && rollout.id.0 == 1 {
                told.stopped = Some((ring.to_owned(), rollout.hit, view.at, "halted"));
            }
        }
        let now = lines.join("; ");
        if now != self.shown {
            self.tell(view.at, &now);
            self.shown = now;
        }
    }

    /// Whoever may approves what is due, an hour after it is.
    async fn answer(&mut self, view: &FleetView) -> Outcome {
        let due = view.rollouts.iter().find_map(|rollout| {
            let approval = rollout.approval.as_ref().filter(|one| one.due)?;
            // Where enough have said yes it is something else that is waited for.
            if approval.by.len() >= usize::from(approval.need) {
                return None;
            }
            (!rollout.is_final && rollout.state != "halted").then_some((rollout, approval))
        });
        let Some((rollout, approval)) = due else {
            self.asked = None;
            return Ok(());
        };
        let asked = format!("{} {} {:?}", rollout.id, approval.digest, approval.by);
        match &self.asked {
            Some((known, since)) if *known == asked => {
                if view.at.since(*since) < ANSWERS_AFTER {
                    return Ok(());
                }
            }
            _ => {
                self.asked = Some((asked, view.at));
                return Ok(());
            }
        }
        let Some(person) = who_may(rollout, approval) else {
            return Err(format!("nobody may approve {}", approval.starts).into());
        };
        let id = rollout.id.to_string();
        self.asked = None;
        self.says(person, &["approve", "--rollout", &id, "--yes"])
            .await
    }

    /// A command of a person. What it prints is told.
    async fn says(&mut self, person: &str, words: &[&str]) -> Outcome {
        self.speaker.is(person);
        self.tell(
            self.clock.now(),
            &format!("{person}$ ringway {}", words.join(" ")),
        );
        let began = Instant::now();
        let output = Command::new(&self.program)
            .args(words)
            .current_dir(self.town.folder())
            .env("RINGWAY_DATA", self.town.data())
            .env("RINGWAY_CLOCK", self.town.clock())
            .stdin(Stdio::null())
            .output()
            .await?;
        let text = [&output.stdout[..], &output.stderr[..]].concat();
        let text = String::from_utf8_lossy(&text);
        for line in text.lines().filter(|line| !line.contains("a rehearsal: ")) {
            println!("    {line}");
        }
        println!(
            "    ({} ms, {})",
            began.elapsed().as_millis(),
            output.status
        );
        // 3 and 4: it was done, and the rollout halts or waits for people.
        if matches!(output.status.code(), Some(0 | 3 | 4)) {
            return Ok(());
        }
        Err(format!("`ringway {}` ended with {}", words.join(" "), output.status).into())
    }

    fn tell(&self, at: Timestamp, what: &str) {
        let on = at.since(self.begins).millis() / 60_000;
        let (days, hours, minutes) = (on / 1440, on / 60 % 24, on % 60);
        println!("{days:>3}d {hours:02}:{minutes:02}  {what}");
    }
}

/// What a proposal must not change: which rollouts there are, in which state, and who is held.
fn standing(view: &FleetView) -> String {
    let rollouts: Vec<String> = view
        .rollouts
        .iter()
        .map(|one| format!("{} {} {}", one.id, one.state, one.plan))
        .collect();
    format!("{rollouts:?} {:?} {:?}", view.holds, view.poisons)
}

/// Somebody of the right team who has not said yes, did not write the policy and did not start the rollout.
fn who_may(rollout: &RolloutView, approval: &ApprovalView) -> Option<&'static str> {
    const TEAMS: [(&str, &[&str]); 3] = [
        ("operators", &["ana", "ben"]),
        ("cab", &["chris"]),
        ("security", &["gus", "fay"]),
    ];
    let may = TEAMS.iter().filter(|(team, _)| {
        approval.teams.is_empty() || approval.teams.iter().any(|one| one == team)
    });
    let mut people = may.flat_map(|(_, people)| people.iter().copied());
    people.find(|person| *person != rollout.starter && approval.by.iter().all(|yes| yes != person))
}

/// The machine's time, as the hosts' ledgers have it.
fn millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
