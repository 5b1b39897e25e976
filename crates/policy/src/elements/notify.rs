//! Who is told what unasked: by a command or a webhook, together, again, and somebody else at last.

use std::collections::BTreeSet;

use ringway_model::{Digest, Span};

use super::fleet::optional;
use crate::fields::{Cx, Fields};
use crate::problem::Code;
use crate::scalar;
use crate::shape::{Is, Shape, may, must};
use crate::validated::{Escalate, Notify, NotifyRule, NotifyTo, Topic};
use crate::yaml::Node;

/// Long enough that hosts that fail one after another are one message, short enough for somebody who is called.
const GROUP: Span = Span::minutes(1);

/// More often nobody can read it.
const LEAST: Span = Span::minutes(1);

/// The document.
pub(crate) static NOTIFY: Shape = Shape {
    what: "notify document",
    about: "Who is told what unasked. It counts for rollouts that are planned with it.",
    keys: &[
        must(
            "ringway",
            Is::Word(&["notify/v1"]),
            "notify/v1",
            "The kind of document.",
        ),
        must(
            "rules",
            Is::List(&Is::Of(&RULE)),
            "[{ name: operators, when: [halted], to: { run: [./tell] } }]",
            "Rules; each that matches tells.",
        ),
    ],
    later: &[],
};

static RULE: Shape = Shape {
    what: "rule",
    about: "Who is told what.",
    keys: &[
        must("name", Is::Name, "operators", "The rule's name."),
        must(
            "when",
            Is::List(&Is::Word(&WORDS)),
            "[approval-needed, halted, failed]",
            "What is told. `approval-needed`, `halted`, `paused`, `stopped`, `fault`, `overdue` (a rollout will miss its due date, or has missed it: once each) `advisory` (somebody is to accept or dismiss it, or it keeps hosts from an update) and `question` (nobody has answered it) stay open until they are over; `failed` (a host), `promoted` (a ring), `completed` and `ended` (cancelled or rolled back) are told once.",
        ),
        must("to", Is::Of(&TO), "{ run: [./tell] }", "Who is told."),
        may(
            "group",
            Is::Span,
            "What comes within this time after the first is told with it; `1m` where absent.",
        ),
        may(
            "remind",
            Is::Span,
            "What is still open is told again every so often; never where absent. At least `1m`.",
        ),
        may(
            "escalate",
            Is::Of(&ESCALATE),
            "Who else is told what is still open.",
        ),
    ],
    later: &[],
};

static TO: Shape = Shape {
    what: "`to`",
    about: "Who is told. One of `run` and `webhook`.",
    keys: &[
        may(
            "run",
            Is::Command,
            "Runs where Ringway runs, in the directory of the documents, with the message as JSON on its standard input. Exit code 0: it was told.",
        ),
        may(
            "webhook",
            Is::Text,
            "An `https://` or `http://` URL; the message is posted to it as JSON. Any status of 2xx: it was told.",
        ),
        may(
            "ca",
            Is::Text,
            "A file with certificates (PEM) of the authorities that may vouch for a server of `https`; those of the machine where absent.",
        ),
        may(
            "header_file",
            Is::Text,
            "A file whose first line is a header of each post over `https`, for example `Authorization: Bearer ..`. It is read when something is told, and never stored.",
        ),
        may(
            "secret_file",
            Is::Text,
            "A file whose first line signs each post: `Ringway-Signature: sha256=` and the HMAC of the body. It is read when something is told, and never stored.",
        ),
    ],
    later: &[],
};

static ESCALATE: Shape = Shape {
    what: "`escalate`",
    about: "Who else is told what is still open after a time.",
    keys: &[
        must("after", Is::Span, "8h", "How long after it began."),
        must("to", Is::Of(&TO), "{ run: [./call] }", "Who is told."),
    ],
    later: &[],
};

const WORDS: [&str; 12] = [
    "approval-needed",
    "halted",
    "paused",
    "stopped",
    "fault",
    "failed",
    "promoted",
    "completed",
    "ended",
    "overdue",
    "question",
    "advisory",
];

static TOPICS: [(&str, Topic); 12] = [
    ("approval-needed", Topic::ApprovalNeeded),
    ("halted", Topic::Halted),
    ("paused", Topic::Paused),
    ("stopped", Topic::Stopped),
    ("fault", Topic::Fault),
    ("failed", Topic::Failed),
    ("promoted", Topic::Promoted),
    ("completed", Topic::Completed),
    ("ended", Topic::Ended),
    ("overdue", Topic::Overdue),
    ("question", Topic::Question),
    ("advisory", Topic::Advisory),
];

/// Reads a notify document.
pub(crate) fn read(cx: &Cx<'_>, node: &Node<'_>, digest: Digest) -> Option<Notify> {
    let fields = Fields::open(cx, &NOTIFY, node)?;
    fields.read("ringway", |_, _| Some(()));
    let seen = std::cell::RefCell::new(BTreeSet::new());
    let rules = fields.read("rules", |cx, node| {
        scalar::list(cx, node, |cx, node| rule(cx, node, &seen))
    });
    Some(Notify {
        digest,
        rules: rules?,
    })
}

fn rule(
    cx: &Cx<'_>,
    node: &Node<'_>,
    seen: &std::cell::RefCell<BTreeSet<String>>,
) -> Option<NotifyRule> {
    let fields = Fields::open(cx, &RULE, node)?;
    cx.about(fields.title(), || {
        let name = fields.read("name", scalar::name);
        let when = fields.read("when", topics);
        let to = fields.read("to", to);
        let group = fields.read("group", scalar::span);
        let remind = fields.read("remind", scalar::span_from(LEAST));
        let escalate = fields.read("escalate", escalate);
        let name = name?;
        if !seen.borrow_mut().insert(name.clone()) {
            let message = format!("there is another rule `{name}`");
            let place = fields.key_place("name");
            return cx.fail(
                Code::DuplicateName,
                place,
                message,
                "what is told is known by the rule's name: give each its own",
            );
        }
        Some(NotifyRule {
            name,
            when: when?,
            to: to?,
            group: optional(&fields, "group", group.map(Some))?.unwrap_or(GROUP),
            remind,
            escalate,
        })
    })
}

fn topics(cx: &Cx<'_>, node: &Node<'_>) -> Option<BTreeSet<Topic>> {
    let topics = scalar::list(cx, node, scalar::word(&TOPICS, &[]))?;
    if topics.is_empty() {
        let hint = "for example `when: [approval-needed, halted, failed]`";
        let message = "the rule tells nothing".to_owned();
        return cx.fail(Code::BadValue, node.place, message, hint);
    }
    Some(topics.into_iter().collect())
}

fn escalate(cx: &Cx<'_>, node: &Node<'_>) -> Option<Escalate> {
    let fields = Fields::open(cx, &ESCALATE, node)?;
    let after = fields.read("after", scalar::span_from(LEAST));
    let to = fields.read("to", to);
    Some(Escalate {
        after: after?,
        to: to?,
    })
}

fn to(cx: &Cx<'_>, node: &Node<'_>) -> Option<NotifyTo> {
    let fields = Fields::open(cx, &TO, node)?;
    scalar::exactly_one(&fields, &["run", "webhook"])?;
    let run = fields.read("run", scalar::command);
    let url = fields.read("webhook", webhook);
    let secret_file = fields.read("secret_file", scalar::value);
    let header_file = fields.read("header_file", scalar::value);
    let ca = fields.read("ca", scalar::value);
    if let Some(run) = run {
        let given = [
            ("secret_file", secret_file.is_some()),
            ("header_file", header_file.is_some()),
            ("ca", ca.is_some()),
        ];
        if let Some((key, _)) = given.iter().find(|(_, given)| *given) {
            return cx.fail(
                Code::BadValue,
                fields.key_place(key),
                format!("a command has no use for `{key}`"),
                "leave it out: the command can read its secrets itself",
            );
        }
        return Some(NotifyTo::Run(run));
    }
    let url = url?;
    if url.starts_with("https://") {
        return Some(NotifyTo::Secure {
            url,
            secret_file,
            header_file,
            ca,
        });
    }
    let given = [("header_file", header_file), ("ca", ca)];
    if let Some((key, _)) = given.iter().find(|(_, given)| given.is_some()) {
        return cx.fail(
            Code::BadValue,
            fields.key_place(key),
            format!("`{key}` is for a webhook over `https` only"),
            "without encryption everybody on the way reads and changes what is posted; write `https://`",
        );
    }
    Some(NotifyTo::Webhook { url, secret_file })
}

/// `https://host[:port][/path]`, or the same with `http`: a login in a URL would end up in the journal.
fn webhook(cx: &Cx<'_>, node: &Node<'_>) -> Option<String> {
    let url = scalar::value(cx, node)?;
    let wrong = |message: String, hint: &str| cx.fail(Code::BadValue, node.place, message, hint);
    let rest = url.strip_prefix("https://");
    let rest = rest.or_else(|| url.strip_prefix("http://"));
    let rest = rest.unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_plain = url.bytes().all(|b| b.is_ascii_graphic()) && !url.contains(['#', '"', '<', '>']);
    if authority.is_empty() || authority.contains('@') || !is_plain {
        return wrong(
            format!("`{url}` is no URL that can be posted to"),
            "for example `https://chat.example/hooks/ringway`, without a login in it",
        );
    }
    Some(url)
}
