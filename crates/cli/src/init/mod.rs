//! `init`: the first documents of a fleet, from flags and a few questions.
//!
//! What is written is checked, planned and linted before anything is written, with the same code as `check`, `plan` and
//! `lint`. All of it is there afterwards, or nothing is, and nothing that was there before is touched.

mod draft;
mod labels;
mod own;
mod place;
mod probe;
mod texts;
mod wishes;
mod yaml;

use ringway_scheduler::FleetSpec;
use serde::Serialize;

use self::draft::Draft;
use self::labels::PORT;
use self::place::Target;
use self::wishes::Wishes;
use crate::args::Init;
use crate::exit::{End, Outcome};
use crate::out::Out;
use crate::show::put;

/// What was written.
#[derive(Debug, Serialize)]
struct Made {
    directory: String,
    files: Vec<&'static str>,
    hosts: usize,
    rings: Vec<Ring>,
    /// Codes of findings that are accepted for the time being.
    accepted: Vec<&'static str>,
}

/// One ring of the policy that was written.
#[derive(Debug, Serialize)]
struct Ring {
    name: String,
    hosts: u32,
}

/// `ringway init`.
pub(crate) fn init(out: Out, args: &Init) -> Outcome {
    let target = Target::new(&args.directory, args.from.as_deref())?;
    let wishes = Wishes::new(out, args, &target)?;
    target.is_free(wishes.inventory())?;
    let draft = Draft::new(out, &wishes, &target)?;
    target.write(&draft.files)?;
    let made = Made {
        directory: target.shown(),
        files: draft.files.iter().map(|(name, _)| *name).collect(),
        hosts: draft.fleet.hosts.len(),
        rings: draft
            .plan
            .rings
            .iter()
            .map(|ring| Ring {
                name: ring.name.clone(),
                hosts: ring.planned,
            })
            .collect(),
        accepted: draft.accepted,
    };
    out.value(&made, words);
    if let Some(note) = other_ports(&wishes, &draft.fleet) {
        out.say(&note);
    }
    Ok(End::Done)
}

/// Hosts that log in at a port of their own, where not all say which: they would look as if they were down.
fn other_ports(wishes: &Wishes, fleet: &FleetSpec) -> Option<String> {
    let own = fleet.hosts.iter();
    let own = own.filter(|host| host.labels.get(PORT).is_some()).count();
    (!wishes.is_probe_wished && own > 0 && own < fleet.hosts.len()).then(|| {
        format!(
            "note: {own} of {} hosts say a port of their own (`{PORT}`), and the probe asks port 22 of all: say it of every host, \
             or name what to ask with `--probe`",
            fleet.hosts.len()
        )
    })
}

fn words(made: &Made) -> String {
    let mut text = format!("{} written in {}\n", made.files.join(", "), made.directory);
    let rings: Vec<String> = made
        .rings
        .iter()
        .map(|ring| format!("{} {}", ring.name, ring.hosts))
        .collect();
    let plural = if made.hosts == 1 { "" } else { "s" };
    put(
        &mut text,
        format_args!("{} host{plural}; rings: {}\n", made.hosts, rings.join(", ")),
    );
    if !made.accepted.is_empty() {
        put(
            &mut text,
            format_args!(
                "accepted for 30 days, in policy.yaml with what would mend it: {}\n",
                made.accepted.join(", ")
            ),
        );
    }
    let directory = match made.directory.as_str() {
        "." => String::new(),
        other => format!(" {}", yaml::shell(other)),
    };
    let next = [
        (format!("ringway plan{directory}"), "who goes when, and why"),
        (
            format!("ringway doctor{directory}"),
            "can every host be reached, and is it ready",
        ),
        (
            format!("ringway run{directory} --observe"),
            "a rollout that changes nothing",
        ),
    ];
    let width = next.iter().map(|(command, _)| command.len()).max();
    text.push_str("\nNext:\n");
    for (command, what) in &next {
        put(
            &mut text,
            format_args!(
                "  {command:<width$}   # {what}\n",
                width = width.unwrap_or(0)
            ),
        );
    }
    text
}
