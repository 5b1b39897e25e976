//! The plan of one rollout: who goes when, by which route, and what every threshold means in hosts.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::{
    Content, Digest, Hasher, HostId, Place, ProbeId, RingIndex, RouteId, Slot, Span, StepKind,
    VisitKind,
};
use ringway_policy::validated::{
    AlreadyUnhealthy, Command, NotBy, NotifyRule, OUTSIDE_PAUSE_AT, OnHalt, Pace, Retry, Step, When,
};
use serde::{Deserialize, Serialize};

use crate::consent::{Consent, UnpoisonPlan};
use crate::evidence::EvidencePlan;
use crate::lane::{LanePlan, LaneTerms};
use crate::parts::Supersedes;
use crate::terms::Terms;
use crate::times::Times;

/// The computed schedule of one rollout. Immutable and content-addressed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What every choice that documents leave open was made with.
    pub seed: u64,
    /// The fleet it is for: digest of its `FleetSpec`.
    pub fleet: Digest,
    /// Every document it was made from: kind and name, and the digest of the text as written.
    pub documents: BTreeMap<String, Digest>,
    /// The policy's name.
    pub policy: String,
    /// The update's name.
    pub update: String,
    /// By `RingIndex`. Slots of a ring are a range; ranges follow one another from 0. A ring may be empty.
    pub rings: Vec<RingPlan>,
    /// By `Slot`: which host, and how it is visited. Ordered by ring, then by the order in which they should start.
    pub slots: Vec<SlotPlan>,
    /// By `RouteId`.
    pub routes: Vec<Route>,
    /// Conditions on updated hosts; at most 16.
    pub gates: Vec<GatePlan>,
    /// How fast.
    pub pace: Pace,
    /// Targets that may be down at once; absent: no budget.
    pub budget_down: Option<u32>,
    /// What is repeated.
    pub retry: Retry,
    /// How long until the next attempt to reach an offline host.
    pub offline_retry: Span,
    /// What happens to hosts that are unhealthy before the update.
    pub already_unhealthy: AlreadyUnhealthy,
    /// What a hold does to hosts applied and not restarted.
    pub on_halt: OnHalt,
    /// What must be approved before anything starts.
    pub start: Option<ApprovalPlan>,
    /// Who wrote the policy: a person, and no user name; see [`Plan::is_author`].
    pub author: Option<String>,
    /// Hosts that `applies_to` matches and no release does: not applicable.
    pub not_applicable: Vec<HostId>,
    /// Hosts that no ring claimed.
    pub unclaimed: Vec<HostId>,
    /// When work may run on each of them. Written behind the rest, and only where there is anything: plans were made
    /// before there was.
    #[serde(skip)]
    pub times: Times,
    /// Who is told what of its rollout. Written behind that, for the same reason.
    #[serde(skip)]
    pub notify: Vec<NotifyRule>,
    /// On which terms else it goes on. Written behind the rest as well, and only where there are any.
    #[serde(skip)]
    pub terms: Terms,
    /// The plan that this one takes the place of, where it is a revision. Written behind the rest, as `times` is.
    #[serde(skip)]
    pub revises: Option<Revision>,
    /// What approvals depend on. Written behind the rest, like the times.
    #[serde(skip)]
    pub consent: Consent,
    /// More hosts than this that somebody else changes pause the rollout, once. Written behind the rest, and only where it is
    /// another number than plans have that do not say it.
    #[serde(skip, default = "usual_outside")]
    pub outside_pause_at: u32,
    /// What it supersedes, and with which parts of the fleet it begins therefore. Written behind the rest, and only where there
    /// is something.
    #[serde(skip)]
    pub supersedes: Option<Supersedes>,
    /// The lane it is made in, and what it would be without. Written behind the rest, and only where there is one.
    #[serde(skip)]
    pub lane: Option<LanePlan>,
    /// By name: what somebody reviewed of the lanes of its policy, and under no name of the policy without one. Written behind
    /// the rest, and only where the policy has lanes; plans were made before they were kept.
    #[serde(skip)]
    pub lanes: BTreeMap<String, LaneTerms>,
    /// What must be known of a kind of host before a later ring visits more of them. Written behind the rest, and only
    /// where it is asked for.
    #[serde(skip)]
    pub evidence: Option<EvidencePlan>,
    /// Who must agree before its content may be installed again where it was poisoned. Written behind the rest, and only where
    /// somebody must.
    #[serde(skip)]
    pub unpoison: Option<UnpoisonPlan>,
}

const fn usual_outside() -> u32 {
    OUTSIDE_PAUSE_AT
}

/// What a revision of a plan is, and what it changes. Rings that have begun are never changed by one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// The plan it takes the place of.
    pub of: Digest,
    /// Hosts that join with it.
    pub joined: Vec<Joined>,
    /// Hosts that would be targets and come too late: the last ring has begun.
    pub too_late: Vec<HostId>,
    /// Hosts of the plan for which the update has another release now than the one they were planned with, or none: what
    /// they are planned with, and what they would get. Absent: nothing.
    pub misfits: Vec<Misfit>,
}

/// A host that joins a rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// The host.
    pub host: HostId,
    /// The ring it joins.
    pub ring: RingIndex,
    /// Why that one.
    pub why: JoinsBecause,
}

/// Why a host joins the ring it joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JoinsBecause {
    /// The seed and its name say so.
    Seed,
    /// The seed and its name say this ring, which has begun.
    Begun(RingIndex),
    /// Its peers are there, and they belong together.
    Together,
    /// A peer is in the ring that the seed says, and they belong apart.
    Apart(RingIndex),
}

/// A host whose release is another one now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Misfit {
    /// The host.
    pub host: HostId,
    /// The release it was planned with.
    pub planned: String,
    /// The release that its labels ask for now.
    pub now: Option<String>,
}

/// One ring, in hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingPlan {
    /// Its name.
    pub name: String,
    /// Its first slot.
    pub first: Slot,
    /// How many hosts it has.
    pub planned: u32,
    /// The failure that halts; absent: none does.
    pub halt_on: Option<u32>,
    /// Hosts it may leave behind.
    pub debt_allowed: u32,
    /// The wait with observation after its last reachable host has settled.
    pub soak: Span,
    /// What must be approved before going on.
    pub after_soak: Option<ApprovalPlan>,
}

impl RingPlan {
    /// The ring's slots as a range of indices.
    pub fn slots(&self) -> std::ops::Range<usize> {
        let first = self.first.index();
        first..first + self.planned as usize
    }
}

/// One host's place in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotPlan {
    /// The host.
    pub host: HostId,
    /// How it is visited.
    pub route: RouteId,
}

/// Approvals, with the people who may give them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalPlan {
    /// How many distinct people.
    pub needed: u8,
    /// The teams' names; empty: anybody.
    pub by: Vec<String>,
    /// The user names of all members and deputies of those teams.
    pub people: BTreeSet<String>,
    /// Who may not.
    pub not_by: Vec<NotBy>,
}

/// A condition on updated hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatePlan {
    /// Its name.
    pub name: String,
    /// Its probe.
    pub probe: ProbeId,
    /// How long the probe may be bad before the host counts as unhealthy.
    pub down_for: Span,
    /// Share of a ring's updated hosts that must report for its soak to count.
    pub min_reporting: ringway_model::Share,
}

/// How a kind of host is visited: one release through one recipe, wrapped in one care.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The release's id.
    pub release: String,
    /// The release's build.
    pub build: Option<String>,
    /// The recipe's name.
    pub recipe: String,
    /// The care's name.
    pub care: Option<String>,
    /// The recipe's parameters with their values.
    pub parameters: BTreeMap<String, String>,
    /// Every step of the route, once.
    pub steps: Vec<StepPlan>,
    /// By `VisitKind` in its order: the steps of such a visit in order, as indices into `steps`. The rollback list is
    /// empty where the recipe cannot.
    pub visits: [Vec<u8>; 3],
    /// Parameters that have a default: they say how something is installed, and not what. Written behind the rest of the
    /// plan, and only where there are any; in plans of before every parameter is taken for a name of content.
    #[serde(skip)]
    pub settings: BTreeSet<String>,
}

impl Route {
    /// What exactly is installed. Its digest is that of the build and of the values that the recipe requires, which name the
    /// package; where it requires none, the id is all that tells two releases of one build apart.
    pub fn content(&self) -> Content {
        let is_name = |name: &str| !self.settings.contains(name);
        Content {
            id: self.release.clone(),
            build: self.build.clone(),
            digest: Some(self.digest_of(is_name)),
        }
    }

    /// The digest that plans of before give the same content: of all values, settings too. What was poisoned by it stays so.
    pub fn former_digest(&self) -> Digest {
        self.digest_of(|_| true)
    }

    fn digest_of(&self, is_name: impl Fn(&str) -> bool) -> Digest {
        let names = self.parameters.iter().filter(|(name, _)| is_name(name));
        let mut hasher = Hasher::default()
            .part(self.recipe.as_bytes())
            .part(self.build.as_deref().unwrap_or_default().as_bytes());
        if names.clone().next().is_none() {
            hasher = hasher.part(self.release.as_bytes());
        }
        for (name, value) in names {
            hasher = hasher.part(name.as_bytes()).part(value.as_bytes());
        }
        hasher.finish()
    }

    /// The words people know it by.
    pub fn content_words(&self) -> String {
        match &self.build {
            Some(build) => format!("{} (build {build})", self.release),
            None => self.release.clone(),
        }
    }

    /// The steps of a visit of this kind, in order.
    pub fn visit(&self, kind: VisitKind) -> &[u8] {
        // An errand is no visit; its steps are known by their kind.
        self.visits.get(kind as usize).map_or(&[], Vec::as_slice)
    }

    /// The step of a kind, where the route has one.
    pub fn step_for(&self, kind: StepKind) -> Option<&StepPlan> {
        self.steps.iter().find(|step| step.kind == kind)
    }

    /// The step at `position` of a visit of this kind.
    pub fn step(&self, kind: VisitKind, position: u8) -> Option<&StepPlan> {
        if kind == VisitKind::Errand {
            let errand = StepKind::ERRANDS.get(usize::from(position))?;
            return self.step_for(*errand);
        }
        self.visit(kind)
            .get(position as usize)
            .and_then(|&index| self.steps.get(index as usize))
    }

    /// The first step of a visit of this kind that runs on another member of the host's availability group, besides what brings
    /// back who does not answer: that is not needed by everybody.
    pub fn at_peer(&self, visit: VisitKind) -> Option<&StepPlan> {
        let mut steps = self.visit(visit).iter();
        steps.find_map(|&at| {
            let step = self.steps.get(usize::from(at))?;
            let is_needed = step.kind != StepKind::Recovery;
            (is_needed && step.step.at == Place::Peer).then_some(step)
        })
    }

    /// The position of a kind of step in a visit of this kind.
    pub fn position(&self, visit: VisitKind, step: StepKind) -> Option<u8> {
        let found = self
            .visit(visit)
            .iter()
            .position(|&i| self.steps[i as usize].kind == step)?;
        u8::try_from(found).ok()
    }
}

/// One step, with everything a driver needs except the host's own values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepPlan {
    /// What it is for.
    pub kind: StepKind,
    /// The command, where it runs, how long it may take, what a crash means for it.
    pub step: Step,
    /// What else the kind needs.
    pub more: More,
}

/// What a kind of step needs beyond its command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum More {
    /// Nothing; `expect` is in the step itself.
    Nothing,
    /// An inspection: texts in which `{output}` still stands, everything else replaced.
    Inspect {
        /// The trimmed output that means that the release is there.
        installed_when: String,
        /// What a rollback goes back to.
        previous: Option<String>,
    },
    /// A restart.
    Reboot {
        /// Restarts only when this holds.
        when: When,
        /// Prints something that changes with every restart.
        boot_id: Option<Command>,
        /// The fewest and the most restarts that are right.
        restarts: (u16, u16),
        /// How long the host has to come back.
        back_within: Span,
    },
    /// The question whether the host may be taken down now.
    Ready {
        /// How long the answer may be no.
        within: Span,
        /// How long after a no it is asked again.
        every: Span,
    },
    /// The question whether the host goes last of its group.
    Last {
        /// How long until each is asked again where all that are left say yes.
        every: Span,
    },
    /// The beginning or the end of a silence.
    Silence {
        /// After how long it ends by itself.
        at_most: Span,
    },
    /// A person does it by hand. The step's command is [`NO_COMMAND`], and its timeout how long it should take.
    Manual {
        /// What is to be done.
        instructions: String,
        /// Whether a file must be handed in with the word that it is done.
        evidence: bool,
    },
    /// What is fetched ahead of visits.
    Stage {
        /// On how many hosts of the rollout at once.
        at_once: u16,
    },
    /// What brings a broken host back that does not answer.
    Recovery {
        /// How long it has to answer then.
        back_within: Span,
    },
    /// What a host can be taken back by.
    Protect {
        /// How long it is kept at least.
        keep: Span,
    },
}

/// What stands for the command of a step that a person does: nobody runs it, and where somebody did it would fail rather
/// than pass for work that was done.
pub const NO_COMMAND: &str = "exit 99";

impl More {
    /// How much longer than its command a step of this kind may take.
    pub const fn beyond(&self) -> Span {
        match self {
            Self::Reboot { back_within, .. } | Self::Recovery { back_within } => *back_within,
            Self::Nothing
            | Self::Inspect { .. }
            | Self::Ready { .. }
            | Self::Last { .. }
            | Self::Silence { .. }
            | Self::Manual { .. }
            | Self::Stage { .. }
            | Self::Protect { .. } => Span::ZERO,
        }
    }
}

impl StepPlan {
    /// Whether a person does it by hand.
    pub const fn is_by_hand(&self) -> bool {
        matches!(self.more, More::Manual { .. })
    }

    /// The longest it may take.
    pub const fn longest(&self) -> Span {
        self.step.timeout.plus(self.more.beyond())
    }
}

impl Plan {
    /// Whether a person wrote the policy. Plans of old have the name as the policy gives it, which may be a user's: there
    /// both are meant, the person of that name and the person whose user name it is.
    pub fn is_author(&self, person: &str) -> bool {
        self.author
            .as_deref()
            .is_some_and(|author| author == person || self.consent.person(author) == person)
    }

    /// The same for a run that only observes, where nobody is asked to work by hand: such a step is one that Ringway would do, and
    /// so counts as done without being carried out. None where there is no such step.
    pub fn observed(&self) -> Option<Self> {
        let mut plan = self.clone();
        let mut any = false;
        for step in plan.routes.iter_mut().flat_map(|route| &mut route.steps) {
            if step.is_by_hand() {
                step.more = More::Nothing;
                any = true;
            }
        }
        any.then_some(plan)
    }

    /// The ring a slot is in.
    pub fn ring_of(&self, slot: Slot) -> RingIndex {
        let after = self.rings.partition_point(|ring| ring.first.0 <= slot.0);
        // Empty rings share their first slot with the next one; the last of those that begin here has the slot.
        RingIndex::at(after - 1)
    }
}
