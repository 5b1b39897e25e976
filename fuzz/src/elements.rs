//! What is written in one scalar, each where a document has it: what it means is written, and read to mean the same.
//!
//! The first byte of an input says which element it is, the rest is the text.

use ringway_model::{Labels, Selector, Share, Span};
use ringway_policy::validated::{Documents, Frozen, Moment, Starts};
use ringway_policy::{Attachments, Source, read_with};

use crate::when;

/// An element.
struct Element {
    /// Where it stands in the fleet, with `@` for it.
    fleet: &'static str,
    /// Where it stands in the policy.
    policy: &'static str,
    /// What it means: as it would be written, and as data.
    meant: fn(&Documents) -> Option<(String, String)>,
    /// One that is right, and one that is not.
    examples: &'static [&'static str],
}

const NOTHING: fn(&Documents) -> Option<(String, String)> = |_| None;

/// Every element. New ones come at the end: what was found is kept by their numbers.
const ELEMENTS: [Element; 18] = [
    Element {
        fleet: "windows: { w: { days: @, start: \"22:00\", for: 1h } }",
        policy: "",
        meant: |documents| {
            let window = documents.fleet.as_ref()?.calendar.windows.get("w")?;
            let Starts::On { days, .. } = &window.starts else {
                return None;
            };
            let words: Vec<String> = days.iter().map(ToString::to_string).collect();
            // Several are a list in a document; written with bars only those of the week are one.
            (days.len() == 1).then(|| (words.join(" | "), format!("{days:?}")))
        },
        examples: &[
            "mon-thu",
            "sat | sun",
            "daily",
            "second tuesday + 4d",
            "last friday - 1d",
            "mon,tue",
            "third tueday",
        ],
    },
    Element {
        fleet: "windows: { w: { days: daily, start: @, for: 1h } }",
        policy: "",
        meant: |documents| {
            let window = documents.fleet.as_ref()?.calendar.windows.get("w")?;
            let Starts::On { at, .. } = &window.starts else {
                return None;
            };
            Some((at.to_string(), format!("{at:?}")))
        },
        examples: &["22:00", "2:30:15", "10pm", "2200", "22h00"],
    },
    Element {
        fleet: "windows: { w: { cron: @, for: 1h } }",
        policy: "",
        meant: |documents| {
            let window = documents.fleet.as_ref()?.calendar.windows.get("w")?;
            let Starts::Cron(cron) = &window.starts else {
                return None;
            };
            Some((cron.text.clone(), format!("{cron:?}")))
        },
        examples: &[
            "30 1 * * 1-5",
            "*/15 0-6/2 1,15 jan-mar sun",
            "@daily",
            "60 * * * *",
            "0 0 29 2 *",
        ],
    },
    Element {
        fleet: "windows: { w: { days: daily, start: \"22:00\", for: @ } }",
        policy: "",
        meant: |documents| {
            let length = documents.fleet.as_ref()?.calendar.windows.get("w")?.length;
            Some((length.to_string(), format!("{length:?}")))
        },
        examples: &["6h", "1h30m", "90m", "0s", "1.5h", "2 hours"],
    },
    Element {
        fleet: "windows: { w: { days: daily, start: \"22:00\", for: 1h, zone: @ } }",
        policy: "",
        meant: |documents| {
            let zone = documents
                .fleet
                .as_ref()?
                .calendar
                .windows
                .get("w")?
                .zone
                .clone()?;
            Some((zone.to_string(), format!("{zone:?}")))
        },
        examples: &["Europe/Berlin", "UTC", "Europe/Berln", "+02:00"],
    },
    Element {
        fleet: "working_hours: @",
        policy: "",
        meant: |documents| {
            let hours = documents.fleet.as_ref()?.calendar.working_hours.clone()?;
            Some((hours.to_string(), format!("{hours:?}")))
        },
        examples: &[
            "mon-fri 08:00-16:00",
            "mon-thu 08:00-18:00 | fri 22:00-02:00",
            "mon-fri 8-16",
        ],
    },
    Element {
        fleet: "freezes: { f: { from: @, until: 2999-01-01, reason: x } }",
        policy: "",
        meant: |documents| moment(documents, true),
        examples: &[
            "2026-12-18",
            "2026-10-02 18:00",
            "2026-10-04T06:00 Europe/Berlin",
            "2026-11-01T00:00:00Z",
            "2026-11-01T00:00:00+01:00",
            "18.12.2026",
        ],
    },
    Element {
        fleet: "freezes: { f: { from: 1999-01-01, until: @, reason: x } }",
        policy: "",
        meant: |documents| moment(documents, false),
        examples: &["2026-12-18", "2026-10-02 18:00:30", "2026-02-30"],
    },
    Element {
        fleet: "freezes: { f: { from: 2026-01-01, until: 2026-01-02, reason: x, select: @ } }",
        policy: "",
        meant: |documents| {
            let select = &documents.fleet.as_ref()?.calendar.freezes.get("f")?.select;
            Some((select.to_string(), matched(select)))
        },
        examples: &[
            "role = web | db and env != prod",
            "has pam or not os startswith 'debian 1'",
            "all",
            "role in web",
            "name = \"it's\"",
        ],
    },
    Element {
        fleet: "",
        policy: "pace: { at_once: 1, settle: @ }",
        meant: |documents| {
            let settle = documents.policies.get("it")?.pace.settle;
            Some((settle.to_string(), format!("{settle:?}")))
        },
        examples: &["5m", "250ms", "2d12h"],
    },
    Element {
        fleet: "",
        policy: "halt: { failed: 1, failed_share: { limit: @, counts_from: 50 } }",
        meant: |documents| {
            let share: Share = documents.policies.get("it")?.halt.failed_share?.limit;
            Some((share.to_string(), format!("{share:?}")))
        },
        examples: &["2%", "0.5%", "33.3333%", "101%"],
    },
    Element {
        fleet: "",
        policy: "budget: { down: @ }",
        meant: |documents| {
            let down = documents.policies.get("it")?.budget_down?;
            Some((String::new(), format!("{down:?}"))).filter(|_| false)
        },
        examples: &["3", "5%", "-1", "4294967296"],
    },
    Element {
        fleet: "groups: [{ name: @, select: role = web }]",
        policy: "",
        meant: |documents| {
            let name = documents.fleet.as_ref()?.groups.first()?.name.clone();
            Some((name.clone(), name))
        },
        examples: &["web-1", "a b", "-x"],
    },
    Element {
        fleet: "",
        policy: "start: { approvals: 1, by: [a], between: @ }",
        meant: NOTHING,
        examples: &["mon-fri 08:00-16:00"],
    },
    Element {
        fleet: "connect: { ssh: { jump: @ } }",
        policy: "",
        meant: NOTHING,
        examples: &[
            "ops@bastion.example.com:2222",
            "[2001:db8::7]:22",
            "a@b@c",
            "bastion:70000",
        ],
    },
    Element {
        fleet: "connect: { ssh: { host_keys: { pinned: @ } } }",
        policy: "",
        meant: NOTHING,
        examples: &[
            "SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ",
            "MD5:00",
        ],
    },
    Element {
        fleet: "accept: [{ lint: own-host, reason: x, until: @ }]",
        policy: "",
        meant: NOTHING,
        examples: &["2026-12-31", "next year"],
    },
    Element {
        fleet: "probes: { up: { http: { port: 80, path: @ }, every: 10s, timeout: 2s } }",
        policy: "",
        meant: NOTHING,
        examples: &["/health?of={host}", "/{role", "health", "/{nolabel}"],
    },
];

fn moment(documents: &Documents, first: bool) -> Option<(String, String)> {
    let freeze = documents.fleet.as_ref()?.calendar.freezes.get("f")?;
    let Frozen::Between { from, until } = &freeze.when else {
        return None;
    };
    let moment: &Moment = if first { from } else { until };
    Some((moment.to_string(), format!("{moment:?}")))
}

/// Which of some hosts a selector means. Where in a text its labels stand is not what it means.
fn matched(select: &Selector) -> String {
    let values = [
        "web",
        "db",
        "prod",
        "yes",
        "true",
        "no",
        "debian-12",
        "debian 12",
        "it's",
        "a\"b",
        "WEB",
        "",
    ];
    let mut means = String::new();
    let labels = select.labels();
    for value in values {
        let all: Labels = labels
            .iter()
            .map(|label| (label.name.clone(), value.to_owned()))
            .collect();
        let one: Labels = labels
            .iter()
            .take(1)
            .map(|label| (label.name.clone(), value.to_owned()))
            .collect();
        for labels in [all, one] {
            means.push(if select.matches("web-1", &labels) {
                '1'
            } else {
                '0'
            });
        }
    }
    means
}

/// The documents around a text.
fn documents(element: &Element, text: &str) -> String {
    let quoted = serde_json::to_string(text).expect("a text has a JSON form");
    let connect = if element.fleet.starts_with("connect") {
        ""
    } else {
        "connect: local\n"
    };
    let fleet = element.fleet.replace('@', &quoted);
    let policy = element.policy.replace('@', &quoted);
    format!(
        "ringway: fleet/v1\nname: corp\nzone: Europe/Berlin\n{connect}{fleet}\nhosts: [{{ name: web-1, labels: {{ role: web, env: prod, os: debian-12, pam: yes }} }}]\n---\nringway: policy/v1\nname: it\napplies_to: all\nrings: [{{ name: all, hosts: rest, soak: 1h }}]\n{policy}\n"
    )
}

/// Reads one.
pub(crate) fn run(input: &[u8]) {
    let Some((&which, text)) = input.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let element = &ELEMENTS[usize::from(which) % ELEMENTS.len()];
    models(text);
    let Some((read, meant)) = read(element, text) else {
        return;
    };
    when::of_documents(&read, when::all());
    let Some((written, value)) = meant else {
        return;
    };
    match self::read(element, &written) {
        Some((_, Some((written_again, again)))) => {
            assert_eq!(
                value, again,
                "`{text}` is written as `{written}` and means something else then"
            );
            assert_eq!(written, written_again);
        }
        Some((_, None)) | None => panic!("`{text}` is written as `{written}`, which does not read"),
    }
}

type Read = (Documents, Option<(String, String)>);

fn read(element: &Element, text: &str) -> Option<Read> {
    let source = Source::new("it.yaml", documents(element, text));
    let attachments = Attachments {
        zones: when::names(),
        ..Attachments::default()
    };
    match read_with(std::slice::from_ref(&source), &attachments) {
        Ok(documents) => {
            let meant = (element.meant)(&documents);
            Some((documents, meant))
        }
        Err(problems) => {
            for problem in &problems.problems {
                let span = &problem.span;
                assert!(
                    span.start <= span.end && span.end <= source.bytes.len(),
                    "{problem:?}"
                );
                let snippet = problem.snippet.as_ref();
                let is_line = |text: &str| !text.chars().any(char::is_control);
                assert!(is_line(&problem.message), "{problem:?}");
                assert!(
                    snippet.is_none_or(|snippet| is_line(&snippet.text)),
                    "{problem:?}"
                );
            }
            drop(problems.to_string());
            None
        }
    }
}

/// What the model reads without a document.
fn models(text: &str) {
    if let Ok(span) = text.parse::<Span>() {
        assert_eq!(span.to_string().parse(), Ok(span));
    }
    if let Ok(share) = text.parse::<Share>() {
        assert_eq!(share.to_string().parse(), Ok(share));
    }
    if let Ok(intent) = text.parse::<ringway_model::IntentId>() {
        assert_eq!(intent.to_string().parse(), Ok(intent));
    }
    if let Ok(rollout) = text.parse::<ringway_model::RolloutId>() {
        assert_eq!(rollout.to_string().parse(), Ok(rollout));
    }
    if let Ok(digest) = text.parse::<ringway_model::Digest>() {
        assert_eq!(digest.to_string().parse(), Ok(digest));
    }
    if let Err(error) = Selector::parse(text) {
        assert!(error.at + error.len <= text.len(), "{error:?}");
        assert!(
            text.is_char_boundary(error.at) && text.is_char_boundary(error.at + error.len),
            "{error:?}"
        );
    }
}

/// The examples, each with its element.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let numbered = (0_u8..).zip(&ELEMENTS);
    let one = |(number, element): (u8, &Element)| -> Vec<Vec<u8>> {
        let texts = element.examples.iter();
        texts
            .map(|text| [&[number], text.as_bytes()].concat())
            .collect()
    };
    numbered.flat_map(one).collect()
}
