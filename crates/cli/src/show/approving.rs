//! What somebody sees who is asked to say yes: one screen of 24 lines and 80 columns, from the same view as `status`.
//!
//! Pure. What would not fit is counted; the whole is in `--output json`.

use ringway_engine::view::{
    ApprovalView, LaneAskedView, QuestionView, RolloutView, SinceView, YesView,
};
use ringway_engine::{Subject, Verdict};
use ringway_model::Timestamp;

use super::coverage;
use super::despite::{in_the_way, on_time};
use super::words::{hosts, in_words, named, put, until};

/// Columns of a terminal that nobody has made wider.
const WIDTH: usize = 80;

/// Lines of such a terminal.
const HEIGHT: usize = 24;

/// Where what is said of a topic begins.
const INDENT: usize = 13;

/// Lines of one topic at the most.
const LINES: usize = 2;

/// Open questions that are told; the others are counted.
const QUESTIONS: usize = 2;

/// The screen.
pub(crate) fn approving(rollout: &RolloutView, view: &ApprovalView, now: Timestamp) -> String {
    let mut screen = Screen::default();
    screen.heading(rollout, view);
    screen.questions(&rollout.questions, now);
    if view.subject == Subject::Lane
        && let Some(asked) = &rollout.lane_asked
    {
        screen.topic("asked by", &format!("{}: {}", asked.by, asked.reason));
        screen.topic("soaks", &soaks(asked));
    } else {
        screen.topic("starts", &starts(rollout, view, now));
    }
    for words in in_the_way(rollout, now) {
        screen.topic("in the way", &words);
    }
    if let Some(words) = rollout.due.as_ref().map(|due| on_time(due, view, now)) {
        screen.topic("due", &words);
    }
    if let Some(at_once) = &view.at_once {
        let (down, of) = (at_once.down, hosts(at_once.hosts));
        let words = match &at_once.group {
            Some(group) => format!("at most {down} of the {of} of group `{group}` in the ring"),
            None => format!("at most {down} of the {of} in the ring that have no group"),
        };
        screen.topic("down at once", &words);
    }
    if view.ring.is_some() {
        screen.topic("so far", &so_far(rollout, view));
    }
    for gate in &view.gates {
        let mut words = format!("{}: {} of {} up", gate.says.word(), gate.up, gate.of);
        if gate.says == Verdict::Regressed {
            put(&mut words, format_args!(", {} DOWN", gate.down));
        }
        screen.topic("gate", &format!("`{}` {words}", gate.gate));
    }
    if !view.untested.is_empty() {
        let words = format!("no ring has tested {}", list(&view.untested, 6));
        screen.topic("not tested", &words);
    }
    if let Some(known) = rollout.coverage.as_ref().filter(|_| view.ring.is_some()) {
        screen.topic("evidence", &coverage::in_short(known, &view.starts, now));
    }
    if let Some(words) = way_back(view) {
        screen.topic("way back", &words);
    }
    if let Some(since) = &view.since {
        screen.topic("since", &changed(since, view, now));
    }
    screen.topic("approvals", &given(view, now));
    if let Some(words) = others(view) {
        screen.topic("who else", &words);
    }
    if let Some(between) = &view.between {
        let from = view.counts_from.map_or_else(String::new, |at| {
            format!("; not now, but from {} on", until(now, at))
        });
        screen.topic("counts", &format!("only {between}{from}"));
    }
    if !view.due && view.at_least.is_none() {
        let words = "not due yet: an early yes is kept while nothing gets worse";
        screen.topic("early", words);
    }
    screen.topic("digest", &view.digest.to_string());
    screen.text()
}

/// What is said, topic by topic, each in its lines.
#[derive(Default)]
struct Screen {
    heading: String,
    topics: Vec<(String, Vec<String>)>,
}

impl Screen {
    /// Which rollout, with its ticket, of whom.
    fn heading(&mut self, rollout: &RolloutView, view: &ApprovalView) {
        let what = match view.subject {
            _ if view.at_least.is_some() => "ending a soak early".to_owned(),
            Subject::Lane => format!("going on in {}", view.starts),
            Subject::Start | Subject::Promotion { .. } | Subject::Early { .. } => {
                "approval".to_owned()
            }
        };
        self.heading = format!(
            "{}  {}: {what}",
            named(rollout.id, rollout.change.as_ref()),
            rollout.update
        );
        let author = rollout.author.as_ref();
        let author = author.map_or_else(String::new, |author| format!(" (by {author})"));
        let words = format!("{}{author}, started by {}", rollout.policy, rollout.starter);
        self.topic("policy", &words);
    }

    fn topic(&mut self, topic: &str, words: &str) {
        let lines = wrapped(words, WIDTH - INDENT);
        self.topics.push((topic.to_owned(), lines));
    }

    /// All of it. Where that is more than a terminal shows, the last topics with two lines have one.
    fn text(mut self) -> String {
        let count = |topics: &[(String, Vec<String>)]| {
            topics.iter().map(|(_, all)| all.len()).sum::<usize>()
        };
        while 1 + count(&self.topics) > HEIGHT {
            let mut last = self.topics.iter_mut().rev();
            let Some((_, lines)) = last.find(|(_, lines)| lines.len() > 1) else {
                break;
            };
            lines.truncate(1);
            for line in lines {
                let kept: String = line.chars().take(WIDTH - INDENT - 1).collect();
                *line = format!("{kept}\u{2026}");
            }
        }
        let mut text = format!("{}\n", self.heading);
        for (topic, lines) in &self.topics {
            for (at, line) in lines.iter().enumerate() {
                let topic = if at == 0 { topic } else { "" };
                put(&mut text, format_args!("{topic:INDENT$}{line}\n"));
            }
        }
        text
    }

    fn questions(&mut self, questions: &[QuestionView], now: Timestamp) {
        let open: Vec<&QuestionView> = questions
            .iter()
            .filter(|one| one.answer.is_none())
            .collect();
        for one in open.iter().take(QUESTIONS) {
            let to = one.to.as_ref();
            let to = to.map_or_else(String::new, |to| format!(" {to}"));
            let ago = in_words(now.since(one.at));
            let words = format!("{} asks{to} ({ago} ago): {}", one.by, one.text);
            self.topic(&format!("question {}", one.number), &words);
        }
        match open.len().saturating_sub(QUESTIONS) {
            0 => {}
            more => self.topic("", &format!("and {more} more questions are open")),
        }
    }
}

fn starts(rollout: &RolloutView, view: &ApprovalView, now: Timestamp) -> String {
    if let (Some(ring), Some(at_least)) = (&view.ring, view.at_least) {
        let rest = if view.due {
            String::new()
        } else {
            " (not yet reached)".to_owned()
        };
        return format!("the end of the soak of `{ring}`, after {at_least} of it{rest}");
    }
    if view.starts == "completion" {
        return "completion: it is the last ring".to_owned();
    }
    let mut words = format!("`{}`, {}", view.starts, hosts(view.hosts));
    let is_kept = !in_the_way(rollout, now).is_empty();
    match view.first_start {
        Some(at) if at <= now && is_kept => words.push_str("; none before what is in the way ends"),
        Some(at) => put(
            &mut words,
            format_args!("; the first at {}", until(now, at)),
        ),
        None => {}
    }
    if let Some(closed) = &view.closed {
        let from = closed.opens.map_or_else(
            || "in no window that is known".to_owned(),
            |at| format!("not before {at}"),
        );
        put(
            &mut words,
            format_args!("; {} of them {from}", closed.hosts),
        );
    }
    if !view.held.is_empty() {
        let all = if view.first_start.is_none() && u32::try_from(view.held.len()) == Ok(view.hosts)
        {
            "; none can begin, all are held"
        } else {
            "; held"
        };
        put(&mut words, format_args!("{all}: {}", list(&view.held, 4)));
    }
    if !view.left_out.is_empty() {
        put(
            &mut words,
            format_args!("; left out: {}", list(&view.left_out, 4)),
        );
    }
    if !view.excepted.is_empty() {
        put(
            &mut words,
            format_args!("; excepted: {}", list(&view.excepted, 4)),
        );
    }
    words
}

/// What the lane changes: soaks of rings to come.
fn soaks(asked: &LaneAskedView) -> String {
    if asked.soaks.is_empty() {
        "as they are".to_owned()
    } else {
        asked.soaks.join(", ")
    }
}

fn so_far(rollout: &RolloutView, view: &ApprovalView) -> String {
    let sum = |count: fn(&ringway_engine::view::RingView) -> u32| -> u32 {
        rollout.rings.iter().map(count).sum()
    };
    let mut parts = vec![format!("{} updated", sum(|ring| ring.done))];
    for (count, word) in [
        (sum(|ring| ring.visiting + ring.settling), "in flight"),
        (sum(|ring| ring.skipped), "skipped"),
        (sum(|ring| ring.excepted), "excepted"),
        (sum(|ring| ring.outside), "changed outside"),
        (sum(|ring| ring.vanished), "vanished"),
        (sum(|ring| ring.rolled_back), "rolled back"),
        (sum(|ring| ring.withheld), "restart withheld"),
        (view.debt, "left behind in the ring"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    parts.push(if view.failed.is_empty() {
        "none failed".to_owned()
    } else {
        format!("{} FAILED: {}", view.failed.len(), list(&view.failed, 6))
    });
    parts.join(", ")
}

fn way_back(view: &ApprovalView) -> Option<String> {
    let way = view.way_back?;
    let mut parts = Vec::new();
    match (way.updated, way.without) {
        (0, _) => {}
        (updated, 0) => parts.push(format!("all {updated} changed so far can go back")),
        (updated, without) => {
            parts.push(format!(
                "{without} of {updated} changed so far CANNOT go back"
            ));
        }
    }
    match way.to_come_without {
        0 => {}
        without => parts.push(format!(
            "{without} to come have no rollback in their recipe"
        )),
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn changed(since: &SinceView, view: &ApprovalView, now: Timestamp) -> String {
    // A yes to the same that is not among those given counts no more.
    let is_void = since.starts == view.starts && !view.by.contains(&since.person);
    let mut words = format!(
        "{}'s yes to `{}` {} ago{}: {:+} updated",
        since.person,
        since.starts,
        in_words(now.since(since.at)),
        if is_void {
            ", which does not count any more"
        } else {
            ""
        },
        since.updated
    );
    for (names, word) in [(&since.failed, "failed"), (&since.mended, "mended")] {
        if !names.is_empty() {
            put(&mut words, format_args!("; {word}: {}", list(names, 4)));
        }
    }
    words
}

fn given(view: &ApprovalView, now: Timestamp) -> String {
    let mut words = format!("{} of {}", view.by.len(), view.need);
    for (at, yes) in view.given.iter().enumerate() {
        let comma = if at == 0 { ": " } else { ", " };
        put(&mut words, format_args!("{comma}{}", one_yes(yes, now)));
    }
    words
}

/// A yes as it is recorded: `chris, deputy in operators`.
pub(super) fn one_yes(yes: &YesView, now: Timestamp) -> String {
    let mut words = yes.person.clone();
    if let Some(team) = &yes.deputy_in {
        put(&mut words, format_args!(", deputy in {team}"));
    }
    if let Some(at) = yes.expires {
        put(&mut words, format_args!(" (void at {})", until(now, at)));
    }
    if let Some(why) = &yes.void_now {
        put(&mut words, format_args!(" (void once it is due: {why})"));
    }
    words
}

/// Who else must or must not.
pub(super) fn others(view: &ApprovalView) -> Option<String> {
    let mut parts = Vec::new();
    let missing = usize::from(view.need).saturating_sub(view.by.len());
    if missing > 0 {
        let could = view.could.iter().map(|one| match &one.contact {
            Some(contact) => format!("{one} [{contact}]"),
            None => one.to_string(),
        });
        let could: Vec<String> = could.collect();
        parts.push(match (view.teams.as_slice(), could.as_slice()) {
            ([], _) => "anybody".to_owned(),
            (_, []) => "nobody is left who could".to_owned(),
            (_, names) => list(names, 6),
        });
    }
    if !view.cannot.is_empty() {
        let names: Vec<String> = view.cannot.iter().map(ToString::to_string).collect();
        parts.push(format!("not {}", list(&names, 4)));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn list(names: &[String], at_most: usize) -> String {
    let mut text = names
        .iter()
        .take(at_most)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    match names.len().saturating_sub(at_most) {
        0 => {}
        more => put(&mut text, format_args!(" and {more} more")),
    }
    text
}

/// A text in lines of a width, cut off where it has too many. Line breaks and what else people typed are spaces here.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let word: String = word
            .chars()
            .filter(|c| !c.is_control())
            .take(width)
            .collect();
        let count = lines.len();
        let line = lines.last_mut().expect("there is one from the beginning");
        let length = line.chars().count();
        if length == 0 {
            line.push_str(&word);
        } else if length + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(&word);
        } else if count < LINES {
            lines.push(word);
        } else {
            let kept: String = line.chars().take(width - 1).collect();
            *line = format!("{kept}\u{2026}");
            break;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use ringway_engine::view::{
        AtOnce, CannotView, ClosedView, CouldView, DueView, GateView, RingDue, RingView,
        VerdictView, WayBack,
    };
    use ringway_model::{Digest, RingIndex, RolloutId, Says, Span, WaitingOn};

    use super::*;

    const NOW: Timestamp = Timestamp(1_776_186_000_000);

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn ring(name: &str, planned: u32, done: u32) -> RingView {
        RingView {
            name: name.to_owned(),
            phase: "promoted".to_owned(),
            planned,
            pending: planned - done,
            visiting: 0,
            by_hand: 0,
            staged: None,
            settling: 0,
            done,
            failed: 0,
            again: 0,
            debt: 0,
            on_hold: 0,
            withheld: 0,
            rolled_back: 0,
            skipped: 0,
            excepted: 0,
            outside: 0,
            vanished: 0,
            halt_on: Some(2),
            soak_until: None,
        }
    }

    fn rollout(approval: ApprovalView) -> RolloutView {
        RolloutView {
            id: RolloutId(3),
            policy: "monthly".to_owned(),
            update: "2026-04-security".to_owned(),
            plan: Digest::of(b"plan"),
            starter: "olga".to_owned(),
            state: "advancing".to_owned(),
            is_final: false,
            superseded_by: None,
            supersedes: None,
            ring: Some("canary".to_owned()),
            kept: Vec::new(),
            waiting: Vec::new(),
            rings: vec![
                ring("lab", 20, 20),
                ring("canary", 42, 41),
                ring("early", 120, 0),
            ],
            approval: Some(approval),
            later: Vec::new(),
            early: None,
            questions: vec![QuestionView {
                number: 2,
                by: "ana".to_owned(),
                at: Timestamp(NOW.0 - 7_200_000),
                to: Some("ben".to_owned()),
                text: "is the vendor told\nof web-3?".to_owned(),
                answer: None,
            }],
            author: Some("dora".to_owned()),
            change: None,
            coverage: None,
            overrides: Vec::new(),
            lane: None,
            lane_asked: None,
            gates: Vec::new(),
            due: None,
            too_late: Vec::new(),
            not_applicable: 0,
            hit: 1,
        }
    }

    fn view() -> ApprovalView {
        ApprovalView {
            subject: Subject::Promotion { ring: RingIndex(1) },
            starts: "early".to_owned(),
            hosts: 120,
            digest: Digest::of(b"shown"),
            need: 2,
            by: names(&["chris"]),
            teams: names(&["operators"]),
            due: true,
            failed: names(&["web-3"]),
            ring: Some("canary".to_owned()),
            given: vec![YesView {
                person: "chris".to_owned(),
                user: "chris".to_owned(),
                deputy_in: Some("operators".to_owned()),
                at: Some(NOW),
                expires: Some(NOW + Span::hours(4)),
                reason: String::new(),
                void_now: None,
            }],
            could: vec![CouldView {
                person: "ben".to_owned(),
                deputy_in: None,
                contact: Some("ext 17".to_owned()),
            }],
            cannot: vec![CannotView {
                person: "dora".to_owned(),
                why: "wrote the policy".to_owned(),
            }],
            at_least: None,
            between: None,
            counts_from: None,
            debt: 1,
            left_out: names(&["web-9"]),
            excepted: Vec::new(),
            held: Vec::new(),
            gates: vec![VerdictView {
                gate: "answers".to_owned(),
                says: Verdict::Pass,
                up: 41,
                down: 0,
                of: 41,
            }],
            untested: names(&["role=sql os=debian-13", "role=pacs os=windows-2022"]),
            first_start: Some(NOW + Span::hours(5)),
            closed: None,
            at_once: Some(AtOnce {
                group: Some("web".to_owned()),
                hosts: 60,
                down: 12,
            }),
            way_back: Some(WayBack {
                updated: 62,
                without: 2,
                to_come_without: 3,
            }),
            since: Some(SinceView {
                person: "ben".to_owned(),
                at: Timestamp(NOW.0 - 172_800_000),
                starts: "canary".to_owned(),
                updated: 41,
                failed: names(&["web-3"]),
                mended: Vec::new(),
            }),
        }
    }

    #[test]
    fn everything_that_a_yes_rests_on_is_on_one_screen() {
        let text = approving(&rollout(view()), &view(), NOW);
        let expected = "\
r3  2026-04-security: approval
policy       monthly (by dora), started by olga
question 2   ana asks ben (2h ago): is the vendor told of web-3?
starts       `early`, 120 hosts; the first at 2026-04-14T22:00:00Z (in 5h); left
             out: web-9
down at once at most 12 of the 60 hosts of group `web` in the ring
so far       61 updated, 1 left behind in the ring, 1 FAILED: web-3
gate         `answers` pass: 41 of 41 up
not tested   no ring has tested role=sql os=debian-13, role=pacs os=windows-2022
way back     2 of 62 changed so far CANNOT go back; 3 to come have no rollback
             in their recipe
since        ben's yes to `canary` 2d ago: +41 updated; failed: web-3
approvals    1 of 2: chris, deputy in operators (void at 2026-04-14T21:00:00Z
             (in 4h))
who else     ben [ext 17]; not dora (wrote the policy)
digest       DIGEST
";
        let expected = expected.replace("DIGEST", &Digest::of(b"shown").to_string());
        assert_eq!(text, expected);
    }

    fn due(missed: bool) -> DueView {
        let day = |days: u64| NOW + Span::hours(24 * days);
        DueView {
            by: "after_start".to_owned(),
            at: day(2),
            earliest: Some(day(6)),
            missed,
            rings: vec![RingDue {
                ring: "early".to_owned(),
                starts: day(0),
                settled: day(4),
                soaked: day(5),
                promoted: day(6),
            }],
            held: Vec::new(),
        }
    }

    /// Whoever reads only when the first host begins believes that the date is kept.
    #[test]
    fn a_yes_to_what_will_be_late_is_given_knowing_it() {
        let mut rollout = rollout(view());
        for (missed, words) in [
            (
                true,
                "due          in 2d, WILL BE MISSED: settling `early` needs 4d, completion 6d\n",
            ),
            (
                false,
                "due          in 2d: settling `early` needs 4d, completion 6d\n",
            ),
        ] {
            rollout.due = Some(due(missed));
            let text = approving(&rollout, &view(), NOW);
            assert!(text.contains(words), "{text}");
        }
        rollout.due = Some(DueView {
            earliest: None,
            rings: Vec::new(),
            ..due(true)
        });
        let text = approving(&rollout, &view(), NOW);
        assert!(text.contains("its calendar has no time for it"), "{text}");
    }

    #[test]
    fn hosts_of_no_group_are_said_to_have_none() {
        let mut view = view();
        view.at_once = Some(AtOnce {
            group: None,
            hosts: 3,
            down: 1,
        });
        let text = approving(&rollout(view.clone()), &view, NOW);
        assert!(
            text.contains("down at once at most 1 of the 3 hosts in the ring that have no group\n"),
            "{text}"
        );
    }

    /// A screen that scrolls away is not read.
    #[test]
    fn however_much_there_is_to_say_it_fits_a_terminal() {
        let long = |count: usize| -> Vec<String> {
            (0..count)
                .map(|n| format!("a-host-with-a-long-name-{n:04}"))
                .collect()
        };
        let mut full = view();
        (full.failed, full.left_out, full.untested) = (long(400), long(90), long(70));
        full.since = full.since.map(|since| SinceView {
            failed: long(40),
            mended: long(30),
            ..since
        });
        full.due = false;
        full.closed = Some(ClosedView {
            hosts: 90,
            opens: Some(NOW + Span::hours(90)),
        });
        full.gates = vec![full.gates[0].clone(); 2];
        let mut rollout = rollout(full.clone());
        rollout.questions = vec![rollout.questions[0].clone(); 2];
        rollout.questions[0].text = "why ".repeat(500);
        rollout.due = Some(due(true));
        rollout.waiting = vec![paused().into()];
        rollout.gates = vec![closed_gate(); 2];
        let text = approving(&rollout, &full, NOW);
        assert!(text.lines().count() <= 24, "{text}");
        assert!(
            text.lines().all(|line| line.chars().count() <= WIDTH),
            "{text}"
        );
    }

    fn paused() -> WaitingOn {
        WaitingOn::Pause {
            by: ringway_model::Actor("ana".to_owned()),
            reason: "the vendor calls back".to_owned(),
        }
    }

    fn closed_gate() -> GateView {
        GateView {
            gate: "change-open".to_owned(),
            says: Says::Closed,
            since: Timestamp(NOW.0 - 7_200_000),
            why: "CHG-4711 is not approved".to_owned(),
            every_ms: Span::minutes(5),
        }
    }

    /// A yes that starts nothing because of something else is not said to start it now.
    #[test]
    fn what_else_keeps_visits_from_beginning_is_told() {
        let wanted = ApprovalView {
            first_start: Some(NOW),
            closed: Some(ClosedView {
                hosts: 7,
                opens: Some(NOW + Span::hours(96)),
            }),
            ..view()
        };
        let mut rollout = rollout(wanted.clone());
        rollout.waiting = vec![paused().into()];
        rollout.gates = vec![closed_gate()];
        rollout.due = Some(DueView {
            by: "other".to_owned(),
            at: NOW + Span::hours(24),
            earliest: Some(NOW + Span::hours(97)),
            missed: true,
            held: Vec::new(),
            rings: Vec::new(),
        });
        let text = approving(&rollout, &wanted, NOW);
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "none before what is in the way ends; 7 of them not before 2026-04-18T17:00:00Z",
            "in the way paused by ana: the vendor calls back",
            "in the way gate `change-open` is closed for 2h: CHG-4711 is not approved",
            "due in 1d, WILL BE MISSED: completion needs 4d 1h",
        ] {
            assert!(words.contains(part), "{part}: {text}");
        }
        assert!(!words.contains("(now)"), "{text}");
    }

    #[test]
    fn a_yes_that_counts_no_more_is_told_as_one() {
        let since = SinceView {
            starts: "early".to_owned(),
            ..view().since.unwrap()
        };
        let wanted = ApprovalView {
            since: Some(since),
            ..view()
        };
        let text = approving(&rollout(wanted.clone()), &wanted, NOW);
        assert!(
            text.contains("ben's yes to `early` 2d ago, which does not count any more:"),
            "{text}"
        );
    }

    #[test]
    fn the_end_of_a_soak_is_told_as_what_it_is() {
        let early = ApprovalView {
            subject: Subject::Early { ring: RingIndex(1) },
            at_least: Some(Span::hours(2)),
            due: false,
            ..view()
        };
        let text = approving(&rollout(early.clone()), &early, NOW);
        assert!(
            text.starts_with("r3  2026-04-security: ending a soak early\n"),
            "{text}"
        );
        assert!(
            text.contains(
                "starts       the end of the soak of `canary`, after 2h of it (not yet reached)\n"
            ),
            "{text}"
        );
    }
}
