//! How errands lie in the journal.

use ringway_engine::{Event, Then};
use ringway_executor::codec::Batch;
use ringway_model::{Actor, Digest, IntentId, RolloutId, Slot, StepResult, Timestamp, VisitKind};

/// The digest of the bytes as they were committed first.
const ERRANDS: &str = "3e533f82dff2ba8dc62afa680e99e44f058f9ecdf3140c11e644b8195b741ff0";

fn batch() -> Batch {
    let intent = IntentId::new(RolloutId(2), Slot(7), 3);
    let errand = |attempt| Event::StepIssued {
        intent,
        visit: VisitKind::Errand,
        position: 0,
        attempt,
    };
    Batch {
        events: vec![
            errand(1),
            Event::StepEnded {
                intent,
                result: StepResult::Unreachable,
                then: Then::Retry {
                    position: 0,
                    attempt: 2,
                    at: Timestamp(60_000),
                },
            },
            errand(2),
            Event::StepEnded {
                intent,
                result: StepResult::Done,
                then: Then::Over,
            },
        ],
        ..Batch::default()
    }
}

#[test]
fn errands_are_written_and_read_as_they_always_were() {
    let body = batch().encode();
    assert_eq!(Batch::decode(&body).unwrap(), batch());
    assert_eq!(Digest::of(&body).to_string(), ERRANDS, "{body:02x?}");
}

/// The same of what hosts are protected by.
const PROTECTIONS: &str = "c45e8f24b5792197003d81ab8f3a25ee71295fd4745fa4872c37dd9132be0d9a";

fn protections() -> Batch {
    let intent = IntentId::new(RolloutId(2), Slot(7), 3);
    let (rollout, slot, number) = (RolloutId(2), Slot(7), 1);
    let actor = Actor("ana".to_owned());
    Batch {
        events: vec![
            Event::StepEnded {
                intent,
                result: StepResult::Protected {
                    name: "tank/db@one".to_owned(),
                },
                then: Then::Step {
                    position: 4,
                    attempt: 1,
                    ending: ringway_engine::Ending::Well,
                },
            },
            Event::ProtectionEnds {
                rollout,
                slot,
                number,
                actor: None,
                reason: "its time is over".to_owned(),
            },
            Event::ProtectionEnds {
                rollout,
                slot,
                number,
                actor: Some(actor.clone()),
                reason: "the disk is full".to_owned(),
            },
            Event::StepIssued {
                intent,
                visit: VisitKind::Errand,
                position: 1,
                attempt: 1,
            },
            Event::ProtectionGone {
                rollout,
                slot,
                number,
                actor,
                reason: "removed by hand".to_owned(),
            },
        ],
        ..Batch::default()
    }
}

#[test]
fn protections_are_written_and_read_as_they_always_were() {
    let body = protections().encode();
    assert_eq!(Batch::decode(&body).unwrap(), protections());
    assert_eq!(Digest::of(&body).to_string(), PROTECTIONS, "{body:02x?}");
}
