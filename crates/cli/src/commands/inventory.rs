//! `ringway hosts`: the hosts of the documents, with all that is known of them and, if wanted, who said it.

use std::collections::BTreeMap;

use ringway_policy::HostOrigins;
use ringway_policy::validated::Host;
use serde::Serialize;

use crate::args::Hosts;
use crate::asking;
use crate::documents;
use crate::exit::{End, Outcome};
use crate::out::Out;
use crate::show::put;

/// A host, for programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown<'r> {
    name: &'r str,
    address: Option<&'r str>,
    zone: Option<&'r str>,
    windows: &'r [String],
    labels: BTreeMap<&'r str, &'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origins: Option<&'r HostOrigins>,
}

/// `ringway hosts`.
pub(crate) fn hosts(out: Out, args: &Hosts) -> Outcome {
    let paths = &args.documents.paths;
    let read = if args.origins {
        documents::read_with_origins(out, paths)?
    } else {
        documents::read(out, paths)?
    };
    let spec = asking::fleet(&read.documents)?;
    let fleet = read
        .documents
        .fleet
        .as_ref()
        .expect("it was compiled just now");
    for name in &args.host {
        asking::host(&spec, name)?;
    }
    let selectors = asking::selectors(&args.select)?;
    let is_wanted = |host: &&Host| {
        let is_named = args.host.is_empty() || args.host.contains(&host.name);
        let matches =
            |selector: &ringway_model::Selector| selector.matches(&host.name, &host.labels);
        is_named && (selectors.is_empty() || selectors.iter().any(matches))
    };
    let shown: Vec<Shown<'_>> = fleet
        .hosts
        .iter()
        .filter(is_wanted)
        .map(|host| Shown {
            name: &host.name,
            address: host.address.as_deref(),
            zone: host
                .calendar
                .zone
                .as_ref()
                .map(ringway_policy::validated::ZoneName::as_str),
            windows: &host.calendar.windows,
            labels: host.labels.iter().collect(),
            origins: read.origins.as_ref().and_then(|all| all.get(&host.name)),
        })
        .collect();
    if shown.is_empty() && out.is_text() {
        out.say("no host is meant");
    }
    out.values(&shown, |host| match host.origins {
        Some(origins) => told(host.name, origins),
        None => line(host),
    });
    Ok(End::Done)
}

/// A host on one line.
fn line(host: &Shown<'_>) -> String {
    let mut text = host.name.to_owned();
    if let Some(address) = host.address {
        put(&mut text, format_args!("  {address}"));
    }
    for (name, value) in &host.labels {
        put(&mut text, format_args!("  {name}={value}"));
    }
    if !host.windows.is_empty() {
        put(
            &mut text,
            format_args!("  window {}", host.windows.join(" | ")),
        );
    }
    if let Some(zone) = host.zone {
        put(&mut text, format_args!("  zone {zone}"));
    }
    text
}

/// A host with where each value is from.
fn told(name: &str, origins: &HostOrigins) -> String {
    let mut text = format!("{name}  listed in {}\n", origins.listed.join(", "));
    let width = |of: fn(&ringway_policy::Origin) -> usize| origins.values.iter().map(of).max();
    let about = width(|value| value.about.len()).unwrap_or(0);
    let value = width(|value| value.value.chars().count())
        .unwrap_or(0)
        .min(40);
    for known in &origins.values {
        put(
            &mut text,
            format_args!(
                "  {:about$}  {:value$}  {}\n",
                known.about,
                known.value,
                known.from.join(", ")
            ),
        );
        for other in &known.not {
            put(
                &mut text,
                format_args!(
                    "  {:about$}  not `{}`, as {} says\n",
                    "", other.value, other.from
                ),
            );
        }
    }
    text
}
