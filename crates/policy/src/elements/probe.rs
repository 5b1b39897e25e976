//! A probe: a repeated question to a host.

use ringway_model::{Place as At, Span};

use crate::fields::{Cx, Fields};
use crate::problem::Code;
use crate::scalar;
use crate::shape::{Is, Shape, may, must};
use crate::validated::{Ask, Probe};
use crate::yaml::Node;

/// Often enough to see a restart that takes minutes, rare enough for ten thousand hosts.
const EVERY: Span = Span::seconds(30);
/// More often than this a probe is load, not observation.
const LEAST_EVERY: Span = Span(100);
/// A service that needs longer to answer is not well.
const TIMEOUT: Span = Span::seconds(5);

/// One probe.
pub(crate) static PROBE: Shape = Shape {
    what: "probe",
    about: "A repeated question to a host: is it well? One of `http`, `tcp` and `run`.",
    keys: &[
        may("http", Is::Of(&HTTP), "An HTTP request."),
        may("tcp", Is::Of(&TCP), "A TCP connection that is accepted."),
        may("run", Is::Command, "A command that ends with exit code 0."),
        may(
            "at",
            Is::Word(&["host", "controller"]),
            "Where the command runs; `host` where absent.",
        ),
        may("every", Is::Span, "How often; `30s` where absent."),
        may(
            "timeout",
            Is::Span,
            "How long one question may take; `5s` where absent.",
        ),
    ],
    later: &[],
};

static HTTP: Shape = Shape {
    what: "HTTP probe",
    about: "An HTTP request. Texts may contain `{host}`, `{address}` and any `{label}`.",
    keys: &[
        must(
            "port",
            Is::Text,
            "8080",
            "The port; a label in braces is replaced by the host's own.",
        ),
        may("path", Is::Text, "The path; `/` where absent."),
        may(
            "status",
            Is::Count,
            "The status that is good; 200 where absent.",
        ),
        may("body_contains", Is::Text, "A text the body must contain."),
    ],
    later: &[],
};

static TCP: Shape = Shape {
    what: "TCP probe",
    about: "A TCP connection that is accepted.",
    keys: &[must(
        "port",
        Is::Text,
        "5432",
        "The port; a label in braces is replaced by the host's own.",
    )],
    later: &[],
};

/// The words for where a command runs.
pub(crate) static PLACES: [(&str, At); 2] = [("host", At::Host), ("controller", At::Controller)];
/// Those that come later.
static LATER_PLACES: [(&str, &str); 1] = [("peer", "probes on a peer of the host")];

/// Reads a probe.
pub(crate) fn read(cx: &Cx<'_>, name: &str, node: &Node<'_>) -> Option<Probe> {
    let fields = Fields::open(cx, &PROBE, node)?;
    let one = scalar::exactly_one(&fields, &["http", "tcp", "run"]);
    let http = fields.read("http", http);
    let tcp = fields.read("tcp", |cx, node| {
        let port = Fields::open(cx, &TCP, node)?.read("port", port);
        Some(Ask::Tcp { port: port? })
    });
    let run = fields.read("run", scalar::command);
    let at = fields.read("at", scalar::word(&PLACES, &LATER_PLACES));
    if fields.get("at").is_some() && fields.get("run").is_none() {
        let message = format!("probe `{name}` has `at` without `run`");
        cx.fail::<()>(
            Code::KeyConflict,
            fields.key_place("at"),
            message,
            "only a command has a place",
        );
    }
    let every = fields
        .read("every", scalar::span_from(LEAST_EVERY))
        .unwrap_or(EVERY);
    let timeout = fields
        .read("timeout", scalar::span_from(Span(1)))
        .unwrap_or(TIMEOUT);
    let run = run.map(|run| Ask::Run {
        run,
        at: at.unwrap_or_default(),
    });
    one?;
    Some(Probe {
        ask: http.or(tcp).or(run)?,
        every,
        timeout,
    })
}

fn http(cx: &Cx<'_>, node: &Node<'_>) -> Option<Ask> {
    let fields = Fields::open(cx, &HTTP, node)?;
    let port = fields.read("port", port);
    let path = fields.read("path", path).unwrap_or_else(|| "/".to_owned());
    let status = fields
        .read("status", scalar::number(100, 599))
        .unwrap_or(200);
    let body_contains = fields.read("body_contains", |cx, node| {
        let text = scalar::text(cx, node)?;
        placeholders(cx, node, &text);
        Some(text)
    });
    let status = u16::try_from(status).expect("at most 599");
    Some(Ask::Http {
        port: port?,
        path,
        status,
        body_contains,
    })
}

fn path(cx: &Cx<'_>, node: &Node<'_>) -> Option<String> {
    let path = scalar::value(cx, node)?;
    placeholders(cx, node, &path);
    if path.starts_with('/') && !path.contains(char::is_whitespace) {
        return Some(path);
    }
    let message = format!("`{path}` is not a path");
    cx.fail(
        Code::BadValue,
        node.place,
        message,
        "it begins with `/` and has no spaces",
    )
}

/// A port: digits, or a text with a label in braces.
pub(crate) fn port(cx: &Cx<'_>, node: &Node<'_>) -> Option<String> {
    let port = scalar::braced_value(cx, node)?;
    if placeholders(cx, node, &port) > 0 || port.parse::<u16>().is_ok_and(|port| port > 0) {
        return Some(port);
    }
    let message = format!("`{port}` is not a port");
    cx.fail(
        Code::BadValue,
        node.place,
        message,
        "a number from 1 to 65535, or a label in braces: `\"{port}\"`",
    )
}

/// Notes the labels that stand in braces in a text, and counts all words in braces.
pub(crate) fn placeholders(cx: &Cx<'_>, node: &Node<'_>, text: &str) -> usize {
    let mut count = 0;
    for (at, name) in braced(text) {
        count += 1;
        if !matches!(name, "host" | "address" | "name") {
            cx.label(name, cx.inside(node, at, name.len()));
        }
    }
    count
}

/// The words in braces in a text, with where each begins.
pub(crate) fn braced(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    text.match_indices('{').filter_map(move |(at, _)| {
        let rest = &text[at + 1..];
        let name = &rest[..rest.find('}')?];
        (!name.is_empty() && name.chars().all(word)).then_some((at + 1, name))
    })
}

/// The labels a probe needs of each host it asks.
pub(crate) fn needs(probe: &Probe) -> Vec<&str> {
    let texts: Vec<&str> = match &probe.ask {
        Ask::Http {
            port,
            path,
            body_contains,
            ..
        } => [Some(port), Some(path), body_contains.as_ref()]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect(),
        Ask::Tcp { port } => vec![port],
        Ask::Run { .. } => Vec::new(),
    };
    let mut labels: Vec<&str> = texts
        .into_iter()
        .flat_map(braced)
        .map(|(_, name)| name)
        .filter(|name| !matches!(*name, "host" | "address" | "name"))
        .collect();
    labels.sort_unstable();
    labels.dedup();
    labels
}
