//! A recipe: how an update is installed, checked, restarted and taken back.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use ringway_model::{AfterCrash, Digest, Span};

use super::errands::{self, RECOVERY, STAGE};
use super::fleet::optional;
use super::probe::braced;
use super::protect::{self, PROTECT};
use super::step::{self, AFTER_CRASH, AT, CHANGE, CHECK, RUN, TIMEOUT_KEY};
use super::work::{self, BY_HAND};
use crate::fields::{Cx, Fields, Named, nearest};
use crate::problem::{Code, Report};
use crate::scalar;
use crate::shape::{Is, Shape, may, must};
use crate::validated::{Inspect, Protect, Reboot, Recipe, Recovery, Stage, Step, When, Work};
use crate::yaml::{Node, Place, Value};

/// Long enough for a physical server's self-test, short enough to notice one that hangs in it.
const BACK_WITHIN: Span = Span::minutes(10);

/// The document.
pub(crate) static RECIPE: Shape = Shape {
    what: "recipe",
    about: "How an update is installed.",
    keys: &[
        must(
            "ringway",
            Is::Word(&["recipe/v1"]),
            "recipe/v1",
            "The kind of document.",
        ),
        must("name", Is::Name, "debian-package", "The recipe's name."),
        may(
            "parameters",
            Is::Map(&Is::Text),
            "Parameters by name: `required`, or a default. Commands see each in upper case as an environment variable.",
        ),
        must(
            "steps",
            Is::Of(&STEPS),
            "{ apply: { run: ./install } }",
            "The steps.",
        ),
    ],
    later: &[],
};

static STEPS: Shape = Shape {
    what: "recipe's `steps`",
    about: "The steps of a recipe. A visit goes through them in this order: recovery (of a broken host that does not answer), stage (where that is not done), inspect, precheck, protect (where that is not done), apply, reboot, verify.",
    keys: &[
        may(
            "recovery",
            Is::Of(&RECOVERY),
            "Brings a broken host back that does not answer, so that a fix can be installed. Needs `inspect`.",
        ),
        may(
            "stage",
            Is::Of(&STAGE),
            "Fetches what is to be installed, ahead of the visit.",
        ),
        may("inspect", Is::Of(&INSPECT), "Looks at what is installed."),
        may(
            "precheck",
            Is::Of(&CHECK),
            "Checks that the host can take it.",
        ),
        may(
            "protect",
            Is::Of(&PROTECT),
            "Makes a snapshot before anything is changed. Without one nothing is.",
        ),
        must(
            "apply",
            Is::Either(&[Is::Of(&CHANGE), Is::Of(&BY_HAND)]),
            "{ run: ./install }",
            "Installs: a command, or `manual` for a person who works by hand.",
        ),
        may(
            "reboot",
            Is::Of(&REBOOT),
            "Restarts the host or its service, and waits until it is back.",
        ),
        may("verify", Is::Of(&CHECK), "Checks that it works."),
        may(
            "rollback",
            Is::Either(&[Is::Of(&CHANGE), Is::Of(&BY_HAND)]),
            "Takes it back to what `inspect` found before: a command, or `manual`.",
        ),
        may(
            "manifest",
            Is::Of(&CHECK),
            "Prints, on one host of each product line, exactly what the update would install there now. `ringway manifest` writes it into the release as the parameter `manifest`, which the recipe must have.",
        ),
    ],
    later: &[],
};

static INSPECT: Shape = Shape {
    what: "`inspect`",
    about: "Looks at what is installed. Texts may contain `{output}`, `{build}`, `{id}` and any `{parameter}`.",
    keys: &[
        RUN,
        AT,
        TIMEOUT_KEY,
        must(
            "installed_when",
            Is::Text,
            "\"{build}\"",
            "The trimmed output that means that the release is there.",
        ),
        may(
            "previous",
            Is::Text,
            "What a rollback goes back to; without it there is none.",
        ),
    ],
    later: &[],
};

static REBOOT: Shape = Shape {
    what: "`reboot`",
    about: "Restarts the host or its service, and waits until it is back.",
    keys: &[
        may(
            "when",
            Is::Either(&[Is::Word(&["always"]), Is::Of(&WHEN)]),
            "Restarts only when this holds; `always` where absent.",
        ),
        RUN,
        AT,
        TIMEOUT_KEY,
        AFTER_CRASH,
        may(
            "boot_id",
            Is::Command,
            "Prints something that changes with every restart.",
        ),
        may(
            "restarts",
            Is::Text,
            "How many restarts are right: `1` or `1-2`; 1 where absent. Needs `boot_id`.",
        ),
        may(
            "back_within",
            Is::Span,
            "How long the host has to come back; `10m` where absent.",
        ),
    ],
    later: &[],
};

static WHEN: Shape = Shape {
    what: "`when`",
    about: "When a host is restarted. One of these.",
    keys: &[
        may("file", Is::Text, "When this file exists on the host."),
        may(
            "run",
            Is::Command,
            "When this command ends with exit code 0 on the host.",
        ),
    ],
    later: &[],
};

/// The parameter that takes what the step `manifest` prints.
pub(crate) const MANIFEST: &str = "manifest";

/// Environment variables that commands get from Ringway or need from the system; a parameter must not hide them.
static RESERVED: [&str; 25] = [
    "host",
    "address",
    "update",
    "release",
    "build",
    "previous",
    "wanted",
    "id",
    "output",
    "path",
    "home",
    "user",
    "logname",
    "shell",
    "ifs",
    "env",
    "lang",
    "pwd",
    "term",
    "tmpdir",
    "tz",
    "ps4",
    "cdpath",
    "protection",
    "protect_as",
];

/// Reads a recipe document.
pub(crate) fn read(cx: &Cx<'_>, node: &Node<'_>, digest: Digest) -> Option<Recipe> {
    let fields = Fields::open(cx, &RECIPE, node)?;
    fields.read("ringway", |_, _| Some(()));
    let name = fields.read("name", scalar::defined(Named::Recipe));
    let parameters = fields.read("parameters", parameters);
    let known = fields.get("parameters").map(names).unwrap_or_default();
    let steps = fields.read("steps", |cx, node| steps(cx, node, &known));
    let steps = steps?;
    Some(Recipe {
        name: name?,
        digest,
        parameters: optional(&fields, "parameters", parameters)?,
        stage: steps.stage,
        recovery: steps.recovery,
        inspect: steps.inspect,
        precheck: steps.precheck,
        protect: steps.protect,
        apply: steps.apply,
        reboot: steps.reboot,
        verify: steps.verify,
        rollback: steps.rollback,
        manifest: steps.manifest,
    })
}

type Parameters = BTreeMap<String, Option<String>>;

fn parameters(cx: &Cx<'_>, node: &Node<'_>) -> Option<Parameters> {
    let parameters = scalar::map(cx, node, "parameters", |cx, name, place, value| {
        let name = parameter_name(cx, name, place);
        let default = scalar::text(cx, value)?;
        Some((name?, (default != "required").then_some(default)))
    })?;
    Some(parameters.into_iter().collect())
}

/// The names of parameters, good or bad: what the rest of the recipe may mean by them.
fn names<'n>(node: &'n Node<'_>) -> Vec<&'n str> {
    match &node.value {
        Value::Map { entries, .. } => entries.iter().map(|entry| entry.key.as_ref()).collect(),
        Value::Scalar { .. } | Value::List(_) => Vec::new(),
    }
}

fn parameter_name(cx: &Cx<'_>, name: &str, place: Place) -> Option<String> {
    let mut bytes = name.bytes();
    let begins = bytes.next().is_some_and(|b| b.is_ascii_lowercase());
    if !begins || !bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
        let message =
            format!("`{name}` cannot be a parameter: commands see it as an environment variable");
        let hint = "lower-case letters, digits and `_`, a letter first";
        return cx.fail(Code::BadName, place, message, hint);
    }
    if RESERVED.contains(&name) || name.starts_with("label_") || name.starts_with("ld_") {
        let upper = name.to_uppercase();
        let message = format!("`{name}` cannot be a parameter: `{upper}` has a meaning of its own");
        return cx.fail(Code::ReservedName, place, message, "call it something else");
    }
    Some(name.to_owned())
}

struct Steps {
    recovery: Option<Recovery>,
    stage: Option<Stage>,
    inspect: Option<Inspect>,
    precheck: Option<Step>,
    protect: Option<Protect>,
    apply: Work,
    reboot: Option<Reboot>,
    verify: Option<Step>,
    rollback: Option<Work>,
    manifest: Option<Step>,
}

fn steps(cx: &Cx<'_>, node: &Node<'_>, parameters: &[&str]) -> Option<Steps> {
    let fields = Fields::open(cx, &STEPS, node)?;
    let recovery = fields.read("recovery", errands::recovery);
    recovers_unseen(cx, &fields);
    let stage = fields.read("stage", errands::stage);
    by_hand_has_no_stage(cx, &fields);
    let inspect = fields.read("inspect", |cx, node| inspect(cx, node, parameters));
    let precheck = fields.read("precheck", step::check);
    let protect = fields.read("protect", protect::protect);
    let apply = fields.read("apply", |cx, node| work::read(cx, node, parameters));
    let reboot = fields.read("reboot", reboot);
    let verify = fields.read("verify", step::check);
    let rollback = fields.read("rollback", |cx, node| work::read(cx, node, parameters));
    let manifest = fields.read("manifest", step::check);
    if fields.get("manifest").is_some() && !parameters.contains(&MANIFEST) {
        let message = "what `manifest` prints has no place to go to";
        cx.report(
            Report::new(Code::KeyConflict, fields.key_place("manifest"), message)
                .hint("add the parameter it becomes: `parameters: { manifest: required }`"),
        );
    }
    let inspects = fields.get("inspect").is_some();
    if !inspects {
        for key in ["apply", "reboot", "rollback"] {
            asks_nobody(cx, &fields, key);
        }
    }
    let has_previous = match fields.get("inspect").map(|node| &node.value) {
        Some(Value::Map { entries, .. }) => entries.iter().any(|entry| entry.key == "previous"),
        Some(Value::Scalar { .. } | Value::List(_)) | None => false,
    };
    if fields.get("rollback").is_some() && !has_previous {
        let message = "`rollback` does not know what to go back to";
        cx.report(
            Report::new(Code::KeyConflict, fields.key_place("rollback"), message)
                .hint("add `previous` to `inspect`, for example `previous: \"{output}\"`"),
        );
    }
    Some(Steps {
        recovery,
        stage,
        inspect,
        precheck,
        protect,
        apply: apply?,
        reboot,
        verify,
        rollback,
        manifest,
    })
}

/// What a host has that was brought back is known only to whoever looks.
fn recovers_unseen(cx: &Cx<'_>, fields: &Fields<'_, '_, '_, '_>) {
    if fields.get("recovery").is_some() && fields.get("inspect").is_none() {
        let message = "`recovery` brings back a host, and nothing looks at what it has then";
        cx.report(
            Report::new(Code::KeyConflict, fields.key_place("recovery"), message).hint(
                "add the step `inspect`, which is also how it is known that the host answers",
            ),
        );
    }
}

/// What a person installs by hand is fetched by that person.
fn by_hand_has_no_stage(cx: &Cx<'_>, fields: &Fields<'_, '_, '_, '_>) {
    let by_hand = fields.get("apply").is_some_and(work::is_by_hand);
    if by_hand && fields.get("stage").is_some() {
        let message = "`stage` fetches for a command, and `apply` is done by hand";
        cx.report(
            Report::new(Code::KeyConflict, fields.key_place("stage"), message)
                .hint("leave `stage` out, and say in the `instructions` what is to be fetched"),
        );
    }
}

/// `after_crash: inspect` is written, and there is no `inspect`.
fn asks_nobody(cx: &Cx<'_>, fields: &Fields<'_, '_, '_, '_>, key: &'static str) {
    let Some(Value::Map { entries, .. }) = fields.get(key).map(|node| &node.value) else {
        return;
    };
    let asks = entries.iter().find(|entry| {
        entry.key == "after_crash"
            && matches!(&entry.value.value, Value::Scalar { text, .. } if text == "inspect")
    });
    if let Some(entry) = asks {
        let message = format!("`{key}` wants to inspect after a crash, and there is no `inspect`");
        cx.report(
            Report::new(Code::KeyConflict, entry.key_place, message).hint(
                "add the step `inspect`; or `after_crash: repeat`, where a second run does no harm",
            ),
        );
    }
}

fn inspect(cx: &Cx<'_>, node: &Node<'_>, parameters: &[&str]) -> Option<Inspect> {
    let fields = Fields::open(cx, &INSPECT, node)?;
    let step = step::common(&fields, AfterCrash::Repeat);
    let installed_when = fields.read("installed_when", |cx, node| template(cx, node, parameters));
    let previous = fields.read("previous", |cx, node| template(cx, node, parameters));
    Some(Inspect {
        step: step?,
        installed_when: installed_when?,
        previous,
    })
}

/// A text with `{output}`, `{build}`, `{id}` and parameters in braces.
fn template(cx: &Cx<'_>, node: &Node<'_>, parameters: &[&str]) -> Option<String> {
    placeholders(cx, node, &["output", "build", "id"], parameters)
}

/// A text in which these names, and parameters, may stand in braces.
pub(super) fn placeholders(
    cx: &Cx<'_>,
    node: &Node<'_>,
    own: &[&str],
    parameters: &[&str],
) -> Option<String> {
    if let Value::Map {
        entries,
        flow: true,
    } = &node.value
        && let [only] = entries.as_slice()
    {
        let message = format!("`{{{}}}` without quotes is a mapping", only.key);
        let hint = format!("quote it: `\"{{{}}}\"`", only.key);
        return cx.fail(Code::WrongType, node.place, message, &hint);
    }
    let text = scalar::text(cx, node)?;
    let known = || own.iter().chain(parameters).copied();
    for (at, name) in braced(&text) {
        if known().any(|known| known == name) {
            continue;
        }
        let hint = nearest(name, known()).map_or_else(
            || {
                let own: Vec<String> = own.iter().map(|name| format!("`{{{name}}}`")).collect();
                let own = own.join(", ");
                format!("it may contain {own} and parameters of the recipe")
            },
            |near| format!("did you mean `{{{near}}}`?"),
        );
        let place = cx.inside(node, at, name.len());
        let message = format!("`{{{name}}}` stands for nothing");
        cx.report(Report::new(Code::UnknownParameter, place, message).hint(hint));
    }
    Some(text)
}

fn reboot(cx: &Cx<'_>, node: &Node<'_>) -> Option<Reboot> {
    let fields = Fields::open(cx, &REBOOT, node)?;
    let when = fields.read("when", when);
    let after_crash = step::after_crash(&fields);
    let step = step::common(&fields, after_crash);
    let boot_id = fields.read("boot_id", scalar::command);
    let restarts = fields.read("restarts", restarts);
    let back_within = fields.read("back_within", scalar::span_from(Span(1)));
    if fields.get("restarts").is_some() && fields.get("boot_id").is_none() {
        let message = "restarts cannot be counted without `boot_id`";
        cx.report(
            Report::new(Code::KeyConflict, fields.key_place("restarts"), message).hint(
                "add `boot_id: \"cat /proc/sys/kernel/random/boot_id\"`, or leave `restarts` out",
            ),
        );
    }
    Some(Reboot {
        step: step?,
        when: if fields.get("when").is_some() {
            when?
        } else {
            When::Always
        },
        boot_id,
        restarts: restarts.unwrap_or((NonZeroU16::MIN, NonZeroU16::MIN)),
        back_within: back_within.unwrap_or(BACK_WITHIN),
    })
}

fn when(cx: &Cx<'_>, node: &Node<'_>) -> Option<When> {
    if !matches!(node.value, Value::Map { .. }) {
        return scalar::word(&[("always", ())], &[])(cx, node).map(|()| When::Always);
    }
    let fields = Fields::open(cx, &WHEN, node)?;
    scalar::exactly_one(&fields, &["file", "run"])?;
    let file = fields.read("file", scalar::value).map(When::File);
    let run = fields.read("run", scalar::command).map(When::Run);
    file.or(run)
}

fn restarts(cx: &Cx<'_>, node: &Node<'_>) -> Option<(NonZeroU16, NonZeroU16)> {
    let text = scalar::value(cx, node)?;
    let (least, most) = text.split_once('-').unwrap_or((&text, &text));
    match (
        least.trim().parse::<NonZeroU16>(),
        most.trim().parse::<NonZeroU16>(),
    ) {
        (Ok(least), Ok(most)) if least <= most => Some((least, most)),
        _ => {
            let message = format!("`{text}` is not a number of restarts");
            cx.fail(
                Code::BadValue,
                node.place,
                message,
                "write `1`, or from the fewest to the most: `1-2`",
            )
        }
    }
}
