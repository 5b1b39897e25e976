//! Elements by table: what people write and what it means.

use ringway_model::{AfterCrash, Place, Share, Span};
use ringway_policy::validated::{
    After, AlreadyUnhealthy, Amount, Ask, Command, Expect, FailedShare, Minimum, NotBy, OnHalt,
    Ramp, RingHosts, RingSpread, Step, When, Work,
};

use crate::whole::{CORP, documents};

fn policy(more: &str) -> ringway_policy::validated::Policy {
    let rings = "rings: [{ name: all, hosts: rest, soak: 1h }]";
    let text = format!("ringway: policy/v1\nname: it\napplies_to: all\n{rings}\n{more}\n");
    documents(&[&text]).policies["it"].clone()
}

fn share(text: &str) -> Share {
    text.parse().expect("the tables have shares")
}

/// A policy that says nothing must be the careful one.
#[test]
fn the_defaults_of_a_policy_are_the_careful_ones() {
    let it = policy("");
    assert_eq!(it.halt.failed.map(std::num::NonZeroU32::get), Some(1));
    assert_eq!(it.halt.failed_share, None);
    assert_eq!((it.retry.times, it.retry.wait), (0, Span::minutes(10)));
    assert_eq!((it.offline.allow, it.offline.or), (share("0%"), 0));
    assert_eq!(it.offline.retry, Span::minutes(10));
    assert_eq!((it.pace.at_once.get(), it.pace.ramp), (10, Ramp::Double));
    assert_eq!(it.pace.settle, Span::minutes(5));
    assert_eq!(it.budget_down, None);
    assert_eq!(it.already_unhealthy, AlreadyUnhealthy::Hold);
    assert_eq!(it.on_halt, OnHalt::Withhold);
    assert_eq!((it.start, it.author), (None, None));
    let gate = &policy("gates: [{ name: answers, probe: up }]").gates[0];
    assert_eq!(
        (gate.down_for, gate.min_reporting),
        (Span::minutes(3), Share::ALL)
    );
}

#[test]
fn halts_mean_what_they_say() {
    let of = |limit, counts_from| {
        Some(FailedShare {
            limit: share(limit),
            counts_from,
        })
    };
    for (text, failed, failed_share) in [
        ("{ failed: 3 }", Some(3), None),
        ("{ failed_share: { limit: 2% } }", None, of("2%", 1)),
        (
            "{ failed_share: { limit: 0%, counts_from: 1 } }",
            None,
            of("0%", 1),
        ),
        (
            "{ failed: 1, failed_share: { limit: 2.5%, counts_from: 50 } }",
            Some(1),
            of("2.5%", 50),
        ),
    ] {
        let halt = policy(&format!("halt: {text}")).halt;
        assert_eq!(halt.failed.map(std::num::NonZeroU32::get), failed, "{text}");
        assert_eq!(halt.failed_share, failed_share, "{text}");
    }
}

#[test]
fn amounts_are_numbers_or_shares() {
    for (text, amount) in [
        ("3", Amount::Count(3)),
        ("5%", Amount::Share(share("5%"))),
        ("\"0.5%\"", Amount::Share(share("0.5%"))),
        ("100%", Amount::Share(Share::ALL)),
    ] {
        assert_eq!(
            policy(&format!("budget: {{ down: {text} }}")).budget_down,
            Some(amount),
            "{text}"
        );
    }
}

#[test]
fn a_soak_is_written_short_or_long() {
    for (soak, span) in [
        ("4h", Span::hours(4)),
        ("{ for: 1h30m }", Span::minutes(90)),
        ("0s", Span::ZERO),
        ("\"2d\"", Span::hours(48)),
    ] {
        let text = format!(
            "ringway: policy/v1\nname: it\napplies_to: all\nrings: [{{ name: all, hosts: rest, soak: {soak} }}]\n"
        );
        assert_eq!(
            documents(&[&text]).policies["it"].rings[0].soak,
            span,
            "{soak}"
        );
    }
}

/// YAML would make numbers and booleans of these; people meant what they wrote.
#[test]
fn labels_ids_and_builds_are_taken_as_written() {
    let corp = documents(&[CORP]);
    let fleet = corp.fleet.as_ref().unwrap();
    assert_eq!(fleet.hosts[0].labels.get("gc"), Some("no"));
    assert_eq!(fleet.hosts[0].labels.get("port"), Some("8080"));
    assert_eq!(fleet.hosts[2].labels.get("build"), Some("1.10"));
    let releases = &corp.updates["2026-04-security"].releases;
    assert_eq!(releases[0].build.as_deref(), Some("20348.5020"));
    assert_eq!(releases[0].with["version"], "1.10");
    assert_eq!(
        (releases[1].id.as_str(), releases[1].with["note"].as_str()),
        ("no", "")
    );
}

#[test]
fn a_fleet_means_what_it_says() {
    let corp = documents(&[CORP]);
    let fleet = corp.fleet.as_ref().unwrap();
    assert_eq!(
        (fleet.name.as_str(), fleet.hosts.len(), fleet.connect.len()),
        ("corp", 7, 5)
    );
    assert_eq!(fleet.hosts[0].address.as_deref(), Some("10.1.0.11"));
    let up = &fleet.probes["up"];
    assert_eq!(
        (up.every, up.timeout),
        (Span::seconds(10), Span::seconds(2))
    );
    let Ask::Http {
        port,
        path,
        status,
        body_contains,
    } = &up.ask
    else {
        panic!("{up:?}")
    };
    assert_eq!(
        (port.as_str(), path.as_str(), *status),
        ("{port}", "/health?of={host}", 200)
    );
    assert_eq!(body_contains.as_deref(), Some("ok {role}"));
    let open = &fleet.probes["open"];
    assert_eq!(
        (open.every, open.timeout),
        (Span::seconds(30), Span::seconds(5))
    );
    let run = Command::Program(vec!["./ask".to_owned(), "--deep".to_owned()]);
    assert_eq!(
        fleet.probes["asks"].ask,
        Ask::Run {
            run,
            at: Place::Controller
        }
    );

    let [directory, databases, web] = fleet.groups.as_slice() else {
        panic!("three groups")
    };
    let spreads = (directory.rings, databases.rings, web.rings);
    assert_eq!(
        spreads,
        (RingSpread::Apart, RingSpread::Together, RingSpread::Any)
    );
    let kept = |group: &ringway_policy::validated::Group| group.keep_up.clone().unwrap();
    assert_eq!(kept(directory).minimum, Minimum::AtLeast(1));
    assert_eq!(kept(databases).minimum, Minimum::Share(share("50%")));
    assert_eq!(kept(databases).fresh, Span::seconds(60));
    assert_eq!(
        kept(web).accept_outage.as_deref(),
        Some("the lab host may be down")
    );
    let after = |group: &str, across_rings| After {
        group: group.to_owned(),
        across_rings,
    };
    assert_eq!(
        web.after,
        [after("databases", false), after("directory", true)]
    );
}

#[test]
fn a_policy_means_what_it_says() {
    let corp = documents(&[CORP]);
    let it = &corp.policies["everything"];
    let RingHosts::Select { take, cover, .. } = &it.rings[1].hosts else {
        panic!("a selection")
    };
    let cover = cover.as_ref().unwrap();
    assert_eq!(*take, Some(Amount::Share(share("2%"))));
    assert_eq!((cover.by.len(), cover.may_exceed_take), (4, true));
    let after_soak = it.rings[1].after_soak.as_ref().unwrap();
    assert_eq!(
        (after_soak.needed, after_soak.by.as_slice()),
        (2, &["operators".to_owned()][..])
    );
    assert_eq!(after_soak.not_by, [NotBy::PolicyAuthor, NotBy::Starter]);
    assert_eq!(it.rings[3].hosts, RingHosts::Rest);
    assert_eq!(
        (it.already_unhealthy, it.on_halt),
        (AlreadyUnhealthy::Update, OnHalt::Finish)
    );
    assert_eq!(
        (it.pace.ramp, it.budget_down),
        (Ramp::Off, Some(Amount::Count(3)))
    );
}

fn command(work: &Work) -> &Step {
    work.command().expect("it is a command")
}

/// What is fetched ahead is fetched again after a crash, at a pace that a small mirror serves.
#[test]
fn fetching_ahead_means_what_it_says() {
    let text = "ringway: recipe/v1\nname: it\nsteps:\n  apply: { run: ./it }\n  stage:";
    let of = |more: &str| {
        let it = documents(&[&format!("{text} {more}\n")]);
        it.recipes["it"].stage.clone().expect("it stages")
    };
    let plain = of("{ run: ./fetch }");
    assert_eq!(plain.at_once.get(), 10);
    assert_eq!(plain.step.after_crash, AfterCrash::Repeat);
    assert_eq!(
        (plain.step.at, plain.step.timeout),
        (Place::Host, Span::minutes(10))
    );
    let told = of("{ run: ./fetch, at: controller, timeout: 2h, at_once: 3 }");
    assert_eq!(
        (told.at_once.get(), told.step.at, told.step.timeout),
        (3, Place::Controller, Span::hours(2))
    );
}

/// A snapshot that nobody removes fills a disk: how long it is kept and how it goes must be said.
#[test]
fn protecting_means_what_it_says() {
    let text = "ringway: recipe/v1\nname: it\nsteps:\n  apply: { run: ./it }\n  protect:";
    let of = |more: &str| {
        let it = documents(&[&format!("{text} {more}\n")]);
        it.recipes["it"].protect.clone().expect("it protects")
    };
    let plain = of("{ run: ./snapshot, keep: 1h, remove: { run: ./drop } }");
    assert_eq!(plain.keep, Span::hours(1));
    for step in [&plain.step, &plain.remove] {
        assert_eq!(step.after_crash, AfterCrash::Repeat);
        assert_eq!((step.at, step.timeout), (Place::Host, Span::minutes(10)));
    }
    let told = of(
        "{ run: ./snapshot, at: controller, timeout: 30m, keep: 90d, remove: { run: ./drop, at: peer, timeout: 1h } }",
    );
    assert_eq!(
        (told.step.at, told.step.timeout),
        (Place::Controller, Span::minutes(30))
    );
    assert_eq!(
        (told.remove.at, told.remove.timeout),
        (Place::Peer, Span::hours(1))
    );
    assert_eq!(told.keep, Span::hours(90 * 24));
}

/// What nobody wrote must be the careful choice: evidence is wanted, and an afternoon is long enough.
#[test]
fn work_by_hand_means_what_it_says() {
    let text = "ringway: recipe/v1\nname: it\nsteps:\n  apply:\n    manual:";
    let of = |more: &str| {
        let it = documents(&[&format!("{text} {more}\n")]);
        match it.recipes["it"].apply.clone() {
            Work::Manual(manual) => manual,
            Work::Run(step) => panic!("{step:?}"),
        }
    };
    let plain = of("{ instructions: \"install {build} at the console\" }");
    let plain = (plain.instructions, plain.evidence, plain.within);
    let instructions = "install {build} at the console".to_owned();
    assert_eq!(plain, (instructions, true, Span::hours(4)));
    let told = of("{ instructions: do it, evidence: optional, within: 30m }");
    assert_eq!((told.evidence, told.within), (false, Span::minutes(30)));
}

/// The recipe that comes with Ringway is there where an update names it, with what the update says is to be done.
#[test]
fn a_recipe_by_hand_comes_with_ringway() {
    let update = "ringway: update/v1\nname: it\nrecipe: manual\nreleases: [{ select: all, id: a, with: { instructions: do it } }]\n";
    let it = documents(&[update]);
    let recipe = &it.recipes["manual"];
    assert!(recipe.apply.command().is_none());
    assert_eq!(recipe.parameters["instructions"], None);
    assert!(it.texts.contains_key("recipe/manual"));
}

#[test]
fn a_recipe_means_what_it_says() {
    let corp = documents(&[CORP]);
    let it = &corp.recipes["debian-package"];
    assert_eq!(it.parameters["package"], None);
    assert_eq!(it.parameters["note"].as_deref(), Some("none"));
    let precheck = it.precheck.as_ref().unwrap();
    assert_eq!(precheck.expect, Some(Expect::AtLeast(500_000)));
    // A step that changes nothing may always be run again.
    assert_eq!(precheck.after_crash, AfterCrash::Repeat);
    assert_eq!(
        (command(&it.apply).timeout, command(&it.apply).after_crash),
        (Span::minutes(20), AfterCrash::Inspect)
    );
    let rollback = command(it.rollback.as_ref().unwrap());
    assert_eq!(rollback.timeout, Span::minutes(10));
    assert_eq!(rollback.after_crash, AfterCrash::Repeat);
    let reboot = it.reboot.as_ref().unwrap();
    assert_eq!(reboot.when, When::File("/run/reboot-required".to_owned()));
    assert_eq!((reboot.restarts.0.get(), reboot.restarts.1.get()), (1, 2));
    let plain = corp.recipes["always"].reboot.as_ref().unwrap();
    assert_eq!((plain.restarts.0.get(), plain.restarts.1.get()), (1, 1));
    assert_eq!(
        (plain.back_within, plain.boot_id.as_ref()),
        (Span::minutes(10), None)
    );
}

/// The digest of a document is that of its text, and the texts make up the file.
#[test]
fn every_document_keeps_its_text_under_its_digest() {
    let corp = documents(&[CORP]);
    let policy = &corp.policies["everything"];
    let text = &corp.texts["policy/everything"];
    assert!(text.starts_with("---\nringway: policy/v1\n"), "{text}");
    assert_eq!(ringway_model::Digest::of(text.as_bytes()), policy.digest);
    assert_eq!(
        corp.texts.values().map(String::len).sum::<usize>(),
        CORP.len()
    );
    let recipe = &corp.recipes["always"];
    assert_eq!(
        documents(&[&corp.texts["recipe/always"]]).recipes["always"],
        *recipe
    );
}

#[test]
fn a_built_in_recipe_is_there_when_an_update_names_it() {
    let update = "ringway: update/v1\nname: it\nrecipe: script\nreleases:\n  \
                  - { select: all, id: a, with: { apply: ./go, inspect: ./look } }\n";
    let it = documents(&[update]);
    assert!(it.recipes["script"].rollback.is_some());
    assert_eq!(
        it.recipes["script"].digest,
        ringway_model::Digest::of(it.texts["recipe/script"].as_bytes())
    );
    assert!(!documents(&[CORP]).recipes.contains_key("script"));
}

/// A document of one's own wins over the one built in.
#[test]
fn a_recipe_of_ones_own_hides_the_built_in_one() {
    let update =
        "ringway: update/v1\nname: it\nrecipe: script\nreleases: [{ select: all, id: a }]\n";
    let recipe = "ringway: recipe/v1\nname: script\nsteps: { apply: { run: ./own } }\n";
    let it = documents(&[update, recipe]);
    assert_eq!(
        command(&it.recipes["script"].apply).run,
        Command::Shell("./own".to_owned())
    );
}
