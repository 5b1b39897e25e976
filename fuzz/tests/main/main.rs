//! What fuzzing found worth keeping, replayed: every reader as it is now, with every input that ever led somewhere new.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};

use ringway_fuzz::{TARGETS, corpus, target};

/// All corpora together, in bytes: they are in every clone.
const ALTOGETHER: u64 = 3 << 19;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn replay(name: &str) {
    let file = fs::read(folder().join(format!("{name}.corpus"))).unwrap();
    let inputs = corpus::unpack(&file).unwrap();
    assert!(inputs.len() > 5, "{name} has {} inputs", inputs.len());
    let target = target(name).unwrap();
    for (number, input) in inputs.iter().enumerate() {
        let ran = std::panic::catch_unwind(|| (target.run)(input));
        assert!(
            ran.is_ok(),
            "input {number} of `{name}` fails: {:?}",
            String::from_utf8_lossy(input)
        );
    }
}

macro_rules! replayed {
    ($($test:ident = $name:literal,)*) => {
        $(#[test]
        fn $test() {
            replay($name);
        })*

        /// A target that nobody replays could fail unseen.
        #[test]
        fn every_target_is_replayed_and_every_corpus_has_its_target() {
            let replayed = [$($name),*];
            assert_eq!(TARGETS.map(|target| target.name), replayed);
            let mut files: Vec<String> = fs::read_dir(folder())
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            files.sort();
            let mut expected = replayed.map(|name| format!("{name}.corpus"));
            expected.sort();
            assert_eq!(files, expected);
        }
    };
}

replayed! {
    documents_hold = "documents",
    elements_hold = "elements",
    inventories_hold = "inventories",
    calendars_hold = "icalendar",
    zones_hold = "zones",
    files_of_keys_hold = "known-hosts",
    answers_of_the_envelope_hold = "answers",
    examinations_hold = "examinations",
    rows_hold = "batches",
    journals_and_snapshots_hold = "folds",
    fleets_and_plans_hold = "plans",
    messages_hold = "messages",
    feeds_hold = "feeds",
}

/// Inputs that failed once and are longer than a corpus keeps: `once/TARGET-NUMBER`.
#[test]
fn what_failed_once_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("once");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let (of, _) = name.rsplit_once('-').unwrap();
        let input = fs::read(&path).unwrap();
        let ran = std::panic::catch_unwind(|| (target(of).unwrap().run)(&input));
        assert!(ran.is_ok(), "{name} fails again");
        seen += 1;
    }
    assert!(seen > 0);
}

#[test]
fn the_corpora_stay_small() {
    let sizes = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len());
    let all: u64 = sizes.sum();
    assert!(all <= ALTOGETHER, "{all} bytes");
}

#[test]
fn inputs_that_are_packed_are_unpacked_in_order_and_once() {
    let inputs = [&b"two"[..], b"", b"one", b"three\n%%% x", b"two"];
    let (file, left_out) = corpus::pack(inputs.map(<[u8]>::to_vec));
    assert_eq!(left_out, 0);
    assert_eq!(
        corpus::unpack(&file).unwrap(),
        [&b""[..], b"one", b"two", b"three\n%%% x"]
    );
    for cut in [0, 5, file.len() - 1, file.len() - 14] {
        assert!(corpus::unpack(&file[..cut]).is_err(), "cut at {cut}");
    }
    let long = vec![7; corpus::LARGEST];
    let (file, left_out) = corpus::pack([long, b"short".to_vec()]);
    assert_eq!(
        (corpus::unpack(&file).unwrap(), left_out),
        (vec![&b"short"[..]], 1)
    );
}

/// Without this a target could ask nothing and hold for ever.
#[test]
fn every_target_has_inputs_to_begin_with() {
    for target in &TARGETS {
        let seeds = (target.seeds)();
        let fit = seeds
            .iter()
            .filter(|seed| seed.len() <= target.longest)
            .count();
        assert!(fit >= 4, "`{}` has {fit} of {}", target.name, seeds.len());
    }
}
