//! The first documents, tried before they are written: of what the labels offer, the richest rings that can be planned
//! and that a lint has nothing against.

use ringway_model::Span;
use ringway_policy::validated::Documents;
use ringway_policy::{Attachments, Code, Problem, Problems, Source, Wanted, What};
use ringway_scheduler::lint::{Finding, Here, Question, lint};
use ringway_scheduler::{FleetSpec, Plan, make_plan};

use super::labels::{PORT, Redundant, Said, selecting};
use super::own::Own;
use super::place::{FILES, Target};
use super::texts::{self, Accepted, Choice, FleetParts};
use super::wishes::Wishes;
use crate::asking;
use crate::attached::attachment;
use crate::clock;
use crate::documents::report;
use crate::exit::{End, Failure};
use crate::here::here;
use crate::out::Out;
use crate::show;

/// What every choice that documents leave open is made with, as `plan` does.
const SEED: u64 = 1;
/// How long a finding is accepted that could not be mended: long enough to get to know the documents, and then it counts.
const ACCEPTED_FOR: Span = Span::hours(30 * 24);

/// Documents that were tried.
pub(super) struct Draft {
    pub(super) files: Vec<(&'static str, String)>,
    pub(super) fleet: FleetSpec,
    pub(super) plan: Plan,
    /// Codes of findings that are accepted for the time being.
    pub(super) accepted: Vec<&'static str>,
}

impl Draft {
    /// Drafts what was wished for.
    ///
    /// # Errors
    ///
    /// Exit code 2: no documents of these hosts are valid. What is wrong, of an inventory for example, is reported.
    pub(super) fn new(out: Out, wishes: &Wishes, target: &Target) -> Result<Self, Failure> {
        let import = wishes.inventory().map(|path| target.toward(path));
        let mut drafting = Drafting {
            out,
            wishes,
            target,
            import: import.as_deref(),
            written: Vec::new(),
            redundant: Vec::new(),
        };
        drafting.write_how_hosts_are_reached();
        drafting.best()
    }
}

struct Drafting<'a> {
    out: Out,
    wishes: &'a Wishes,
    target: &'a Target,
    import: Option<&'a str>,
    /// How hosts are reached of which the inventory does not say it in a way that is followed here.
    written: Vec<Reach>,
    /// Groups that are proposed.
    redundant: Vec<Redundant>,
}

/// Hosts that need an entry of `connect`, for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reach {
    /// What the inventory says, and why that is not followed.
    pub(super) why: String,
    pub(super) hosts: Vec<String>,
    /// What selects exactly these by a label.
    pub(super) select: Option<String>,
}

impl Reach {
    /// From a problem of the inventory that such an entry mends: it names the hosts first.
    fn of(problem: &Problem) -> Option<Self> {
        let is_mended = problem
            .hint
            .as_ref()
            .is_some_and(|hint| hint.contains("`connect`"));
        if problem.code != Code::InventoryConnection || !is_mended {
            return None;
        }
        let (names, why) = problem.message.split_once(": ")?;
        let names = names.split('`').skip(1).step_by(2);
        Some(Self {
            why: why.to_owned(),
            hosts: names.map(str::to_owned).collect(),
            select: None,
        })
    }
}

/// One way to make rings, and what is said about it.
struct Tried {
    draft: Draft,
    found: Vec<Finding>,
}

impl Tried {
    /// How much is said: what counts, then what is only worth knowing.
    fn weight(&self) -> (usize, usize) {
        let counting = self.found.iter().filter(|one| one.counts()).count();
        (counting, self.found.len())
    }
}

impl Drafting<'_> {
    /// Notes the hosts that need an entry of `connect`. Problems name a few hosts each, so there may be more behind them.
    fn write_how_hosts_are_reached(&mut self) {
        const ROUNDS: usize = 200;
        for _ in 0..ROUNDS {
            let text = texts::fleet(self.wishes, self.parts(None));
            let Err(problems) = self.documents(&[(FILES[0], text)]) else {
                return;
            };
            let all: Option<Vec<Reach>> = problems.problems.iter().map(Reach::of).collect();
            // What else is wrong is told when all is read.
            let Some(all) = all else { return };
            let before: usize = self.written.iter().map(|one| one.hosts.len()).sum();
            for one in all {
                self.add(one);
            }
            let after: usize = self.written.iter().map(|one| one.hosts.len()).sum();
            if after == before {
                return;
            }
        }
    }

    fn add(&mut self, reach: Reach) {
        let known: Vec<String> = self
            .written
            .iter()
            .flat_map(|one| one.hosts.clone())
            .collect();
        let new = reach.hosts.into_iter().filter(|host| !known.contains(host));
        match self.written.iter_mut().find(|one| one.why == reach.why) {
            Some(one) => one.hosts.extend(new),
            None => self.written.push(Reach {
                why: reach.why,
                hosts: new.collect(),
                select: None,
            }),
        }
        self.written.retain(|one| !one.hosts.is_empty());
    }

    fn best(&mut self) -> Result<Draft, Failure> {
        let alone = texts::fleet(self.wishes, self.parts(None));
        let documents = self.read(&[(FILES[0], alone)])?;
        for note in &documents.notes {
            self.out.say(&format!("note: {note}"));
        }
        let fleet = asking::fleet(&documents)?;
        for one in &mut self.written {
            let label = selecting(&fleet, &one.hosts);
            one.select = label.map(|(label, value)| format!("{label} = {value}"));
        }
        for one in &self.written {
            self.out.say(&format!(
                "note: how {} is reached is not taken from the inventory: {}; look at `connect` in {}",
                show::shortened(&one.hosts, 5),
                one.why,
                FILES[0]
            ));
        }
        let here = here(&fleet);
        let own = Own::of(&fleet, &here);
        let said = Said::by(&fleet, &own.names);
        self.redundant.clone_from(&said.redundant);
        self.tell_of_own(&own);
        self.tell_of_redundant();
        let mut best: Option<(Tried, Choice<'_>)> = None;
        let mut failure = None;
        for choice in choices(&said) {
            match self.tried((&own, &here), &said, choice, &[]) {
                Ok(tried) if tried.found.is_empty() => {
                    self.tell_of(&said, choice);
                    return Ok(tried.draft);
                }
                Ok(tried) => {
                    let is_better =
                        |(best, _): &(Tried, Choice<'_>)| tried.weight() < best.weight();
                    if best.as_ref().is_none_or(is_better) {
                        best = Some((tried, choice));
                    }
                }
                Err(why) => failure = Some(why),
            }
        }
        match (best, failure) {
            (Some((tried, choice)), _) if tried.weight().0 == 0 => {
                self.tell_of(&said, choice);
                Ok(tried.draft)
            }
            (Some((tried, choice)), _) => {
                self.tell_of(&said, choice);
                let accepted = accepted(&tried.found);
                let tried = self.tried((&own, &here), &said, choice, &accepted)?;
                Ok(tried.draft)
            }
            (None, Some(why)) => Err(why),
            (None, None) => Err(Failure::new(End::Invalid, "there is no host to be updated")),
        }
    }

    /// Hosts that are left out, since they count as the machine that Ringway runs on.
    fn tell_of_own(&self, own: &Own) {
        if let Some(why) = own.why() {
            self.out.say(&format!(
                "note: left out by `applies_to` in {}: {}: {why}",
                FILES[1],
                show::shortened(&own.names, 5)
            ));
        }
    }

    /// Groups whose hosts may stand in for one another: nothing keeps them up before somebody has said so.
    fn tell_of_redundant(&self) {
        let groups: Vec<String> = self
            .redundant
            .iter()
            .map(|one| format!("{} ({})", one.name, one.hosts.len()))
            .collect();
        if !groups.is_empty() {
            self.out.say(&format!(
                "note: hosts of {} may stand in for one another; nothing keeps some of them up before you take the `groups` that {} \
                 proposes",
                show::shortened(&groups, 12),
                FILES[0]
            ));
        }
    }

    /// What rings leave out of what labels say. Hosts that much depends on would go last, if that left a kind of hosts without an
    /// example before them.
    fn tell_of(&self, said: &Said, choice: Choice<'_>) {
        let unused = choice.unused(said);
        if !unused.is_empty() {
            self.out.say(&format!(
                "note: not covered by ring `canary`, since one host of each combination would be too many: {}",
                show::shortened(&unused, 12)
            ));
        }
        if let (Some(others), None) = (&said.not_critical, choice.not_critical) {
            self.out.say(&format!(
                "note: only `{others}` before the last ring would leave kinds of hosts that no earlier ring has, so critical hosts do not go last"
            ));
        }
    }

    fn parts(&self, port: Option<&'static str>) -> FleetParts<'_> {
        FleetParts {
            import: self.import,
            port,
            written: &self.written,
            redundant: &self.redundant,
        }
    }

    /// Drafts, reads, plans and lints with this choice.
    fn tried(
        &self,
        (own, here): (&Own, &Here),
        said: &Said,
        choice: Choice<'_>,
        accepted: &[Accepted],
    ) -> Result<Tried, Failure> {
        let rings = texts::rings(said, choice, own.others, own.trial(said));
        // A port that every host says for itself is that of the login, which is what is asked unless somebody wished.
        let port = (!self.wishes.is_probe_wished && said.has_port).then_some(PORT);
        let files = vec![
            (FILES[0], texts::fleet(self.wishes, self.parts(port))),
            (FILES[1], texts::policy(self.wishes, own, &rings, accepted)),
            (FILES[2], texts::UPDATE.to_owned()),
            (FILES[3], texts::people(self.wishes)),
        ];
        let documents = self.read(&files)?;
        let fleet = asking::fleet(&documents)?;
        let plan = make_plan(&fleet, &documents, "careful", "first-try", SEED)
            .map_err(|e| Failure::new(End::Invalid, e))?;
        let found = lint(&Question {
            fleet: &fleet,
            documents: &documents,
            policy: None,
            update: None,
            seed: SEED,
            now: clock::now(),
            here,
            zones: None,
        });
        let found = found.map_err(|e| Failure::new(End::Invalid, e))?;
        Ok(Tried {
            draft: Draft {
                files,
                fleet,
                plan,
                accepted: accepted.iter().map(|one| one.code).collect(),
            },
            found: found.findings,
        })
    }

    /// Reads texts as they will be read where they are written, and reports what is wrong.
    fn read(&self, files: &[(&'static str, String)]) -> Result<Documents, Failure> {
        self.documents(files).map_err(|problems| {
            let shown = self.target.shown();
            let mut failure = report(self.out, &problems);
            failure.hint = Some(format!("nothing was written in `{shown}`"));
            failure
        })
    }

    fn documents(&self, files: &[(&'static str, String)]) -> Result<Documents, Problems> {
        let sources: Vec<Source> = files
            .iter()
            .map(|(name, text)| Source::new(*name, text.as_str()))
            .collect();
        let mut attachments = Attachments::default();
        for wanted in ringway_policy::imports(&sources) {
            // The directory may not be there yet, so the way from it to the inventory leads nowhere.
            let path = self
                .wishes
                .inventory()
                .map(|path| path.display().to_string());
            let absolute = Wanted {
                source: String::new(),
                what: What::File(path.unwrap_or_default()),
            };
            attachments.found.insert(wanted, attachment(&absolute));
        }
        ringway_policy::read_with(&sources, &attachments)
    }
}

/// What is used of the labels, the most first.
fn choices(said: &Said) -> Vec<Choice<'_>> {
    let mut choices = Vec::new();
    let weights = [said.not_critical.as_deref(), None];
    let kinds = said.kinds.iter().map(Vec::as_slice);
    let kinds: Vec<&[String]> = kinds.chain([&[][..]]).collect();
    for site in [said.site.as_deref(), None] {
        for kinds in &kinds {
            for not_critical in weights {
                choices.push(Choice {
                    not_critical,
                    kinds,
                    site,
                });
            }
        }
    }
    choices
}

/// What is left is accepted, with what would mend it, until somebody has had the time to look.
fn accepted(found: &[Finding]) -> Vec<Accepted> {
    let until = (clock::now() + ACCEPTED_FOR).to_string();
    let until = until.split('T').next().unwrap_or_default().to_owned();
    let mut accepted: Vec<Accepted> = Vec::new();
    for finding in found.iter().filter(|one| one.counts()) {
        if accepted.iter().all(|one| one.code != finding.code) {
            accepted.push(Accepted {
                code: finding.code,
                hint: finding.hint.clone(),
                until: until.clone(),
            });
        }
    }
    accepted
}
