//! One seed, one story: documents, hosts, faults and people drawn from it, then healing, then an end that must come.

use ringway_executor::Config;
use ringway_model::{Digest, Span};

use crate::behaviour::ways;
use crate::cares::{by_peers, trouble, with_questions};
use crate::checkers::{Invariant, Violation};
use crate::dice::Dice;
use crate::documents::{
    Size, by_hand, draw, for_days, in_windows, with_agreement, with_consent, with_lab_releases,
};
use crate::errands::{with_protection, with_recovery, with_stages};
use crate::evidence::with_evidence;
use crate::expected::{Expected, Kind};
use crate::history::{History, HistoryError};
use crate::reach::Reach;
use crate::terms::{with_early_terms, with_terms};
use crate::world::lanes::with_lanes;
use crate::world::post::with_rules;
use crate::world::superseders::with_fixes;
use crate::world::{BEGIN, Faults, NoPlan, World, has_plan};

/// How long after healing everything must be over.
const CONVERGES_IN: Span = Span::hours(12);

/// What a seed led to.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// How many things happened in its world, whether or not anything was said of them.
    pub happenings: u64,
    /// The last lines of its trace.
    pub trace: Vec<String>,
    /// The digest of its whole trace.
    pub digest: Digest,
    /// How many lines that was.
    pub lines: u64,
    /// What it reached.
    pub reach: Reach,
    /// What kind of world it was.
    pub kind: Kind,
    /// Whether its documents had a plan at all.
    pub planned: bool,
    /// The first rule that was broken.
    pub violation: Option<Violation>,
    /// What has to be said beside its seed so that its world is the same: `RINGWAY_POISON=100 `.
    pub besides: String,
}

impl Report {
    /// The story of a broken rule: seed, rule, last lines, and the command that tells it again.
    pub fn story(&self) -> String {
        let violation = self
            .violation
            .as_ref()
            .map_or_else(|| "no rule was broken".to_owned(), ToString::to_string);
        format!(
            "seed {}: {violation}\n{}\nagain: {}RINGWAY_SEED={} cargo test -p ringway-simulator one_seed -- --nocapture\n",
            self.seed,
            self.trace.join("\n"),
            self.besides,
            self.seed
        )
    }
}

/// What a run may be told beyond its seed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extra {
    /// How many lines of the trace to keep.
    pub keep: usize,
    /// In how many of a hundred wild worlds people poison content; absent: in some.
    pub poison: Option<u64>,
    /// In how many of a hundred wild worlds people hurry; absent: in some.
    pub lanes: Option<u64>,
    /// In how many of a hundred wild worlds people supersede rollouts; absent: in none.
    pub supersede: Option<u64>,
    /// In how many of a hundred wild worlds policies ask for evidence of kinds of hosts; absent: in some.
    pub evidence: Option<u64>,
    /// The same of advisories.
    pub advise: Option<u64>,
    /// In how many of a hundred wild worlds recipes make snapshots before they change anything; absent: in some.
    pub protect: Option<u64>,
    /// A mistake to plant in the engine.
    #[cfg(feature = "planted-bugs")]
    pub bug: Option<ringway_engine::planted::Bug>,
}

impl Extra {
    /// What `one_seed` is told so that it goes through the same world.
    fn besides(&self) -> String {
        let asked = [
            ("RINGWAY_POISON", self.poison),
            ("RINGWAY_LANES", self.lanes),
            ("RINGWAY_SUPERSEDE", self.supersede),
            ("RINGWAY_EVIDENCE", self.evidence),
            ("RINGWAY_ADVISE", self.advise),
            ("RINGWAY_PROTECT", self.protect),
        ];
        let asked = asked.into_iter();
        asked
            .filter_map(|(name, percent)| Some(format!("{name}={} ", percent?)))
            .collect()
    }

    /// A run whose last lines are kept, and nothing planted.
    pub const fn keeping(lines: usize) -> Self {
        Self {
            keep: lines,
            poison: None,
            lanes: None,
            supersede: None,
            evidence: None,
            advise: None,
            protect: None,
            #[cfg(feature = "planted-bugs")]
            bug: None,
        }
    }
}

/// In how many of a hundred wild worlds people poison content, where nobody asks for more.
const POISON: u64 = 8;

/// In how many of a hundred wild worlds people hurry, where nobody asks for more.
const LANES: u64 = 4;

/// In how many of a hundred wild worlds people supersede rollouts, where nobody asks for more: in few, for a fix is a story of its
/// own, and a suite of its own tells it.
const SUPERSEDE: u64 = 4;

/// In how many policies ask for evidence of kinds of hosts, where nobody asks for more.
const EVIDENCE: u64 = 20;
/// In how many of a hundred wild worlds people bring advisories, where nobody asks for more.
const ADVISE: u64 = 8;

/// In how many of a hundred wild worlds recipes make snapshots, where nobody asks for more.
const PROTECT: u64 = 10;

/// How long after everything is over what was made of hosts must be removed, or given up: what it is kept for at the most, and all
/// attempts.
const REMOVED_IN: Span = Span::hours(28);

/// Lines that a failure is told with.
const TOLD: usize = 40;

/// Runs a seed.
pub fn run_seed(seed: u64) -> Report {
    run_seed_with(seed, Extra::keeping(TOLD))
}

/// Runs a seed with more told, or with a mistake planted.
pub fn run_seed_with(seed: u64, extra: Extra) -> Report {
    let kind = Kind::of(seed);
    let world = match tell(seed, extra) {
        Ok(world) => world,
        Err(NoPlan(why)) => return no_plan(seed, why),
    };
    Report {
        seed,
        happenings: world.happenings(),
        trace: world.trace().lines(),
        digest: world.trace().digest(),
        lines: world.trace().count(),
        reach: world.reach().clone(),
        kind,
        planned: true,
        violation: world.violation().cloned(),
        besides: extra.besides(),
    }
}

/// The journal that a seed's world leaves behind; none where its documents have no plan.
///
/// # Errors
///
/// When it does not fold.
pub fn record_seed(seed: u64, what: &str) -> Result<Option<History>, HistoryError> {
    let Ok(world) = tell(seed, Extra::default()) else {
        return Ok(None);
    };
    let blobs: Vec<_> = world.store().blobs().values().cloned().collect();
    History::of(what, world.store().rows(), &blobs).map(Some)
}

/// Tells a seed's story to its end.
#[expect(
    clippy::too_many_lines,
    reason = "what is drawn for a world is read as one"
)]
fn tell(seed: u64, extra: Extra) -> Result<World, NoPlan> {
    let mut dice = Dice::new(seed, "documents");
    let size = Size {
        hosts: if dice.chance(75) { (5, 20) } else { (20, 60) },
        rollouts: if dice.chance(50) { 2 } else { 1 },
    };
    let kind = Kind::of(seed);
    let mut papers = draw(&mut dice, kind.size(seed, size));
    let mut ways = ways(seed, &papers);
    let mut faults = Faults::some(seed);
    if dice.chance(10) {
        faults = Faults::none(seed);
        faults.lasts = Span::minutes(10);
    }
    let expected = Expected::of(kind, seed, &mut papers, &mut ways, &mut faults);
    if faults.twists.days {
        for_days(&mut papers);
    }
    let mut hours = Dice::new(seed, "windows");
    if kind == Kind::Wild && hours.chance(25) {
        in_windows(&mut papers, &mut hours, BEGIN);
    }
    if kind == Kind::Wild {
        with_terms(
            &mut papers,
            &mut Dice::new(seed, "terms"),
            faults.twists.days,
        );
    }
    let mut care = Dice::new(seed, "care of roles");
    // Few worlds come to wait for hours of approvals, and those that do are left as they are.
    let has_hours = papers.documents.policies.values().any(|policy| {
        let after = policy
            .rings
            .iter()
            .filter_map(|ring| ring.after_soak.as_ref());
        let mut asked = policy.start.iter().chain(after);
        asked.any(|approvals| approvals.between.is_some())
    });
    if kind == Kind::Wild && !has_hours && care.chance(30) {
        with_questions(&mut papers, &mut care);
        trouble(&papers, &mut ways, &mut care);
    }
    let mut beside = Dice::new(seed, "who is put back by peers");
    let by_peers_alone = kind == Kind::Wild && beside.chance(6);
    if by_peers_alone {
        by_peers(&mut papers);
    }
    let mut consent = Dice::new(seed, "consent");
    if kind == Kind::Wild && consent.chance(60) {
        with_consent(&mut papers, &mut consent);
        let mut early = Dice::new(seed, "terms of early ends");
        if early.chance(70) {
            with_early_terms(&mut papers, &mut early);
        }
    }
    let mut hands = Dice::new(seed, "who works by hand");
    if kind == Kind::Wild && hands.chance(12) {
        by_hand(&mut papers, &mut hands);
    }
    let mut errands = Dice::new(seed, "errands");
    if kind == Kind::Wild && errands.chance(20) {
        with_stages(&mut papers, &mut ways, &mut errands);
    }
    let mut protects = Dice::new(seed, "protections");
    let protecting = protects.chance(extra.protect.unwrap_or(PROTECT)) && kind == Kind::Wild;
    if protecting {
        with_protection(&mut papers, &mut ways, &mut protects);
    }
    let mut told = Dice::new(seed, "who wants to be told");
    if kind == Kind::Wild && told.chance(25) {
        with_rules(&mut papers, &mut told);
    }
    let lasts = faults.lasts;
    let config = Config {
        workers: *dice.pick(&[1, 3, 64]),
        snapshot_every: *dice.pick(&[5, 50, 1024]),
        ..Config::default()
    };
    let mut renewals = Dice::new(seed, "who changes the fleet");
    let renews = kind == Kind::Wild && renewals.chance(25);
    let renews = renews || by_peers_alone && beside.chance(60);
    if renews && renewals.chance(50) {
        with_lab_releases(&mut papers);
    }
    let mut others = Dice::new(seed, "who else patches");
    let patching = kind == Kind::Wild && others.chance(20);
    if patching {
        for policy in papers.documents.policies.values_mut() {
            policy.outside_pause_at = *others.pick(&[0, 1, 3]);
        }
    }
    let mut lanes = Dice::new(seed, "who hurries");
    let hurries = kind == Kind::Wild && lanes.chance(extra.lanes.unwrap_or(LANES));
    if hurries {
        with_lanes(&mut papers, &mut lanes);
    }
    let supersede = Dice::new(seed, "who supersedes").chance(extra.supersede.unwrap_or(SUPERSEDE));
    let supersede = supersede && kind == Kind::Wild;
    if supersede {
        let mut recovery = Dice::new(seed, "who is brought back");
        if recovery.chance(70) {
            with_recovery(&mut papers, &mut ways, &mut recovery);
        }
        let out_of_band = Dice::new(seed, "by which way fixes come").chance(40);
        with_fixes(&mut papers, out_of_band);
    }
    let mut poison = Dice::new(seed, "whether anybody poisons");
    let poisons = poison.chance(extra.poison.unwrap_or(POISON)) && kind == Kind::Wild;
    if poisons {
        with_agreement(&mut papers, &mut Dice::new(seed, "who agrees to unpoison"));
    }
    let mut evidence = Dice::new(seed, "evidence of kinds of hosts");
    if kind == Kind::Wild && evidence.chance(extra.evidence.unwrap_or(EVIDENCE)) {
        with_evidence(&mut papers, &mut evidence, |papers, policy| {
            has_plan(papers, policy, seed)
        });
    }
    let mut world = World::new(seed, &papers, ways, faults, config, extra.keep)?;
    if supersede {
        world.supersede(seed, &papers);
    }
    #[cfg(feature = "planted-bugs")]
    world.plant(extra.bug);
    world.meddling = dice.chance(60) && kind == Kind::Wild;
    world.patching = patching;
    world.protecting = protecting;
    world.excepting = kind == Kind::Wild && Dice::new(seed, "who is excepted").chance(25);
    world.poisons = poisons;
    if hurries {
        world.hurry(seed, &papers);
    }
    let mut advise = Dice::new(seed, "whether anybody advises");
    world.advising = advise.chance(extra.advise.unwrap_or(ADVISE)) && kind == Kind::Wild;
    if renews {
        world.renew(seed, &papers, lasts);
    }
    world.run(BEGIN + lasts);
    if kind != Kind::Wild {
        go_on(&mut world);
    }
    if world.violation().is_none() {
        world.heal();
        converge(&mut world);
    }
    if world.violation().is_none() {
        world.expect(&expected);
    }
    Ok(world)
}

/// Lets time pass until everything is over or halted: a world in which nothing else goes wrong needs nobody to decide.
fn go_on(world: &mut World) {
    let end = world.now() + CONVERGES_IN;
    while world.violation().is_none() && !world.is_done() && !world.is_halted() && world.now() < end
    {
        let next = world.now() + Span::minutes(10);
        world.run(next);
    }
}

/// Lets time pass until everything is over; it must come to that.
fn converge(world: &mut World) {
    let end = world.now() + CONVERGES_IN;
    while world.violation().is_none() && !world.is_done() {
        if world.now() >= end {
            world.say_what_waits();
            return;
        }
        let next = world.now() + Span::minutes(1);
        world.run(next);
    }
    let end = world.now() + REMOVED_IN;
    while world.violation().is_none() && world.has_removals_to_come() && world.now() < end {
        let next = world.now() + Span::minutes(20);
        world.run(next);
    }
    if world.violation().is_none() {
        world.say_what_is_left();
    }
    if world.violation().is_none() {
        world.check_end();
    }
}

fn no_plan(seed: u64, why: String) -> Report {
    Report {
        seed,
        happenings: 0,
        digest: Digest::of(why.as_bytes()),
        trace: vec![why],
        lines: 1,
        reach: Reach::default(),
        kind: Kind::of(seed),
        planned: false,
        violation: None,
        besides: String::new(),
    }
}

/// The rule that an end which does not come breaks.
pub(crate) const NO_END: Invariant = Invariant::I14;
