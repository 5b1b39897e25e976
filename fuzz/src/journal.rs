//! What the store gives back: rows, snapshots, fleets and plans as bytes. Damaged or not, they are read or refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use ringway_engine::Engine;
use ringway_executor::Library;
use ringway_executor::codec::{self, Batch};
use ringway_executor::fold::{Fold, Head};
use ringway_executor::port::{Row, Snapshot};
use ringway_model::{Digest, Epoch, Timestamp};
use ringway_scheduler::{FleetSpec, Plan};
use ringway_simulator::history::History;
use serde::{Deserialize, Serialize};

/// Journals whose fleets and plans are known where rows are folded.
pub(crate) const HISTORIES: [&str; 3] = [
    include_str!("../../tests/histories/completed.jsonl"),
    include_str!("../../tests/histories/halted-and-rolled-back.jsonl"),
    include_str!("../../tests/histories/people-about-hosts.jsonl"),
];

pub(crate) fn histories() -> Vec<History> {
    let read = |text| History::read(text).expect("the recorded journals read");
    HISTORIES.map(read).into()
}

fn library() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let blobs = histories().into_iter().flat_map(|history| history.blobs);
        Library::read(&blobs.collect::<Vec<_>>()).expect("the recorded journals fold")
    })
}

/// One row's body: it is written as it was read, and its lines have a form for programs.
pub(crate) fn batches(input: &[u8]) {
    let Ok(batch) = Batch::decode(input) else {
        return;
    };
    let bytes = batch.encode();
    assert_eq!(Batch::decode(&bytes).as_ref(), Ok(&batch));
    let text = serde_json::to_string(&batch).expect("a batch has a JSON form");
    let again: Batch = serde_json::from_str(&text).expect("the form reads");
    assert_eq!(batch, again, "through JSON");
    let row = Row {
        seq: 1,
        at: Timestamp(0),
        epoch: Epoch(1),
        body: bytes,
        hash: Row::GENESIS,
    };
    for line in codec::lines(&row, &batch) {
        drop(serde_json::to_string(&line).expect("a line has a JSON form"));
    }
}

/// A journal as fuzzing makes it: how much later each row is, its epoch and its body.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Journal {
    /// The rows. Each has the hash that follows from the rows before it: a wrong one is found before anything is read.
    pub(crate) rows: Vec<(u32, u8, Vec<u8>)>,
    /// A snapshot's body.
    pub(crate) snapshot: Vec<u8>,
}

/// Rows and a snapshot, folded: what fits is a state that reads back, what does not is refused.
pub(crate) fn folds(input: &[u8]) {
    let Ok(journal) = postcard::from_bytes::<Journal>(input) else {
        return;
    };
    let mut fold = Fold::new(library());
    let (mut hash, mut at) = (Row::GENESIS, 1_776_000_000_000);
    for (seq, (later, epoch, body)) in (1..).zip(journal.rows) {
        at += i64::from(later);
        let mut row = Row {
            seq,
            at: Timestamp(at),
            epoch: Epoch(u64::from(epoch)),
            body,
            hash,
        };
        row.hash = row.hash_after(&hash);
        hash = row.hash;
        if fold.row(&row).is_err() {
            break;
        }
    }
    // Whatever the rows added up to, a snapshot of it is the same.
    if fold.head().seq > 0 {
        let snapshot = fold.snapshot();
        match Fold::after(&snapshot, library()) {
            Ok(after) => assert_eq!(after.engine().state_digest(), fold.engine().state_digest()),
            Err(error) => panic!("a snapshot does not read back: {error}"),
        }
    }
    snapshot(journal.snapshot);
}

/// A snapshot's body, whose head is believed so that the rest of it is read.
fn snapshot(body: Vec<u8>) {
    let Some((_, rest)) = body.split_first() else {
        return;
    };
    let Ok((head, _)) = postcard::take_from_bytes::<Head>(rest) else {
        return;
    };
    let snapshot = Snapshot {
        seq: head.seq,
        hash: head.hash,
        state: Digest::of(b""),
        body,
    };
    assert!(
        Fold::after(&snapshot, library()).is_err(),
        "its digest is another one"
    );
}

/// A fleet, a plan, and a state, each read from all of the bytes.
pub(crate) fn plans(input: &[u8]) {
    if let Ok(fleet) = FleetSpec::decode(input) {
        let (digest, bytes) = fleet.encode();
        assert_eq!(digest, fleet.digest());
        assert_eq!(FleetSpec::decode(&bytes).as_ref(), Ok(&fleet));
        let text = serde_json::to_string(&fleet).expect("a fleet has a JSON form");
        // Who is gone is told beside it.
        let shown = FleetSpec {
            vanished: BTreeSet::new(),
            ..fleet
        };
        assert_eq!(
            serde_json::from_str::<FleetSpec>(&text).ok().as_ref(),
            Some(&shown)
        );
    }
    if let Ok(plan) = Plan::decode(input) {
        let (digest, bytes) = plan.encode();
        assert_eq!(digest, plan.digest());
        assert_eq!(Plan::decode(&bytes).as_ref(), Ok(&plan));
    }
    let (fleets, plans): (BTreeMap<_, _>, BTreeMap<_, _>) =
        (library().fleets.clone(), library().plans.clone());
    if let Ok(engine) = Engine::decode(input, fleets.clone(), plans.clone()) {
        let bytes = engine.encode();
        let again = Engine::decode(&bytes, fleets, plans).expect("it was encoded");
        assert_eq!(again.encode(), bytes);
    }
}
