//! `diff`: two policies over one fleet, as what they do and not as what they say. Reads documents; changes nothing.

use std::path::Path;

use ringway_policy::validated::Policy;
use ringway_scheduler::compare::Comparison;
use ringway_scheduler::{FleetSpec, Plan, compare, make_plan};
use serde::Serialize;

use crate::args::Diff;
use crate::asking;
use crate::documents::{self, Read, choose};
use crate::exit::{End, Failure, Outcome};
use crate::out::Out;

/// One of the two.
struct Side {
    fleet: FleetSpec,
    plan: Plan,
    policy: Policy,
}

/// As data; a program should not have to find out by itself whether there is a difference at all.
#[derive(Serialize)]
struct Told {
    is_change: bool,
    #[serde(flatten)]
    comparison: Comparison,
}

/// `ringway diff`.
pub(crate) fn diff(out: Out, args: &Diff) -> Outcome {
    let before = side(out, args, &args.before)?;
    let after = side(out, args, &args.after)?;
    let comparison = compare(
        &after.fleet,
        (&before.plan, &before.policy),
        (&after.plan, &after.policy),
    );
    let told = Told {
        is_change: comparison.is_change(),
        comparison,
    };
    out.value(&told, |told| compare::render(&told.comparison));
    Ok(End::Done)
}

/// A file that is there is one, whatever else its name could be.
fn side(out: Out, args: &Diff, named: &str) -> Result<Side, Failure> {
    let path = Path::new(named);
    let paths = &args.documents.paths;
    let (read, wanted) = if path.is_file() {
        let read = documents::read_with_policies_of(out, paths, path)?;
        (read, args.policy.as_deref())
    } else {
        (documents::read(out, paths)?, Some(named))
    };
    let looks_like_a_file = named.contains('/') || path.extension().is_some();
    if wanted == Some(named) && looks_like_a_file && !read.documents.policies.contains_key(named) {
        return Err(
            Failure::new(End::Invalid, format!("there is no file `{named}`"))
                .hint("name a file that has a policy, or a policy of the documents"),
        );
    }
    plan(&read, args, wanted).map_err(|failure| {
        if path.is_file() {
            Failure {
                why: format!("`{named}`: {}", failure.why),
                ..failure
            }
        } else {
            failure
        }
    })
}

fn plan(read: &Read, args: &Diff, wanted: Option<&str>) -> Result<Side, Failure> {
    let documents = &read.documents;
    let fleet = asking::fleet(documents)?;
    let policy = choose("policy", wanted, documents.policies.keys())?;
    let update = choose("update", args.update.as_deref(), documents.updates.keys())?;
    let plan = make_plan(&fleet, documents, &policy, &update, args.seed)
        .map_err(|e| Failure::new(End::Invalid, e))?;
    Ok(Side {
        policy: documents.policies[&policy].clone(),
        fleet,
        plan,
    })
}
