//! Fleets one can run, as documents. There is no code here: only the proof that every example is valid and can be planned.
//!
//! * `demo`: two dozen servers with roles, pairs and dependencies, as `ringway demo` uses them.
//! * `demo/plain`: the same servers as a tool sees them that knows percentages and exit codes only; its update and recipe
//!   are those of `demo`.
//! * `april-2026`: 433 servers, and the update that put domain controllers into restart loops; to be simulated. What
//!   proves it is among the end-to-end tests, since its hosts are in a table beside it.
//! * `april-2026/plain`: the same servers and percentages.
//! * `farm`: two dozen servers of this machine that are reached over SSH; `cargo xtask farm start 24` makes them.

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use ringway_policy::Source;
    use ringway_scheduler::{compile_fleet, make_plan};

    fn source(path: &str) -> Source {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        Source::new(path, fs::read(file).unwrap())
    }

    #[test]
    fn every_example_is_valid_and_can_be_planned() {
        let demo = ["demo/update.yaml", "demo/recipe.yaml"];
        let farm = ["farm/update.yaml", "farm/recipe.yaml"];
        for (own, shared, policy, update) in [
            (
                &["demo/fleet.yaml", "demo/policy.yaml", "demo/care.yaml"][..],
                demo,
                "careful",
                "april",
            ),
            (
                &["demo/plain/fleet.yaml", "demo/plain/policy.yaml"],
                demo,
                "percentages",
                "april",
            ),
            (
                &["farm/fleet.yaml", "farm/policy.yaml", "farm/care.yaml"],
                farm,
                "farm-careful",
                "good",
            ),
            (
                &["farm/fleet.yaml", "farm/policy.yaml", "farm/care.yaml"],
                farm,
                "farm-careful",
                "bad",
            ),
        ] {
            let sources: Vec<Source> = own.iter().chain(&shared).map(|path| source(path)).collect();
            let documents = ringway_policy::read(&sources)
                .map_err(|p| p.to_string())
                .unwrap();
            let fleet = compile_fleet(documents.fleet.as_ref().unwrap()).unwrap();
            let plan = make_plan(&fleet, &documents, policy, update, 1).unwrap();
            assert_eq!((plan.slots.len(), plan.rings.len()), (24, 3), "{policy}");
        }
    }
}
