//! Whole documents: the ready-made ones and those that use everything.

#![expect(
    clippy::disallowed_methods,
    reason = "ready-made documents are files; the crate itself reads none"
)]

use std::fs;
use std::path::Path;

use ringway_model::{Span, StepKind};
use ringway_policy::validated::{
    AfterHalt, Binding, Documents, Does, Freeze, FreezeOverride, Frozen, HostCalendar, Priors,
    Shows, SpanRange,
};
use ringway_policy::{Source, read};

pub(crate) const CORP: &str = include_str!("../documents/corp.yaml");

/// A world that uses every key, for the documents above.
pub(crate) const WORLD: &str = include_str!("../documents/world.yaml");

pub(crate) fn documents(texts: &[&str]) -> Documents {
    let sources: Vec<Source> = texts
        .iter()
        .enumerate()
        .map(|(i, text)| Source::new(format!("{i}.yaml"), *text))
        .collect();
    read(&sources).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn ready_made_documents_are_valid() {
    documents(&[include_str!("../../../../policies/minimal.yaml")]);
    documents(&[
        CORP,
        include_str!("../../../../policies/monthly-linux.yaml"),
    ]);
}

/// What a world says comes out as it was written, and what it does not say is the default.
#[test]
fn a_world_says_what_it_says() {
    let read = documents(&[CORP, WORLD]);
    let world = &read.worlds["everything"];
    assert_eq!(world.rollouts[0].starts, Span::hours(1));
    let hosts = &world.hosts[0];
    let apply = hosts.steps[&StepKind::Apply];
    assert_eq!(
        (apply.low, apply.high),
        (Span::minutes(4), Span::minutes(12))
    );
    let reboot = hosts.steps[&StepKind::Reboot];
    assert_eq!(
        (reboot.low, reboot.high),
        (Span::minutes(3), Span::minutes(3))
    );
    assert_eq!(
        (hosts.fails[0].times, hosts.fails[0].hangs),
        (Some(1), true)
    );
    let shows: Vec<Shows> = world.regressions.iter().map(|harm| harm.shows).collect();
    let within = Shows::Within(SpanRange {
        low: Span::minutes(10),
        high: Span::hours(2),
    });
    assert_eq!(
        shows,
        [
            Shows::AtOnce,
            within,
            Shows::Mean(Span::hours(6)),
            Shows::Trigger(Span::hours(5 * 24)),
            Shows::AtOnce,
        ]
    );
    assert_eq!(world.regressions[4].does, Does::InstallFails);
    assert_eq!(world.people.after_halt, AfterHalt::Resume);
    assert_eq!((world.faults.crashes, world.faults.clock_jumps), (3, 1));
    let by = vec!["role".to_owned()];
    assert_eq!(
        world.priors,
        Priors {
            by,
            ..Priors::default()
        }
    );
}

/// A world is read without the documents it speaks of, and says nothing about what it leaves out.
#[test]
fn a_world_is_read_alone() {
    let read =
        documents(&["ringway: world/v1\nname: calm\nrollouts: [{ policy: p, update: u }]\n"]);
    let world = &read.worlds["calm"];
    assert_eq!(world.priors, Priors::default());
    assert_eq!((world.people.clone(), world.faults), Default::default());
}

/// What is said about times comes out as it was written, in one spelling.
#[test]
fn times_say_what_they_say() {
    let read = documents(&[CORP]);
    let fleet = read.fleet.as_ref().unwrap();
    let calendar = &fleet.calendar;
    assert_eq!(calendar.default_zone().as_str(), "Europe/Berlin");
    let hours = calendar.working_hours.as_ref().unwrap().to_string();
    assert_eq!(hours, "mon-thu 08:00-18:00 | fri 08:00-16:00");
    let windows: Vec<String> = calendar
        .windows
        .iter()
        .map(|(name, window)| format!("{name}: {window}"))
        .collect();
    assert_eq!(
        windows,
        [
            "nightly: cron `30 1 * * 1-5` for 2h",
            "patch-weekend: second tuesday + 4d 20:00 for 10h (Europe/London)",
            "theatres: sun 02:00 for 3h",
            "weekend: sat | sun | last friday - 1d 23:30 for 1h30m",
            "weeknights: mon-thu 22:00 for 6h",
        ]
    );
    assert_eq!(calendar.windows["theatres"].binding, Binding::Always);
    let once = |freeze: &Freeze| match &freeze.when {
        Frozen::Between { from, until } => format!("{from} to {until}"),
        Frozen::Events { .. } => panic!("it is written out"),
    };
    let freezes = &calendar.freezes;
    assert_eq!(once(&freezes["year-end"]), "2026-12-18 to 2027-01-06");
    assert_eq!(
        once(&freezes["migration"]),
        "2026-10-02 18:00 to 2026-10-04 06:00"
    );
    assert_eq!(
        once(&freezes["audit"]),
        "2026-11-01T00:00:00Z to 2026-11-01T23:00:00Z"
    );
    assert_eq!(
        freezes["migration"].reason.as_deref(),
        Some("data centre, moving")
    );
    let hosts: Vec<_> = fleet.hosts.iter().map(|host| &host.calendar).collect();
    assert_eq!(hosts[0].windows, ["weeknights"]);
    assert_eq!(hosts[1].windows, ["weekend", "patch-weekend"]);
    assert_eq!(hosts[1].zone.as_ref().unwrap().as_str(), "Europe/London");
    assert_eq!(*hosts[2], HostCalendar::default());
    let policy = &read.policies["everything"];
    assert_eq!(policy.calendar.windows, ["weeknights", "weekend"]);
    assert_eq!(policy.calendar.freeze_override, FreezeOverride::WithReason);
    assert_eq!(
        once(&policy.calendar.freezes["moving"]),
        "2026-10-02 to 2026-10-02"
    );
    let canary = &policy.rings[1];
    assert_eq!(canary.working_time, Some(Span::hours(8)));
    let between = canary.after_soak.as_ref().unwrap().between.as_ref();
    assert_eq!(between.unwrap().to_string(), "mon-fri 08:00-16:00");
    assert_eq!(policy.rings[2].windows, ["weekend"]);
}

#[test]
fn ready_made_worlds_are_valid() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/worlds");
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let read = documents(&[&text]);
        let name = read.worlds.keys().next().unwrap().clone();
        assert_eq!(path.file_stem().unwrap().to_str(), Some(name.as_str()));
        names.push(name);
    }
    names.sort();
    assert_eq!(
        names,
        [
            "bad-update-on-one-role",
            "flaky-network",
            "healthy-month",
            "install-failures",
            "latent-fault",
            "slow-approvals",
            "two-rollouts",
        ]
    );
}

#[test]
fn people_have_users_and_rules_have_terms() {
    let documents = documents(&[CORP]);
    let people = &documents.people;
    assert_eq!(people.people["ana"].users, ["amueller", "ana-adm"]);
    assert_eq!(people.people["ana"].contact.as_deref(), Some("+49 69 1234"));
    assert_eq!(
        people.people["ben"].users,
        ["ben"],
        "whoever has none said has their name"
    );
    assert_eq!(
        [
            people.person("ana-adm"),
            people.person("ben"),
            people.person("zoe")
        ],
        ["ana", "ben", "zoe"]
    );
    let canary = &documents.policies["everything"].rings[1];
    let after = canary.after_soak.as_ref().unwrap();
    assert_eq!(after.expire, Some(Span::hours(24)));
    let early = canary.early.as_ref().unwrap();
    assert_eq!((early.at_least, early.rule.needed), (Span::hours(2), 2));
    assert_eq!(documents.policies["everything"].rings[0].early, None);
}
