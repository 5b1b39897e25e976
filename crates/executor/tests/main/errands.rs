//! How errands lie in the journal.

use ringway_engine::{Event, Then};
use ringway_executor::codec::Batch;
use ringway_model::{Digest, IntentId, RolloutId, Slot, StepResult, Timestamp, VisitKind};

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
