//! Policies that ask for evidence of every kind of host before more of it are visited.

use std::num::NonZeroU32;

use ringway_model::Span;
use ringway_policy::validated::{Evidence, WhereMissing};

use crate::dice::Dice;
use crate::documents::Papers;

/// By which labels.
const BY: [&[&str]; 3] = [&["role"], &["role", "env"], &["site"]];

/// Lets policies ask for evidence: of few hosts or several, for a short while or a long one, by one label or by two. A ring
/// that would wait for ever begins with examples instead.
pub(crate) fn with_evidence(
    papers: &mut Papers,
    dice: &mut Dice,
    has_plan: impl Fn(&Papers, &str) -> bool,
) {
    let names: Vec<String> = papers.documents.policies.keys().cloned().collect();
    for name in names {
        let by = *dice.pick(&BY);
        let evidence = Evidence {
            by: by.iter().map(|label| (*label).to_owned()).collect(),
            hosts: if dice.chance(70) {
                NonZeroU32::MIN
            } else {
                NonZeroU32::MIN.saturating_add(1)
            },
            healthy: dice.span(Span::minutes(1), Span::minutes(50)),
            where_missing: if dice.chance(50) {
                WhereMissing::Hold
            } else {
                WhereMissing::Canary
            },
        };
        let asks = dice.chance(85);
        let Some(policy) = papers.documents.policies.get_mut(&name) else {
            continue;
        };
        if policy.gates.is_empty() || !asks {
            continue;
        }
        policy.evidence = Some(evidence.clone());
        if !has_plan(papers, &name)
            && let Some(policy) = papers.documents.policies.get_mut(&name)
        {
            let where_missing = WhereMissing::Canary;
            policy.evidence = Some(Evidence {
                where_missing,
                ..evidence
            });
        }
    }
}
