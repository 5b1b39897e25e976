//! What came with lanes, as it is written: variants that came later are at the end of their enums.

use ringway_engine::{Command, Event, Input, Subject};
use ringway_executor::codec::Batch;
use ringway_model::{Digest, RolloutId};

use crate::codec::{ana, hex, text};

/// What came with lanes is at the end as well.
#[test]
fn a_batch_with_lanes_encodes_to_the_bytes_that_were_committed() {
    let (rollout, plan) = (RolloutId(1), Digest::of(b"plan"));
    let (lane, reason) = (|| text("expedite"), || text("exploited"));
    let command = |command| Input::Command {
        actor: ana(),
        command,
    };
    let batch = Batch {
        inputs: vec![
            command(Command::ProposeIn {
                fleet: Digest::of(b"fleet"),
                plan,
                key: None,
                change: None,
                reason: reason(),
            }),
            command(Command::Expedite {
                rollout,
                plan,
                reason: reason(),
            }),
            command(Command::Approve {
                rollout,
                subject: Subject::Lane,
                digest: Digest::of(b"shown"),
            }),
        ],
        events: vec![
            Event::LaneEntered {
                rollout,
                lane: lane(),
                actor: ana(),
                reason: reason(),
            },
            Event::LaneAsked {
                rollout,
                lane: lane(),
                plan,
                actor: ana(),
                reason: reason(),
            },
            Event::LaneLapsed {
                rollout,
                why: reason(),
            },
            Event::Expedited {
                rollout,
                lane: Some(lane()),
                plan,
                actor: ana(),
                reason: reason(),
                people: vec![text("ben")],
            },
        ],
        ..Batch::default()
    };
    let body = batch.encode();
    assert_eq!(
        Digest::of(&body).to_string(),
        "fc439056ac6f206d50372a0f3d28fb4ac892aed7cd3dba0924f0347ff38b4014",
        "{}",
        hex(&body)
    );
    assert_eq!(Batch::decode(&body), Ok(batch));
}
