//! Times across documents: zones must exist, freezes must select hosts, working time needs working hours.

use std::collections::BTreeSet;

use crate::fields::{Notes, nearest};
use crate::problem::{Code, Found, Report};
use crate::validated::{Documents, ZoneName};

/// Reports zones that do not exist, where somebody says which do, and soaks in working time that nobody defines.
pub(super) fn check(
    documents: &Documents,
    zones: &BTreeSet<String>,
    notes: &Notes,
    found: &mut Found,
) {
    for used in &notes.zones {
        if zones.is_empty() || used.name == ZoneName::UTC || zones.contains(&used.name) {
            continue;
        }
        let message = format!("{} names an unknown time zone `{}`", used.by, used.name);
        let report = Report::new(Code::UnknownZone, used.place, message.trim_start());
        found.report(report.hint(meant(&used.name, zones)));
    }
    let Some(fleet) = &documents.fleet else {
        return;
    };
    if fleet.calendar.working_hours.is_some() {
        return;
    }
    for policy in documents.policies.values() {
        for ring in policy
            .rings
            .iter()
            .filter(|ring| ring.working_time.is_some())
        {
            let path = format!("policy {} ring {} soak", policy.name, ring.name);
            let message = format!(
                "ring `{}` soaks in working time, and the fleet does not say when that is",
                ring.name
            );
            let report = Report::new(Code::KeyConflict, super::place(notes, &path), message);
            found.report(report.hint("add `working_hours: mon-fri 08:00-18:00` to the fleet"));
        }
    }
}

/// The zone that was probably meant.
fn meant(name: &str, zones: &BTreeSet<String>) -> String {
    let place = |zone: &str| zone.rsplit('/').next().unwrap_or(zone).to_lowercase();
    let wanted = place(name);
    let same_place = zones.iter().find(|zone| place(zone) == wanted);
    let near = same_place
        .map(String::as_str)
        .or_else(|| nearest(name, zones.iter().map(String::as_str)));
    match near {
        Some(near) => format!("did you mean `{near}`?"),
        None if name.contains(['+', '-']) => {
            "write a place, for example `Europe/Berlin`: an offset knows nothing of summer time"
                .to_owned()
        }
        None => "write its name in the time zone database, for example `Europe/Berlin`".to_owned(),
    }
}
