//! What every store must do, whatever database is behind it. An implementation calls [`conformance`] with a way to make
//! an empty place, and passes all of it.

use std::collections::BTreeMap;

use ringway_executor::notices::{Matter, Notices, SoFar};
use ringway_executor::port::{AppendFailure, Row};
use ringway_model::{Digest, Epoch};
use ringway_policy::validated::Topic;
use ringway_store::{LoadFrom, ReadModel, Reader, Refusal, Store, WriteError};

use crate::support::{append_rows, blob, is_chain, next_rows, row_after, rows_after, snapshot_at};

/// A place for one database.
pub(crate) trait Place {
    /// Opens the database and takes the fleet over; makes it the first time. Whoever had it open has closed it.
    async fn open(&self) -> Box<dyn Store>;
    /// Takes the fleet over from a decider that does not know and goes on.
    async fn usurp(&self) -> Box<dyn Store>;
    /// Opens the database for reading beside whoever has it open.
    async fn reader(&self) -> Box<dyn Reader>;
}

/// The whole suite; each law starts with a place of its own.
pub(crate) async fn conformance<P: Place>(fresh: impl Fn() -> P) {
    a_new_store_is_empty(&fresh()).await;
    what_was_appended_is_read_back_byte_for_byte(&fresh()).await;
    a_store_knows_itself_again(&fresh()).await;
    a_row_out_of_its_place_is_refused(&fresh()).await;
    a_row_that_does_not_chain_is_refused(&fresh()).await;
    a_row_of_another_epoch_is_refused(&fresh()).await;
    a_row_that_is_too_large_is_refused(&fresh()).await;
    a_batch_is_stored_whole_or_not_at_all(&fresh()).await;
    a_decider_that_was_replaced_writes_nothing(&fresh()).await;
    content_is_kept_once_under_its_digest(&fresh()).await;
    content_under_a_wrong_digest_is_refused(&fresh()).await;
    loading_starts_after_the_newest_snapshot(&fresh()).await;
    a_snapshot_of_a_row_that_is_not_there_is_refused(&fresh()).await;
    pages_join_to_the_whole_journal(&fresh()).await;
    a_page_holds_one_row_however_large(&fresh()).await;
    a_read_model_is_replaced_as_a_whole(&fresh()).await;
    a_read_model_ahead_of_the_journal_is_refused(&fresh()).await;
    a_reader_sees_what_is_committed_while_the_writer_goes_on(&fresh()).await;
    what_is_to_be_told_is_there_with_its_batch_or_not_at_all(&fresh()).await;
}

async fn whole(reader: &dyn Reader) -> Vec<Row> {
    reader.load(LoadFrom::FirstRow).await.unwrap().rows
}

fn refusal(result: Result<(), WriteError>) -> Refusal {
    match result {
        Err(WriteError::Refused(refusal)) => refusal,
        other => panic!("it should have been refused: {other:?}"),
    }
}

async fn a_new_store_is_empty(place: &impl Place) {
    let store = place.open().await;
    let head = store.head().await.unwrap();
    assert_eq!((head.seq, head.hash), (0, Row::GENESIS));
    assert_eq!((store.epoch(), head.epoch), (Epoch(1), Epoch(1)));
    let loaded = store.load(LoadFrom::Snapshot).await.unwrap();
    assert_eq!(loaded.incarnation, head.incarnation);
    assert_eq!(loaded.epoch, Epoch(1));
    assert!(loaded.snapshot.is_none() && loaded.rows.is_empty() && loaded.blobs.is_empty());
    assert!(store.rows(1, 10).await.unwrap().is_empty());
    assert!(store.blob(Digest::of(b"x")).await.unwrap().is_none());
    assert!(store.read_model("status").await.unwrap().is_none());
}

/// Zeros, every byte, the empty body and the largest instant: nothing is taken for text or for a missing value.
async fn what_was_appended_is_read_back_byte_for_byte(place: &impl Place) {
    let store = place.open().await;
    let bytes: Vec<u8> = (0..=255).collect();
    let large = bytes.repeat(80_000);
    let mut rows: Vec<Row> = Vec::new();
    for body in [&b""[..], b"\0", &bytes, &large, b"'; --", &large, b"end"] {
        let (seq, hash) = rows.last().map_or((0, Row::GENESIS), |r| (r.seq, r.hash));
        rows.push(row_after(seq, &hash, store.epoch(), body));
    }
    let hash = rows[5].hash;
    rows[6].at = ringway_model::Timestamp::NEVER;
    rows[6].hash = rows[6].hash_after(&hash);
    store.append(&rows[..1], &[]).await.unwrap();
    store.append(&rows[1..], &[]).await.unwrap();
    assert!(whole(&*store).await == rows, "rows came back changed");
    let head = store.head().await.unwrap();
    assert_eq!((head.seq, head.hash), (7, rows[6].hash));
}

async fn a_store_knows_itself_again(place: &impl Place) {
    let store = place.open().await;
    let first = store.head().await.unwrap();
    let rows = append_rows(&*store, 3).await;
    store.close().await;
    drop(store);
    let store = place.open().await;
    let head = store.head().await.unwrap();
    assert_eq!(head.incarnation, first.incarnation);
    assert_eq!(
        head.epoch,
        Epoch(2),
        "each taking over has a number of its own"
    );
    assert_eq!(whole(&*store).await, rows);
    append_rows(&*store, 1).await;
    let rows = whole(&*store).await;
    assert!(is_chain(&rows));
    assert_eq!(rows[3].epoch, Epoch(2));
}

async fn a_row_out_of_its_place_is_refused(place: &impl Place) {
    let store = place.open().await;
    let rows = next_rows(&*store, 6).await;
    store.append(&rows[..3], &[]).await.unwrap();
    for (batch, expected, found) in [
        (vec![rows[2].clone()], 4, 3),
        (vec![rows[4].clone()], 4, 5),
        (vec![rows[3].clone(), rows[5].clone()], 5, 6),
        (vec![rows[3].clone(), rows[3].clone()], 5, 4),
    ] {
        let refused = refusal(store.append(&batch, &[]).await);
        assert_eq!(refused, Refusal::OutOfSequence { expected, found });
    }
    store.append(&rows[3..], &[]).await.unwrap();
    assert_eq!(whole(&*store).await, rows);
}

async fn a_row_that_does_not_chain_is_refused(place: &impl Place) {
    let store = place.open().await;
    let rows = next_rows(&*store, 4).await;
    store.append(&rows[..2], &[]).await.unwrap();
    // Its own content changed, its place in time changed, or it follows another row than the one that is there.
    let mut changed = rows[2].clone();
    changed.body.push(0);
    let mut moved = rows[2].clone();
    moved.at.0 += 1;
    let elsewhere = row_after(2, &Digest::of(b"elsewhere"), store.epoch(), b"x");
    for row in [changed, moved, elsewhere] {
        let refused = refusal(store.append(&[row], &[]).await);
        assert_eq!(refused, Refusal::BrokenChain { seq: 3 });
    }
    let mut second = rows[3].clone();
    second.body.push(0);
    let refused = refusal(store.append(&[rows[2].clone(), second], &[]).await);
    assert_eq!(refused, Refusal::BrokenChain { seq: 4 });
    assert_eq!(whole(&*store).await, rows[..2]);
}

async fn a_row_of_another_epoch_is_refused(place: &impl Place) {
    let store = place.open().await;
    let row = row_after(0, &Row::GENESIS, Epoch(7), b"x");
    let refused = refusal(store.append(&[row], &[]).await);
    let (found, held) = (Epoch(7), Epoch(1));
    assert_eq!(
        refused,
        Refusal::ForeignEpoch {
            seq: 1,
            found,
            held
        }
    );
}

/// Before anything of it is copied: the limit is there so that nobody finds out what a gigabyte does.
async fn a_row_that_is_too_large_is_refused(place: &impl Place) {
    let store = place.open().await;
    let mut rows = next_rows(&*store, 1).await;
    rows[0].body = vec![0; 2 << 30];
    let refused = refusal(store.append(&rows, &[]).await);
    assert!(
        matches!(refused, Refusal::TooLarge { bytes, limit } if bytes == 2 << 30 && limit < bytes)
    );
}

/// Neither the rows before a bad one nor the content that came with them may stay.
async fn a_batch_is_stored_whole_or_not_at_all(place: &impl Place) {
    let store = place.open().await;
    let mut rows = next_rows(&*store, 3).await;
    rows[0].hash = Digest::of(b"wrong");
    rows[1].hash = rows[1].hash_after(&rows[0].hash);
    rows[2].hash = rows[2].hash_after(&rows[1].hash);
    let fleet = blob("fleet", b"a fleet");
    let refused = refusal(store.append(&rows, std::slice::from_ref(&fleet)).await);
    assert_eq!(refused, Refusal::BrokenChain { seq: 1 });
    assert!(whole(&*store).await.is_empty());
    assert!(store.blob(fleet.digest).await.unwrap().is_none());
}

async fn a_decider_that_was_replaced_writes_nothing(place: &impl Place) {
    let old = place.open().await;
    let rows = append_rows(&*old, 2).await;
    let new = place.usurp().await;
    assert!(new.epoch() > old.epoch());
    let late = rows_after(
        &ringway_store::Head {
            epoch: old.epoch(),
            ..old.head().await.unwrap()
        },
        1,
    );
    let (held, current) = (old.epoch(), new.epoch());
    let model = ReadModel {
        name: "status".into(),
        seq: 0,
        entries: BTreeMap::new(),
    };
    for (what, result) in [
        ("rows", old.append(&late, &[]).await),
        ("content", old.append(&[], &[blob("plan", b"p")]).await),
        (
            "a snapshot",
            old.keep_snapshot(&snapshot_at(&rows[1])).await,
        ),
        ("a read model", old.replace_read_model(&model).await),
    ] {
        let error = result.expect_err(what);
        assert!(
            matches!(&error, WriteError::Fenced { held: h, current: c } if (*h, *c) == (held, current)),
            "{what}: {error}"
        );
        assert_eq!(AppendFailure::from(error), AppendFailure::Fenced);
    }
    assert_eq!(old.load(LoadFrom::Snapshot).await.unwrap().epoch, held);
    assert_eq!(whole(&*new).await, rows);
    assert!(new.blob(Digest::of(b"p")).await.unwrap().is_none());
    append_rows(&*new, 1).await;
    assert!(is_chain(&whole(&*new).await));
}

async fn content_is_kept_once_under_its_digest(place: &impl Place) {
    let store = place.open().await;
    let blobs = [
        blob("fleet", b"a fleet"),
        blob("document", "fleet.yaml\u{1f6a2}".as_bytes()),
        blob("plan", b""),
    ];
    let rows = next_rows(&*store, 2).await;
    store.append(&rows[..1], &blobs).await.unwrap();
    store.append(&rows[1..], &blobs[..1]).await.unwrap();
    for blob in &blobs {
        assert_eq!(store.blob(blob.digest).await.unwrap().as_ref(), Some(blob));
    }
    let loaded = store.load(LoadFrom::Snapshot).await.unwrap();
    let to_fold = [blobs[0].clone(), blobs[2].clone()];
    assert_eq!(loaded.blobs, to_fold, "texts are not needed for folding");
}

async fn content_under_a_wrong_digest_is_refused(place: &impl Place) {
    let store = place.open().await;
    let mut forged = blob("plan", b"a plan");
    forged.bytes = b"another plan".to_vec();
    let rows = next_rows(&*store, 1).await;
    let digest = forged.digest;
    let refused = refusal(store.append(&rows, &[forged]).await);
    assert_eq!(refused, Refusal::WrongDigest { digest });
    assert!(whole(&*store).await.is_empty());
}

/// Two are kept; which one is the newest is a matter of rows, not of when it was stored.
async fn loading_starts_after_the_newest_snapshot(place: &impl Place) {
    let store = place.open().await;
    let rows = append_rows(&*store, 9).await;
    for seq in [2, 5, 8, 8] {
        store
            .keep_snapshot(&snapshot_at(&rows[seq - 1]))
            .await
            .unwrap();
    }
    store.keep_snapshot(&snapshot_at(&rows[3])).await.unwrap();
    for reader in [&*store as &dyn Reader, &*place.reader().await] {
        let loaded = reader.load(LoadFrom::Snapshot).await.unwrap();
        assert_eq!(loaded.snapshot, Some(snapshot_at(&rows[7])));
        assert_eq!(loaded.rows, rows[8..]);
        let loaded = reader.load(LoadFrom::FirstRow).await.unwrap();
        assert_eq!((loaded.snapshot, loaded.rows.len()), (None, 9));
    }
}

async fn a_snapshot_of_a_row_that_is_not_there_is_refused(place: &impl Place) {
    let store = place.open().await;
    let rows = append_rows(&*store, 2).await;
    let mut other = snapshot_at(&rows[1]);
    other.hash = Digest::of(b"another journal");
    let ahead = snapshot_at(&row_after(2, &rows[1].hash, store.epoch(), b"x"));
    for (snapshot, seq) in [(other, 2), (ahead, 3)] {
        let refused = refusal(store.keep_snapshot(&snapshot).await);
        assert_eq!(refused, Refusal::UnknownRow { seq });
    }
    let loaded = store.load(LoadFrom::Snapshot).await.unwrap();
    assert_eq!(loaded.snapshot, None);
}

async fn pages_join_to_the_whole_journal(place: &impl Place) {
    let store = place.open().await;
    let rows = append_rows(&*store, 250).await;
    let (mut read, mut sizes) = (Vec::new(), Vec::new());
    loop {
        let page = store.rows(read.len() as u64 + 1, 100).await.unwrap();
        if page.is_empty() {
            break;
        }
        sizes.push(page.len());
        read.extend(page);
    }
    assert_eq!(sizes, [100, 100, 50]);
    assert_eq!(read, rows);
    assert_eq!(store.rows(0, 2).await.unwrap(), rows[..2]);
    assert!(store.rows(u64::MAX, 2).await.unwrap().is_empty());
    assert!(store.rows(1, 0).await.unwrap().is_empty());
}

async fn a_page_holds_one_row_however_large(place: &impl Place) {
    let store = place.open().await;
    let (mut seq, mut hash) = (0, Row::GENESIS);
    for size in [1, 20 << 20, 9 << 20, 9 << 20, 1] {
        let row = row_after(seq, &hash, store.epoch(), &vec![7; size]);
        store.append(std::slice::from_ref(&row), &[]).await.unwrap();
        (seq, hash) = (row.seq, row.hash);
    }
    let (mut from, mut pages) = (1, Vec::new());
    while let Some(last) = store.rows(from, 100).await.unwrap().last() {
        pages.push((from, last.seq));
        from = last.seq + 1;
    }
    assert_eq!(pages, [(1, 1), (2, 2), (3, 3), (4, 5)]);
}

async fn a_read_model_is_replaced_as_a_whole(place: &impl Place) {
    let store = place.open().await;
    append_rows(&*store, 2).await;
    let model = |name: &str, seq, entries: &[(&str, &str)]| ReadModel {
        name: name.into(),
        seq,
        entries: entries
            .iter()
            .map(|(key, json)| ((*key).to_owned(), (*json).to_owned()))
            .collect(),
    };
    let first = model("status", 1, &[("r1", "{}"), ("r2", r#"{"ring":"lab"}"#)]);
    let second = model(
        "status",
        2,
        &[("r2", "\"\u{1f6a2}\0'\""), ("r3", ""), ("", "1")],
    );
    let other = model("hosts", 2, &[]);
    for model in [&first, &other, &second] {
        store.replace_read_model(model).await.unwrap();
    }
    for reader in [&*store as &dyn Reader, &*place.reader().await] {
        assert_eq!(
            reader.read_model("status").await.unwrap(),
            Some(second.clone())
        );
        assert_eq!(
            reader.read_model("hosts").await.unwrap(),
            Some(other.clone())
        );
        assert_eq!(reader.read_model("rings").await.unwrap(), None);
    }
}

async fn a_read_model_ahead_of_the_journal_is_refused(place: &impl Place) {
    let store = place.open().await;
    append_rows(&*store, 2).await;
    let model = ReadModel {
        name: "status".into(),
        seq: 3,
        entries: BTreeMap::new(),
    };
    let refused = refusal(store.replace_read_model(&model).await);
    assert_eq!(refused, Refusal::UnknownRow { seq: 3 });
    assert_eq!(store.read_model("status").await.unwrap(), None);
}

async fn a_reader_sees_what_is_committed_while_the_writer_goes_on(place: &impl Place) {
    let store = place.open().await;
    append_rows(&*store, 2).await;
    let reader = place.reader().await;
    assert_eq!(reader.head().await.unwrap(), store.head().await.unwrap());
    assert_eq!(whole(&*reader).await.len(), 2);
    append_rows(&*store, 3).await;
    assert_eq!(whole(&*reader).await.len(), 5);
    assert_eq!(reader.head().await.unwrap(), store.head().await.unwrap());
    assert_eq!(
        reader.load(LoadFrom::Snapshot).await.unwrap().epoch,
        store.epoch()
    );
}

fn halted(key: &str) -> Matter {
    Matter {
        key: key.to_owned(),
        plan: Digest::of(b"plan"),
        rule: "ops".to_owned(),
        topic: Topic::Halted,
        fleet: "corp".to_owned(),
        rollout: None,
        change: None,
        policy: "p".to_owned(),
        update: "u".to_owned(),
        why: "it halted".to_owned(),
        unblocked_by: None,
        commands: Vec::new(),
    }
}

#[expect(clippy::too_many_lines, reason = "the story is told as one")]
async fn what_is_to_be_told_is_there_with_its_batch_or_not_at_all(place: &impl Place) {
    let store = place.open().await;
    let open = |keys: &[&str]| Notices {
        open: Some(keys.iter().map(|key| halted(key)).collect()),
        happened: Vec::new(),
    };
    let rows = next_rows(&*store, 4).await;
    store
        .append_and_tell(&rows[..1], &[], &open(&["a", "b"]))
        .await
        .unwrap();
    // A batch that is refused leaves nothing behind.
    let refused = store.append_and_tell(&rows[..1], &[], &open(&["c"])).await;
    assert!(refused.is_err());
    store
        .append_and_tell(&rows[1..2], &[], &open(&["b"]))
        .await
        .unwrap();
    let mut happened = open(&["a", "b"]);
    happened.happened.push(halted("once"));
    store
        .append_and_tell(&rows[2..3], &[], &happened)
        .await
        .unwrap();
    store.append(&rows[3..], &[]).await.unwrap();
    let outbox = store.outbox().await.unwrap();
    let stand: Vec<_> = outbox
        .iter()
        .map(|one| (one.id, one.matter.key.as_str(), one.opened, one.closed))
        .collect();
    let at = |row: usize| rows[row].at;
    assert_eq!(
        stand,
        [
            (1, "a", at(0), Some(at(1))),
            (2, "b", at(0), None),
            (3, "a", at(2), None),
            (4, "once", at(2), Some(at(2))),
        ]
    );
    let told = SoFar {
        times: 1,
        ..SoFar::default()
    };
    store
        .write_outbox(&[(2, told.clone()), (99, told.clone())], &[4])
        .await
        .unwrap();
    store.close().await;
    drop(store);
    let store = place.open().await;
    let outbox = store.outbox().await.unwrap();
    assert_eq!(outbox.len(), 3);
    assert_eq!(outbox[1].so_far, told);
    let rows = next_rows(&*store, 1).await;
    let mut last = Notices::NONE;
    last.happened.push(halted("later"));
    store.append_and_tell(&rows, &[], &last).await.unwrap();
    let outbox = store.outbox().await.unwrap();
    assert_eq!(outbox.last().unwrap().id, 5, "a number is never used again");
    // What is news only once goes on under its number when it is so again.
    let rows = next_rows(&*store, 3).await;
    for (number, keys) in [(0, &["late"][..]), (1, &[]), (2, &["late"])] {
        let mut late = open(keys);
        for matter in late.open.iter_mut().flatten() {
            matter.topic = Topic::Overdue;
        }
        let row = &rows[number..=number];
        store.append_and_tell(row, &[], &late).await.unwrap();
    }
    let outbox = store.outbox().await.unwrap();
    let late = outbox.iter().filter(|one| one.matter.key == "late");
    let late: Vec<_> = late.map(|one| (one.id, one.opened, one.closed)).collect();
    assert_eq!(late, [(6, rows[0].at, None)]);
}
