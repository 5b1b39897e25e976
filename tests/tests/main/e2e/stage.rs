//! A ground, the runtime that decides over it in this process, and people who speak to it through its control socket.

use std::sync::Arc;
use std::time::Instant;

use ringway_drivers::Spans;
use ringway_engine::view::{FleetView, HostView, ProtectionView, RolloutView};
use ringway_engine::{Accepted, Command, Rejected};
use ringway_model::RolloutId;
use ringway_runtime::{Answer, Bundle, Client, Config, Identify, Question, Runtime};
use ringway_scheduler::Plan;
use ringway_tests::people::{Speaker, drivers};

use super::documents::{Setup, proposal};
use super::ground::{Ground, LONG, LOOK_EVERY};
use super::journal::Journal;

/// The rollout that every test is about.
pub(crate) const ONE: RolloutId = RolloutId(1);

/// Runs a test's body.
pub(crate) fn play(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}

/// A rollout that is going on.
pub(crate) struct Stage {
    /// Before the ground, so that nothing is decided any more when the services end.
    runtime: Runtime,
    speaker: Arc<Speaker>,
    pub(crate) ground: Ground,
}

impl Stage {
    /// Starts the runtime, and the rollout in olga's name.
    pub(crate) async fn start(ground: Ground) -> Self {
        Self::start_waiting(ground, Spans::default()).await
    }

    /// The same, with other spans to wait for hosts.
    pub(crate) async fn start_waiting(ground: Ground, spans: Spans) -> Self {
        Self::start_as(ground, spans, |_| ()).await
    }

    /// The same, with a plan that was changed after it was made: to what no document may say.
    pub(crate) async fn start_as(
        ground: Ground,
        spans: Spans,
        change: impl FnOnce(&mut Plan),
    ) -> Self {
        let speaker = Arc::new(Speaker::new("olga"));
        let config = Config {
            data: ground.data(),
            workers: 64,
            identify: Arc::clone(&speaker) as Arc<dyn Identify>,
            observe: false,
            clock: Arc::default(),
        };
        let drivers = drivers(&ground.data()).unwrap().with_spans(spans);
        let runtime = Runtime::start_with(config, Arc::new(drivers));
        let runtime = runtime.await.unwrap();
        let stage = Self {
            runtime,
            speaker,
            ground,
        };
        let mut proposal = proposal(&stage.ground.texts, stage.ground.root());
        change(Arc::make_mut(&mut proposal.plan));
        let accepted = stage
            .ask("olga", &Question::Propose(Bundle::pack(&proposal)))
            .await
            .unwrap();
        assert_eq!(accepted.rollout, Some(ONE));
        stage
    }

    /// Lays the ground and starts.
    pub(crate) async fn of(setup: Setup<'_>) -> Self {
        Self::start(Ground::lay(&setup)).await
    }

    async fn ask(&self, person: &str, question: &Question) -> Result<Accepted, Rejected> {
        self.speaker.is(person);
        let client = Client::new(&self.ground.data());
        let answer = tokio::time::timeout(LONG, client.ask(question)).await;
        match answer.expect("an answer comes").unwrap() {
            Answer::Accepted(accepted) => Ok(accepted),
            Answer::Rejected(rejected) => Err(rejected),
            other @ (Answer::Pong { .. }
            | Answer::View(_)
            | Answer::Hosts(_)
            | Answer::Protections(_)
            | Answer::Waiting(_)
            | Answer::Ending
            | Answer::NotUnderstood { .. }) => panic!("{other:?}"),
        }
    }

    /// A command of a person, through the control socket.
    pub(crate) async fn command(
        &self,
        person: &str,
        command: Command,
    ) -> Result<Accepted, Rejected> {
        self.ask(person, &Question::Command(command)).await
    }

    /// The rollout as it is now.
    pub(crate) async fn rollout(&self) -> RolloutView {
        self.runtime.caller().view().await.unwrap().rollouts[0].clone()
    }

    /// Waits until the fleet is as asked for, as long as steps begin and end.
    pub(crate) async fn until(
        &self,
        what: &str,
        wanted: impl Fn(&FleetView) -> bool,
    ) -> Arc<FleetView> {
        let caller = self.runtime.caller();
        let mut moved = 0;
        loop {
            if let Ok(view) = tokio::time::timeout(LONG, caller.wait_until(&wanted)).await {
                return view.unwrap();
            }
            let (view, starts) = (caller.view().await, self.ground.starts());
            assert!(
                starts.len() > moved,
                "it never was so: {what}\n{view:#?}\n{starts:#?}"
            );
            moved = starts.len();
        }
    }

    /// Waits until the rollout is in this state and rests.
    pub(crate) async fn comes_to(&self, state: &str) -> RolloutView {
        let is_so = |view: &FleetView| view.rollouts[0].state == state && rests(view);
        let view = self.until(state, is_so).await;
        view.rollouts[0].clone()
    }

    /// How a host stands.
    pub(crate) async fn view(&self, host: &str) -> HostView {
        let views = self.runtime.caller().host(host.to_owned()).await.unwrap();
        views[0].clone()
    }

    /// What was made of hosts and is there.
    pub(crate) async fn protections(&self) -> Vec<ProtectionView> {
        self.runtime.caller().protections(None).await.unwrap()
    }

    /// How a host stands, in words.
    pub(crate) async fn words(&self, host: &str) -> String {
        self.view(host).await.words
    }

    /// Waits until a host stands so.
    pub(crate) async fn host_becomes(&self, host: &str, words: &str) {
        self.host_until(host, words, |view| view.words == words)
            .await;
    }

    /// Waits until a host is as asked for, at one moment: it may have gone on at the next.
    pub(crate) async fn host_until(
        &self,
        host: &str,
        what: &str,
        is_so: impl Fn(&HostView) -> bool,
    ) {
        let begun = Instant::now();
        loop {
            let view = self.view(host).await;
            if is_so(&view) {
                return;
            }
            assert!(begun.elapsed() < LONG, "{host} never was {what}: {view:#?}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Ends in order, and audits what was written, into the journal and into the ledger.
    pub(crate) async fn end(self) -> (Ground, Journal) {
        let (ground, journal) = self.close().await;
        assert_eq!(ground.wrong(), [""; 0]);
        (ground, journal)
    }

    /// As `end`, where steps were killed: those could not write down that they ended.
    pub(crate) async fn close(self) -> (Ground, Journal) {
        self.runtime.shutdown().await;
        let journal = Journal::read(&self.ground.data()).await;
        (self.ground, journal)
    }
}

/// Whether no host is visited or settles.
pub(crate) fn rests(view: &FleetView) -> bool {
    let rings = &view.rollouts[0].rings;
    rings.iter().all(|ring| ring.visiting + ring.settling == 0)
}
