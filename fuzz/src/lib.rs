//! What fuzzing gives every reader of something that comes from outside, and what must hold of the answer.
//!
//! A [`Target`] is a function of bytes that returns whatever they are, or panics where something does not hold that must:
//! a problem that points outside of its text, a value that is written and does not read back, a window that is open and
//! shut at once. libFuzzer calls it through `fuzz/libfuzzer`, an ordinary test with what was found before ([`corpus`]),
//! and `fuzz-corpus` with one file. None of them has code of its own for it.
//!
//! Nothing here measures time or memory; who calls a target does.

pub mod corpus;
mod documents;
mod elements;
mod feeds;
mod hosts;
mod journal;
mod parts;
pub mod seeds;
mod when;
mod wire;
mod words;

/// One reader, or some that read the same.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// What it reads.
    pub about: &'static str,
    /// The longest input that fuzzing makes, in bytes. More of the same finds nothing new, and takes its time.
    pub longest: usize,
    /// Reads an input. Panics where something does not hold.
    pub run: fn(&[u8]),
    /// Inputs to begin with, from the repository.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Words that inputs are made of.
    pub words: fn() -> Vec<String>,
}

/// Every target.
pub const TARGETS: [Target; 13] = [
    Target {
        name: "documents",
        about: "documents of every kind together, planned and linted where they are valid",
        longest: 6 << 10,
        run: documents::documents,
        seeds: seeds::documents,
        words: words::documents,
    },
    Target {
        name: "elements",
        about: "what is written in one scalar: selectors, spans, shares, days, cron, hours, moments, zones, names, hops",
        longest: 160,
        run: elements::run,
        seeds: elements::seeds,
        words: words::elements,
    },
    Target {
        name: "inventories",
        about: "Ansible inventories in INI, YAML and JSON, with what lies beside them; tables; what commands print",
        longest: 4 << 10,
        run: documents::inventories,
        seeds: seeds::inventories,
        words: words::inventories,
    },
    Target {
        name: "icalendar",
        about: "iCalendar files, and what is open when they freeze a host",
        longest: 3 << 10,
        run: documents::icalendar,
        seeds: seeds::icalendar,
        words: words::icalendar,
    },
    Target {
        name: "zones",
        about: "files of the time zone database, and windows on the clock they describe",
        longest: 4 << 10,
        run: when::zones,
        seeds: seeds::zones,
        words: Vec::new,
    },
    Target {
        name: "known-hosts",
        about: "`known_hosts` files and private keys",
        longest: 3 << 10,
        run: hosts::known_hosts,
        seeds: seeds::known_hosts,
        words: words::known_hosts,
    },
    Target {
        name: "answers",
        about: "what the envelope says on a host, and what its restarts left",
        longest: 2 << 10,
        run: hosts::answers,
        seeds: seeds::answers,
        words: words::answers,
    },
    Target {
        name: "examinations",
        about: "what a host tells of itself, what `ssh` complains of, and what a login shell prints",
        longest: 2 << 10,
        run: hosts::examinations,
        seeds: seeds::examinations,
        words: words::examinations,
    },
    Target {
        name: "batches",
        about: "rows of the journal",
        longest: 2 << 10,
        run: journal::batches,
        seeds: seeds::batches,
        words: Vec::new,
    },
    Target {
        name: "folds",
        about: "journals and snapshots, read back into a state",
        longest: 6 << 10,
        run: journal::folds,
        seeds: seeds::folds,
        words: Vec::new,
    },
    Target {
        name: "plans",
        about: "encoded fleets and plans",
        longest: 4 << 10,
        run: journal::plans,
        seeds: seeds::plans,
        words: Vec::new,
    },
    Target {
        name: "messages",
        about: "what callers say at the socket and leave in the inbox, and its answers",
        longest: 3 << 10,
        run: wire::run,
        seeds: seeds::messages,
        words: words::messages,
    },
    Target {
        name: "feeds",
        about: "what vendors publish about their updates, and the updates it makes",
        longest: 8 << 10,
        run: feeds::run,
        seeds: seeds::feeds,
        words: words::feeds,
    },
];

/// The target of this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
