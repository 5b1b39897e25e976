//! What came of it, from what the hosts' own ledgers say and what the onlooker saw: nothing here asks Ringway what it
//! believes, except where that is what is to be compared.

use std::fmt;

use ringway_farm::Event;

use crate::hosts::{Fault, Town};
use crate::onlooker::Seen;
use crate::people::Told;

/// A statement, whether it holds, and what was seen.
struct Statement {
    what: &'static str,
    holds: bool,
    seen: String,
}

/// All statements.
pub(crate) struct Account(Vec<Statement>);

impl Account {
    /// Asks the hosts.
    pub(crate) fn of(town: &Town, told: &Told, seen: &Seen) -> Self {
        let mut account = Self(Vec::new());
        account.the_bad_update(town, told);
        account.the_domains(seen);
        account.the_fix(town, told);
        account.the_words(told);
        account
    }

    /// Whether all of it is as it must be.
    pub(crate) fn is_well(&self) -> bool {
        self.0.iter().all(|statement| statement.holds)
    }

    fn say(&mut self, what: &'static str, holds: bool, seen: String) {
        self.0.push(Statement { what, holds, seen });
    }

    fn the_bad_update(&mut self, town: &Town, told: &Told) {
        let stopped = told.stopped.as_ref();
        self.say(
            "the regression is stopped in the canary ring",
            stopped.is_some_and(|(ring, ..)| ring == "canary"),
            stopped.map_or_else(
                || "it was never stopped".to_owned(),
                |(ring, hit, at, how)| format!("{how} in {ring} with {hit} hit, at {at}"),
            ),
        );
        let (mut had, mut after, mut suffered) = (0, Vec::new(), [0; 3]);
        for server in &town.servers {
            let Some(bad) = server.bad() else { continue };
            let ledger = town.farm.host(&server.name).ledger();
            let mut begun = ledger.iter().filter(|entry| {
                entry.event == Event::Begin
                    && entry.what == "install"
                    && entry.fact("version") == Some(bad)
            });
            let first = begun.clone().next();
            if first.is_none() {
                continue;
            }
            had += 1;
            match server.fault {
                Some(Fault::Lsass) => suffered[0] += 1,
                Some(Fault::BitLocker) => suffered[1] += 1,
                Some(Fault::Refused) => suffered[2] += 1,
                None => {}
            }
            if begun.any(|entry| entry.at > told.poisoned.1) {
                after.push(server.name.clone());
            }
        }
        self.say(
            "nobody beyond lab and canaries ever began to install it",
            had > 0 && had <= 60,
            format!(
                "{had} of {} hosts began; of those {} restart in a loop, {} ask for a key, {} refuse it",
                town.servers.iter().filter(|one| one.bad().is_some()).count(),
                suffered[0],
                suffered[1],
                suffered[2]
            ),
        );
        self.say(
            "who asks for its recovery key is brought back by the step `recovery`",
            suffered[1] > 0 && told.keys >= suffered[1],
            format!(
                "{} of {} keys were typed in because it asked",
                told.keys, suffered[1]
            ),
        );
        self.say(
            "no host begins to install a poisoned release after the poisoning",
            after.is_empty(),
            format!("{after:?}"),
        );
    }

    fn the_domains(&mut self, seen: &Seen) {
        self.say(
            "no domain was ever without a controller that serves",
            seen.rounds > 100 && seen.lost.is_empty(),
            format!("asked {} times; lost: {:?}", seen.rounds, seen.lost),
        );
        let most = seen.down.values().max().copied().unwrap_or(0);
        self.say(
            "controllers of one domain were down one at a time",
            most <= 1,
            format!("{:?}", seen.down),
        );
    }

    fn the_fix(&mut self, town: &Town, told: &Told) {
        let mut without = Vec::new();
        let mut with = 0;
        for server in &town.servers {
            let version = town.farm.host(&server.name).version();
            match server.fix() {
                Some(fix) if version == fix => with += 1,
                Some(_) if server.name == "dc-kiosk-1" => {}
                Some(_) => without.push(format!("{} ({version})", server.name)),
                None if version == "march" => {}
                None => without.push(format!("{} is a bystander and has {version}", server.name)),
            }
        }
        self.say(
            "every host but the excepted one ends on the fix, bystanders on nothing",
            without.is_empty(),
            format!("{with} have it; others: {without:?}"),
        );
        let first = town
            .servers
            .iter()
            .flat_map(|server| town.farm.host(&server.name).ledger())
            .filter(|entry| entry.event == Event::Begin && entry.at > told.poisoned.0)
            .map(|entry| entry.at)
            .min();
        let first = first.map(|at| at.saturating_sub(told.poisoned.0));
        self.say(
            "the first host is mended after its start was approved",
            first.is_some(),
            format!(
                "the first `install` on a host began {} ms of this machine after `supersede` was typed, which took {} ms; two people approved in between, an hour of the story after they were asked",
                first.unwrap_or(0),
                told.poisoned.1 - told.poisoned.0
            ),
        );
    }

    fn the_words(&mut self, told: &Told) {
        let states: Vec<&str> = told.rollouts.iter().map(|one| one.state.as_str()).collect();
        self.say(
            "the first rollout is superseded, and the second completes",
            states == ["superseded", "completed"],
            format!(
                "{states:?}, {} days after the update came",
                told.span.1.since(told.span.0).millis() / 86_400_000
            ),
        );
        self.say(
            "the unverified advisory changed nothing",
            !told.forum_changed,
            format!("{:?}", told.advisories),
        );
        self.say(
            "the audit of the journal finds every invariant kept",
            told.audit,
            String::new(),
        );
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        for one in &self.0 {
            let mark = if one.holds { "holds" } else { "DOES NOT HOLD" };
            writeln!(f, "{mark:>13}  {}", one.what)?;
            if !one.seen.is_empty() {
                writeln!(f, "               {}", one.seen)?;
            }
        }
        Ok(())
    }
}
