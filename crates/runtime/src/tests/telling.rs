//! What lies in the outbox is told, also where the store could not be read for a moment.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use ringway_executor::notices::{Matter, Notices, SoFar, Told};
use ringway_executor::port::{Blob, Loaded, Row, Snapshot};
use ringway_model::{Digest, Epoch, Span, Timestamp};
use ringway_policy::validated::{Command as Run, NotifyRule, NotifyTo, Topic};
use ringway_store::{Answer, Head, LoadFrom, ReadError, ReadModel, Reader, Store, WriteError};
use tokio::sync::{Notify, mpsc};

use super::doubles::{Double, Everybody, Nothing, proposal};
use crate::clock::Clock;
use crate::stopfile::StopFile;
use crate::telling::{Haste, Teller};
use crate::workers::{Tasks, Workers};

/// How reading a plan goes, one after the other.
type Reads = VecDeque<Result<Option<Blob>, ReadError>>;

/// A store with an outbox.
struct Post {
    outbox: Mutex<Vec<Told>>,
    reads: Mutex<Reads>,
}

impl Reader for Post {
    fn head(&self) -> Answer<'_, Head, ReadError> {
        static NOTHING: Nothing = Nothing;
        NOTHING.head()
    }

    fn load(&self, _: LoadFrom) -> Answer<'_, Loaded, ReadError> {
        Box::pin(async { Ok(Loaded::default()) })
    }

    fn rows(&self, _: u64, _: u32) -> Answer<'_, Vec<Row>, ReadError> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn fleets_and_plans(&self) -> Answer<'_, Vec<Blob>, ReadError> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn blob(&self, _: Digest) -> Answer<'_, Option<Blob>, ReadError> {
        let read = self.reads.lock().unwrap().pop_front();
        Box::pin(async { read.expect("nothing more is read") })
    }

    fn outbox(&self) -> Answer<'_, Vec<Told>, ReadError> {
        let outbox = self.outbox.lock().unwrap().clone();
        Box::pin(async { Ok(outbox) })
    }

    fn read_model<'a>(&'a self, _: &'a str) -> Answer<'a, Option<ReadModel>, ReadError> {
        Box::pin(async { Ok(None) })
    }
}

impl Store for Post {
    fn epoch(&self) -> Epoch {
        Epoch(1)
    }

    fn append_and_tell<'a>(
        &'a self,
        _: &'a [Row],
        _: &'a [Blob],
        _: &'a Notices,
    ) -> Answer<'a, (), WriteError> {
        Box::pin(async { Ok(()) })
    }

    fn write_outbox<'a>(
        &'a self,
        so_far: &'a [(u64, SoFar)],
        forgotten: &'a [u64],
    ) -> Answer<'a, (), WriteError> {
        let mut outbox = self.outbox.lock().unwrap();
        outbox.retain(|one| !forgotten.contains(&one.id));
        for (id, so_far) in so_far {
            for one in outbox.iter_mut().filter(|one| one.id == *id) {
                one.so_far = so_far.clone();
            }
        }
        Box::pin(async { Ok(()) })
    }

    fn keep_snapshot<'a>(&'a self, _: &'a Snapshot) -> Answer<'a, (), WriteError> {
        Box::pin(async { Ok(()) })
    }

    fn replace_read_model<'a>(&'a self, _: &'a ReadModel) -> Answer<'a, (), WriteError> {
        Box::pin(async { Ok(()) })
    }

    fn close(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {})
    }
}

fn rule() -> NotifyRule {
    NotifyRule {
        name: "ops".to_owned(),
        when: BTreeSet::from([Topic::Failed]),
        to: NotifyTo::Run(Run::Program(vec!["true".to_owned()])),
        group: Span::ZERO,
        remind: None,
        escalate: None,
    }
}

fn failed(plan: Digest, at: Timestamp) -> Told {
    Told {
        id: 1,
        opened: at,
        closed: Some(at),
        matter: Matter {
            key: "ops/failed/r1/h0".to_owned(),
            plan,
            rule: "ops".to_owned(),
            topic: Topic::Failed,
            fleet: "f".to_owned(),
            rollout: None,
            change: None,
            policy: "p".to_owned(),
            update: "u".to_owned(),
            why: "h0 failed".to_owned(),
            unblocked_by: None,
            commands: Vec::new(),
        },
        so_far: SoFar::default(),
    }
}

/// A plan that cannot be read for a moment is no plan without rules: before, whatever lay in the outbox then was thrown away,
/// and nobody was ever told.
#[tokio::test]
async fn a_plan_that_could_not_be_read_once_is_read_again_and_its_people_are_told() {
    let data = tempfile::tempdir().unwrap();
    let proposal = proposal(1, data.path());
    let mut plan = (*proposal.plan).clone();
    plan.notify = vec![rule()];
    let (digest, bytes) = plan.encode();
    let (blob, broken) = (
        Blob {
            digest,
            kind: "plan".to_owned(),
            bytes,
        },
        ReadError::Damaged {
            what: "the disk".to_owned(),
        },
    );
    let clock = Arc::new(Clock::default());
    let store = Arc::new(Post {
        outbox: Mutex::new(vec![failed(digest, clock.now())]),
        reads: Mutex::new(VecDeque::from([Err(broken), Ok(None), Ok(Some(blob))])),
    });
    let workers = Workers::new(
        Double::reports(Vec::new()),
        Arc::clone(&store) as Arc<dyn Store>,
        StopFile::new(data.path(), Arc::new(Everybody)),
        mpsc::unbounded_channel().0,
        Tasks::default(),
        false,
    );
    workers.remember(&proposal);
    let teller = Teller {
        store: Arc::clone(&store) as Arc<dyn Store>,
        clock,
        boots: workers.boots(),
        outbox: Arc::new(Notify::new()),
        ending: Arc::new(Notify::new()),
        observing: false,
    };
    let mut plans = BTreeMap::new();
    for times in [0, 0, 1] {
        teller.turn(&mut plans, Haste::None).await.unwrap();
        let outbox = store.outbox.lock().unwrap();
        assert_eq!(outbox.len(), 1, "nothing is forgotten");
        assert_eq!(outbox[0].so_far.times, times);
    }
}
