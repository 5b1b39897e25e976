//! Rows read back, whole and damaged.

use ringway_executor::Library;
use ringway_executor::codec::{Batch, lines};
use ringway_executor::fold::{Corrupt, Fold};
use ringway_executor::port::{Blob, Ended, Row, Snapshot};
use ringway_model::{Digest, Epoch, Timestamp};

use crate::rig::{Rig, World, is_completed};

fn finished() -> Rig {
    let mut rig = Rig::new();
    rig.propose(1);
    rig.finish();
    rig
}

fn read(rows: &[Row], blobs: &[Blob]) -> Result<Fold, Corrupt> {
    let mut fold = Fold::new(&Library::read(blobs)?);
    for row in rows {
        fold.row(row)?;
    }
    Ok(fold)
}

/// The hashes from `from` on as somebody would write them who knows how.
fn rehash(rows: &mut [Row], from: usize) {
    for index in from..rows.len() {
        let prev = index
            .checked_sub(1)
            .map_or(Row::GENESIS, |before| rows[before].hash);
        rows[index].hash = rows[index].hash_after(&prev);
    }
}

#[test]
fn whatever_is_changed_in_a_row_is_found_at_that_row() {
    let World { rows, blobs, .. } = finished().world;
    let changes: [fn(&mut Row); 5] = [
        |row| row.at = Timestamp(row.at.0 + 1),
        |row| row.epoch = Epoch(row.epoch.0 + 1),
        |row| *row.body.last_mut().unwrap() ^= 1,
        |row| row.body.push(0),
        |row| row.hash = Digest::of(b"another"),
    ];
    for index in [0, rows.len() / 2, rows.len() - 1] {
        for change in changes {
            let mut damaged = rows.clone();
            change(&mut damaged[index]);
            let seq = index as u64 + 1;
            assert_eq!(read(&damaged, &blobs).unwrap_err(), Corrupt::Chain { seq });
        }
    }
}

#[test]
fn a_missing_repeated_or_swapped_row_is_a_gap() {
    let World { rows, blobs, .. } = finished().world;
    let mut missing = rows.clone();
    missing.remove(3);
    assert_eq!(
        read(&missing, &blobs).unwrap_err(),
        Corrupt::Gap { after: 3, found: 5 }
    );
    let mut repeated = rows.clone();
    repeated.insert(3, rows[2].clone());
    assert_eq!(
        read(&repeated, &blobs).unwrap_err(),
        Corrupt::Gap { after: 3, found: 3 }
    );
    let mut swapped = rows;
    swapped.swap(3, 4);
    assert_eq!(
        read(&swapped, &blobs).unwrap_err(),
        Corrupt::Gap { after: 3, found: 5 }
    );
}

/// Somebody who can compute hashes still cannot make another history of it unseen.
#[test]
fn a_forged_chain_is_found_by_time_epoch_body_event_or_state() {
    let World { rows, blobs, .. } = finished().world;
    let forged = |index: usize, change: &dyn Fn(&mut Row)| {
        let mut forged = rows.clone();
        change(&mut forged[index]);
        rehash(&mut forged, index);
        read(&forged, &blobs).unwrap_err()
    };
    let late = forged(9, &|row| row.at = Timestamp(0));
    assert_eq!(late, Corrupt::Time { seq: 10 });
    let old = forged(9, &|row| row.epoch = Epoch(0));
    assert!(
        matches!(
            old,
            Corrupt::Epoch {
                seq: 10,
                found: Epoch(0),
                ..
            }
        ),
        "{old:?}"
    );
    let unreadable = forged(9, &|row| row.body[0] = 9);
    assert_eq!(
        unreadable.to_string(),
        "row 10: the batch has format version 9, which this Ringway cannot read (it reads 1 to 2)"
    );
    let with_state = rows
        .iter()
        .position(|row| Batch::decode(&row.body).unwrap().state.is_some())
        .expect("the journal has state digests");
    let another = forged(with_state, &|row| {
        let mut batch = Batch::decode(&row.body).unwrap();
        batch.state = Some(Digest::of(b"another"));
        row.body = batch.encode();
    });
    assert!(matches!(another, Corrupt::State { .. }), "{another:?}");
    let without_plan: Vec<Blob> = blobs
        .iter()
        .filter(|blob| blob.kind != "plan")
        .cloned()
        .collect();
    let missing = read(&rows, &without_plan).unwrap_err();
    assert!(
        matches!(missing, Corrupt::Event { seq: 1, .. }),
        "{missing:?}"
    );
}

#[test]
fn content_that_is_not_what_its_digest_says_is_refused() {
    let World { blobs, .. } = finished().world;
    for kind in ["fleet", "plan"] {
        let mut damaged = blobs.clone();
        let blob = damaged.iter_mut().find(|blob| blob.kind == kind).unwrap();
        blob.bytes[1] ^= 1;
        let error = Library::read(&damaged).unwrap_err().to_string();
        assert!(
            error.contains("has another digest") && error.contains(kind),
            "{error}"
        );
    }
}

#[test]
fn a_loop_does_not_go_on_from_a_damaged_journal() {
    let mut world = finished().world;
    world.snapshots.clear();
    world.rows[3].body[4] ^= 1;
    let mut rig = Rig::with(world, crate::rig::START);
    rig.propose(1);
    rig.settle();
    let Some(Ended::Corrupt(why)) = &rig.ended else {
        panic!("{:?}", rig.ended);
    };
    assert_eq!(
        why,
        "the hash of row 4 does not follow from the row before it"
    );
    assert_eq!(rig.replies[&1].as_ref().unwrap_err().code, "try-again");
}

#[test]
fn a_loop_behind_a_later_decider_ends() {
    let mut world = finished().world;
    world.epoch = 0;
    for row in &mut world.rows {
        row.epoch = Epoch(5);
    }
    rehash(&mut world.rows, 0);
    world.snapshots.clear();
    let mut rig = Rig::with(world, crate::rig::START);
    rig.settle();
    assert_eq!(rig.ended, Some(Ended::Fenced));
}

#[test]
fn a_recovery_from_a_snapshot_is_one_from_the_first_row() {
    let full = finished();
    let library = Library::read(&full.world.blobs).unwrap();
    assert!(full.world.snapshots.len() > 1);
    for snapshot in &full.world.snapshots {
        let mut fold = Fold::after(snapshot, &library).unwrap();
        for row in full.world.rows.iter().filter(|row| row.seq > snapshot.seq) {
            fold.row(row).unwrap();
        }
        let (_, whole) = full.journal();
        assert_eq!(fold.head(), whole.head());
        assert_eq!(fold.engine().state_digest(), whole.engine().state_digest());
        assert_eq!(fold.snapshot(), whole.snapshot());
    }
}

#[test]
fn a_damaged_snapshot_is_not_used() {
    let rig = finished();
    let library = Library::read(&rig.world.blobs).unwrap();
    let good = rig.world.snapshots.last().unwrap();
    let changes: [fn(&mut Snapshot); 5] = [
        |snapshot| snapshot.seq += 1,
        |snapshot| snapshot.hash = Digest::of(b"another"),
        |snapshot| snapshot.state = Digest::of(b"another"),
        |snapshot| snapshot.body[0] = 77,
        |snapshot| snapshot.body.truncate(20),
    ];
    for change in changes {
        let mut damaged = good.clone();
        change(&mut damaged);
        assert!(Fold::after(&damaged, &library).is_err());
    }
}

#[test]
fn a_process_that_starts_in_the_middle_with_and_without_snapshots_ends_alike() {
    for uses_snapshots in [true, false] {
        let mut rig = Rig::new();
        rig.uses_snapshots = uses_snapshots;
        rig.propose(1);
        while rig.world.rows.len() < 40 {
            let wake = rig.wake.unwrap_or(rig.now);
            rig.run_to(wake);
        }
        assert!(!rig.world.snapshots.is_empty());
        rig.crash();
        rig.finish();
        assert!(is_completed(&rig));
    }
}

#[test]
fn a_row_is_shown_line_by_line() {
    let rig = finished();
    let row = &rig.world.rows[0];
    let batch = Batch::decode(&row.body).unwrap();
    let shown: Vec<String> = lines(row, &batch)
        .map(|line| serde_json::to_string(&line).unwrap())
        .collect();
    assert_eq!(shown.len(), batch.inputs.len() + batch.events.len());
    assert!(
        shown[1].starts_with(r#"{"seq":1,"at":"2026-04-14T17:00:00Z","epoch":1,"what":{"input":{"Command":{"actor":"ana""#),
        "{}",
        shown[1]
    );
    assert!(shown.iter().all(|line| !line.contains('\n')));
}
