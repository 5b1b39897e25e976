//! `simulate` and `what-if`: the same bytes every time, pages that are whole, and what is asked wrongly.

use crate::place::{Place, json};

/// A second policy, without a ring to learn from.
const AT_ONCE: &str = "\
ringway: policy/v1
name: at-once
applies_to: all
rings:
  - { name: everything, hosts: rest, soak: 0s }
pace: { at_once: 4, ramp: off, settle: 0s }
";

/// The story of three hosts in a world in which nothing goes wrong.
const TOLD: &str = "\
fleet f, 3 hosts; world calm from 2026-01-05T09:00:00Z
  no document describes a world: in this one nothing goes wrong by itself, and people answer

     00:00:00  taken over as epoch 1
     00:00:00  r1 proposed by starter as `rollout-0`: plan PLAN
     00:00:00  r1 ring first begins
     00:02:53  r1 ring first soaks
     00:02:53  r1 the soak is over
     00:02:53  r1 ring first promoted
     00:02:53  r1 ring second begins
     00:08:28  r1 ring second soaks
     00:08:28  r1 the soak is over
     00:08:28  r1 ring second promoted
     00:08:28  r1 is over: completed

r1  u by policy p   completed 2026-01-05 09:08, after 8m 28s
  ring    hosts    begins   settled    soaked  promoted    hit failed
  first       1        0s    2m 53s    2m 53s    2m 53s      0      0
  second      2    2m 53s    8m 28s    8m 28s    8m 28s      0      0
  Harm by the update: 0 hosts
  Exposure: 0 host-hours without the update; 3 of 3 hosts have it at the end

availability groups lost: none
";

#[test]
fn a_future_is_told_in_the_journals_words_and_summed_up() {
    let place = Place::new();
    let said = place.expect("simulate", 0);
    let (told, digest) = said.out.split_once("seed 1: ").unwrap();
    let plan = told.split_once("plan ").unwrap().1.lines().next().unwrap();
    assert_eq!(told.replace(plan, "PLAN"), TOLD);
    assert!(digest.contains(" events, digest "), "{digest}");
    assert!(said.err.is_empty(), "{}", said.err);
    assert!(!place.path(".ringway").exists(), "nothing is changed");
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_one_does_not() {
    let place = Place::with_approval();
    place.write("at-once.yaml", AT_ONCE);
    for command in [
        "simulate --policy p --all",
        "simulate --policy p --trials 40 --output json",
        "what-if --policy p --policy at-once --trials 40",
    ] {
        let once = place.expect(command, 0).out;
        assert_eq!(once, place.expect(command, 0).out, "{command}");
        let other = place.expect(&format!("{command} --seed 2"), 0).out;
        assert_ne!(once, other, "{command}");
    }
}

#[test]
fn every_event_has_a_line_where_all_are_asked_for() {
    let place = Place::new();
    let all = json(&place.expect("simulate --all --output json", 0).out);
    let few = json(&place.expect("simulate --lines 3 --output json", 0).out);
    let lines = all["lines"].as_array().unwrap();
    assert_eq!(Some(lines.len() as u64), all["events"].as_u64());
    assert_eq!(few["lines"].as_array().unwrap().len(), 3);
    assert_eq!(all["digest"], few["digest"]);
    assert_eq!(all["lines-left-out"], 0);
    assert!(few["lines-left-out"].as_u64() > Some(3), "{few}");
    let is_told = |text: &str| {
        let texts = lines.iter().filter_map(|line| line["text"].as_str());
        texts.filter(|line| line.starts_with(text)).count()
    };
    assert_eq!((is_told("r1 a apply"), is_told("r1 c apply")), (1, 1));
}

#[test]
fn futures_are_data_for_programs() {
    let place = Place::new();
    place.write("at-once.yaml", AT_ONCE);
    let one = json(&place.expect("simulate --policy p --output json", 0).out);
    assert_eq!(one["world"]["built-in"], true);
    assert_eq!(one["rollouts"][0]["ended"], "completed");
    assert_eq!(one["rollouts"][0]["rings"][1]["planned"], 2);
    assert_eq!(one["broken-rule"], serde_json::Value::Null);
    let many = json(
        &place
            .expect("simulate --policy p --trials 30 --output ndjson", 0)
            .out,
    );
    assert_eq!(many["rollouts"][0]["ended"]["completed"], 30);
    assert_eq!(many["rollouts"][0]["finish-minutes"]["count"], 30);
    let what_if = json(
        &place
            .expect(
                "what-if --policy p --policy at-once --trials 31 --output json",
                0,
            )
            .out,
    );
    assert_eq!(
        (&what_if["good"], &what_if["bad"]),
        (&15.into(), &16.into())
    );
    assert_eq!(what_if["variants"][1]["policy"], "at-once");
    assert_eq!(what_if["assumptions"][0]["from"], "default");
    let pair = &what_if["comparisons"][0]["fewer-harmed"];
    let counted = ["one", "other", "equal"].map(|who| pair[who].as_u64().unwrap());
    assert_eq!(counted.iter().sum::<u64>(), 16, "{pair}");
    // One host at first, and then the rest: no bad update can harm more than it does where all go at once.
    assert_eq!(counted[1], 0, "{pair}");
}

#[test]
fn what_if_scales_the_soaks_of_one_policy_and_says_what_it_assumes() {
    let place = Place::new();
    let text = place.expect("what-if --trials 20", 0).out;
    let bad = ringway_policy::validated::Priors::default().bad;
    let assumed = format!("an update is bad                       {bad} ");
    for words in [
        "RANKS policies. It does NOT PREDICT",
        &assumed,
        "soaks x 1/4",
        "soaks as written",
        "no ring of the policy soaks",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let widest = text.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "{widest:?}: {text}");
    let text = place.expect("what-if --trials 20 --soaks 1,3/2", 0).out;
    assert!(
        text.contains("soaks x 3/2") && !text.contains("1/4"),
        "{text}"
    );
}

#[test]
fn what_is_asked_wrongly_is_refused_before_anything_happens() {
    let place = Place::new();
    for (arguments, code, words) in [
        ("simulate --trials 0", 2, "0 is not in 1..=100000"),
        ("what-if --trials 1", 2, "1 is not in 2..=100000"),
        ("simulate --policy q", 2, "there is no policy `q`"),
        ("simulate --policy P", 2, "did you mean `p`?"),
        (
            "what-if --policy p --policy nothing",
            2,
            "there is no policy `nothing`",
        ),
        ("simulate --update x", 2, "there is no update `x`"),
        ("simulate --world rain", 2, "there is no world `rain`"),
        ("simulate policy.yaml", 2, "there is no fleet"),
        ("what-if --soaks 1,fast", 2, "`fast` in `--soaks 1,fast`"),
        ("what-if --soaks 1/0", 2, "for example `--soaks 0,1/4"),
        ("simulate --all --trials 3", 2, "cannot be used with"),
        ("simulate --html missing/page.html", 1, "cannot be written"),
        ("what-if --html .", 1, "cannot be written"),
        ("simulate --html /dev/null", 1, "it is there and is no file"),
    ] {
        let said = place.expect(arguments, code);
        assert!(said.err.contains(words), "{arguments}: {}", said.err);
        assert!(said.out.is_empty(), "{arguments}: {}", said.out);
    }
    assert_eq!(place.expect("simulate --world calm", 0).code, 0);
}

/// A world in which nothing can be installed on the second ring's hosts.
const WORLD: &str = "\
ringway: world/v1
name: bad
regressions:
  - { name: no-room, select: role = x, does: install-fails }
priors:
  bad: 10%      # more than usual
people: { after_halt: cancel }
";

#[test]
fn a_world_among_the_documents_is_the_one_that_is_tried_and_named_as_the_source_of_what_it_says() {
    let place = Place::new();
    place.write("world.yaml", WORLD);
    let told = json(&place.expect("simulate --output json", 0).out);
    assert_eq!(told["world"]["name"], "bad");
    let rollout = &told["rollouts"][0];
    assert_eq!(rollout["ended"], "cancelled", "{rollout:#}");
    let names = |of: &str| rollout["rings"][1][of].as_array().unwrap().len();
    assert!(names("hit") > 0, "{rollout:#}");
    assert_eq!(names("hit"), names("failed"), "{rollout:#}");
    let halt = rollout["halts"][0]["why"].as_str().unwrap();
    assert!(halt.contains("failed in ring second"), "{halt}");

    let text = place.expect("what-if --trials 20", 0).out;
    let line = |what: &str| {
        text.lines()
            .find(|line| line.trim_start().starts_with(what))
    };
    for (what, value, from) in [
        ("an update is bad", "10%", "world `bad`, line 6"),
        ("harm shows at once", "50%", "default"),
        ("after a halt", "end it there", "world `bad`, line 7"),
        (
            "harm that every future has",
            "no-room",
            "world `bad`, line 3",
        ),
    ] {
        let line = line(what).unwrap();
        assert!(line.contains(value) && line.ends_with(from), "{line}");
    }
    place.write("second.yaml", &WORLD.replace("name: bad", "name: worse"));
    let said = place.expect("simulate", 2);
    assert!(
        said.err.contains("there is more than one world"),
        "{}",
        said.err
    );
    let said = place.expect("what-if --world wors", 2);
    assert!(said.err.contains("did you mean `worse`?"), "{}", said.err);
}

/// Neither a plan that would be refused is tried, nor one of another policy in its place.
#[test]
fn what_cannot_be_planned_is_not_simulated() {
    let place = Place::new();
    place.write(
        "policy.yaml",
        "ringway: policy/v1\nname: p\napplies_to: role = z\nrings:\n  - { name: a, hosts: rest, soak: 0s }\n",
    );
    let plan = place.ringway("plan");
    for command in ["simulate", "simulate --trials 5", "what-if"] {
        let said = place.expect(command, 2);
        assert_eq!(said.err, plan.err, "{command}");
        assert!(said.out.is_empty(), "{}", said.out);
    }
}

#[test]
fn a_page_is_whole_and_loads_nothing() {
    let place = Place::with_approval();
    place.write(
        "at-once.yaml",
        &AT_ONCE.replace("everything", "all-at-once"),
    );
    for command in [
        "simulate --policy p",
        "simulate --policy p --trials 20",
        "what-if --policy p --trials 20",
        "what-if --policy p --policy at-once --trials 20",
    ] {
        let said = place.expect(&format!("{command} --html page.html"), 0);
        assert!(
            said.err.contains("`page.html` has the page"),
            "{}",
            said.err
        );
        let page = std::fs::read_to_string(place.path("page.html")).unwrap();
        assert_eq!(unbalanced(&page), None, "{command}: {page}");
        for outside in [
            "http", "src=", "href=", "url(", "@import", "<script", "<link",
        ] {
            assert!(!page.contains(outside), "{command}: {outside}");
        }
        assert!(page.contains("<svg") && page.contains("prefers-color-scheme: dark"));
        let other = place.expect(&format!("{command} --html again.html"), 0);
        assert_eq!(said.out, other.out);
        assert_eq!(
            page,
            std::fs::read_to_string(place.path("again.html")).unwrap()
        );
    }
}

/// What is wrong with the elements of a page, if anything is.
fn unbalanced(page: &str) -> Option<String> {
    let mut open: Vec<&str> = Vec::new();
    let body = page.strip_prefix("<!DOCTYPE html>\n")?;
    for part in body.split('<').skip(1) {
        let Some((tag, text)) = part.split_once('>') else {
            return Some(format!("`<{part}` is not closed"));
        };
        if text.contains('>') {
            return Some(format!("`{text}` holds what is no text"));
        }
        let name = tag.split(' ').next()?;
        if let Some(name) = name.strip_prefix('/') {
            if open.pop() != Some(name) {
                return Some(format!("`</{name}>` closes nothing"));
            }
        } else if name != "meta" {
            open.push(name);
        }
    }
    open.pop().map(|name| format!("`<{name}>` stays open"))
}

#[test]
fn a_page_that_has_an_element_open_is_seen() {
    for (page, is_well) in [
        ("<!DOCTYPE html>\n<html><p>a</p></html>", true),
        ("<!DOCTYPE html>\n<html><p>a</html>", false),
        ("<!DOCTYPE html>\n<html><p>a</p>", false),
        ("<!DOCTYPE html>\n<html>a > b</html>", false),
    ] {
        assert_eq!(unbalanced(page).is_none(), is_well, "{page}");
    }
}

/// It ends at once, with the code of an interrupted program, and leaves no page and no part of one.
#[test]
fn an_interrupted_calculation_leaves_nothing() {
    let place = Place::new();
    let files = || std::fs::read_dir(place.path("")).unwrap().count();
    let before = files();
    let running = place.spawn("what-if --trials 100000 --html page.html");
    running.until_it_hears();
    running.interrupt();
    let said = running.end();
    assert_eq!(said.code, 130, "{}", said.err);
    assert!(said.out.is_empty(), "{}", said.out);
    assert_eq!(said.err, "interrupted\n");
    assert_eq!(files(), before);
}
