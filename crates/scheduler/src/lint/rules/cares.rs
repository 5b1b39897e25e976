//! What the care of a role leaves out.

use std::collections::BTreeMap;

use ringway_model::{Span, StepKind, VisitKind};
use ringway_policy::{At, Kind};

use super::super::facts::Facts;
use super::super::finding::Found;
use crate::plan::{More, Route};

/// A silence that ends by itself while the host may still be out of service.
pub(in super::super) fn silence_too_short(facts: &Facts<'_>, into: &mut Found) {
    // By care: the longest that one of its silences must outlast, with the recipe.
    let mut short: BTreeMap<&str, (Span, Span, &str)> = BTreeMap::new();
    for route in &facts.plan.routes {
        let (Some(care), Some((at_most, needed))) = (&route.care, silence(route)) else {
            continue;
        };
        if needed <= at_most {
            continue;
        }
        let entry = short.entry(care);
        let entry = entry.or_insert((at_most, needed, &route.recipe));
        if entry.1 < needed {
            *entry = (at_most, needed, &route.recipe);
        }
    }
    for (care, (at_most, needed, recipe)) in short {
        into.add(
            At::document(Kind::Care, care)
                .key("silence")
                .key("at_most"),
            format!(
                "care `{care}`: the silence ends by itself after {at_most}, and with recipe `{recipe}` a host may be out of \
                 service for {needed}: somebody is called for what is planned"
            ),
            "let it last longer, or bound the steps with `timeout`",
        );
    }
}

/// How long a route's silence lasts, and how long the steps under it may take: as a window is checked for a visit, each with its
/// timeout.
fn silence(route: &Route) -> Option<(Span, Span)> {
    let steps = route.visit(VisitKind::Update).iter();
    let mut steps = steps.filter_map(|&index| route.steps.get(usize::from(index)));
    let begin = steps.find(|step| step.kind == StepKind::Silence)?;
    let More::Silence { at_most } = begin.more else {
        return None;
    };
    let under = steps.take_while(|step| step.kind != StepKind::Unsilence);
    let needed = under.fold(Span::ZERO, |sum, step| sum.plus(step.longest()));
    Some((at_most, needed))
}
