//! Fleets compiled: groups in order, availability groups in the concrete, impossible ones named.

use ringway_model::{GroupId, HostId, ProbeId, Selector};
use ringway_policy::validated::{After, Connect, Connection, Minimum, RingSpread};
use ringway_scheduler::{FleetProblem, compile_fleet, names};

use crate::support::{after, compiled, fleet, group, host, keeping_up, select, share};

#[test]
fn groups_stand_after_those_they_depend_on_and_otherwise_as_written() {
    let groups = vec![
        after(group("web", "role = web"), &["databases", "cache"]),
        group("mail", "role = mail"),
        after(group("databases", "role = sql"), &["directory"]),
        group("cache", "role = cache"),
        group("directory", "role = dc"),
    ];
    let spec = compiled(Vec::new(), groups);
    let order: Vec<_> = spec
        .groups
        .iter()
        .map(|group| group.name.as_str())
        .collect();
    assert_eq!(order, ["mail", "cache", "directory", "databases", "web"]);
    for (at, group) in spec.groups.iter().enumerate() {
        assert!(group.after.iter().all(|(first, _)| first.index() < at));
    }
    assert_eq!(
        spec.groups[4].after,
        [(GroupId(1), false), (GroupId(3), false)]
    );
}

#[test]
fn a_group_named_twice_is_waited_for_once_in_the_stricter_way() {
    let mut web = after(group("web", "role = web"), &["sql", "sql"]);
    web.after[1] = After {
        group: "sql".to_owned(),
        across_rings: true,
    };
    let spec = compiled(Vec::new(), vec![web, group("sql", "role = sql")]);
    assert_eq!(spec.groups[1].after, [(GroupId(0), true)]);
}

/// Groups that merely wait for a cycle are not part of it.
#[test]
fn a_cycle_is_named_in_full_and_nothing_but_the_cycle() {
    let groups = vec![
        after(group("late", "role = late"), &["b"]),
        group("free", "role = free"),
        after(group("c", "role = c"), &["a"]),
        after(group("a", "role = a"), &["b", "free"]),
        after(group("b", "role = b"), &["c"]),
    ];
    let problem = compile_fleet(&fleet(Vec::new(), groups)).unwrap_err();
    assert_eq!(
        problem.to_string(),
        "groups wait for one another: `c` after `a` after `b` after `c`"
    );
    let itself = vec![after(group("a", "role = a"), &["a"])];
    let problem = compile_fleet(&fleet(Vec::new(), itself)).unwrap_err();
    assert_eq!(
        problem.to_string(),
        "groups wait for one another: `a` after `a`"
    );
}

#[test]
fn availability_groups_are_told_apart_by_label_and_no_member_is_forgotten() {
    let hosts = vec![
        host("dc-2", "role=dc domain=plant pam=yes"),
        host("web-1", "role=web"),
        host("dc-1", "role=dc domain=corp pam=true"),
        host("dc-3", "role=dc domain=corp"),
        host("dc-4", "role=dc"),
    ];
    let directory = keeping_up(group("directory", "role = dc"), "domain", RingSpread::Any);
    let spec = compiled(hosts.clone(), vec![directory.clone()]);
    let cells: Vec<_> = spec
        .cells
        .iter()
        .map(|cell| {
            (
                cell.name.as_str(),
                cell.members.clone(),
                cell.is_impossible(),
            )
        })
        .collect();
    assert_eq!(
        cells,
        [
            ("directory domain=corp", vec![HostId(2), HostId(3)], false),
            ("directory domain=plant", vec![HostId(0)], true),
            ("directory domain=(none)", vec![HostId(4)], true),
        ]
    );
    assert_eq!((spec.hosts[1].group, spec.hosts[1].cell), (None, None));
    assert!(spec.cells.iter().all(|cell| cell.probe == ProbeId(0)));

    // `yes` and `true` are one value, in selectors and here.
    let mut by_pam = directory;
    by_pam.keep_up.as_mut().unwrap().per = Some("pam".to_owned());
    let spec = compiled(hosts, vec![by_pam]);
    assert_eq!(spec.cells[0].name, "directory pam=true");
    assert_eq!(spec.cells[0].members, [HostId(0), HostId(2)]);
}

#[test]
fn a_group_without_a_label_is_one_availability_group_and_shares_round_up() {
    let hosts = (1..=10)
        .map(|n| host(&format!("web-{n}"), "role=web"))
        .collect();
    let mut web = keeping_up(group("web", "role = web"), "site", RingSpread::Any);
    let keep_up = web.keep_up.as_mut().unwrap();
    keep_up.per = None;
    keep_up.minimum = Minimum::Share(share("75%"));
    keep_up.down_at_most = None;
    let spec = compiled(hosts, vec![web]);
    assert_eq!(spec.cells.len(), 1);
    let cell = &spec.cells[0];
    assert_eq!(
        (cell.name.as_str(), cell.must_stay_up, cell.down_at_most),
        ("web", 8, 2)
    );
}

#[test]
fn hosts_are_reached_by_the_first_connection_that_matches_at_their_address_or_name() {
    let mut document = fleet(vec![host("a", "os=x"), host("b", "os=y")], Vec::new());
    document.hosts[0].address = Some("10.0.0.1".to_owned());
    document.connect.insert(
        0,
        Connect {
            select: select("os = y"),
            with: Connection::Local,
        },
    );
    let spec = compile_fleet(&document).unwrap();
    let reached: Vec<_> = spec
        .hosts
        .iter()
        .map(|host| (host.address.as_str(), host.connect))
        .collect();
    assert_eq!(reached, [("10.0.0.1", 1), ("b", 0)]);
    assert_eq!(names(&spec).hosts["b"], HostId(1));
}

#[test]
fn what_does_not_fit_is_a_problem_and_never_a_panic() {
    let hosts = vec![host("a", "role=web env=prod")];
    let web = || group("web", "role = web");
    let cases = [
        (
            fleet(hosts.clone(), vec![web(), group("prod", "env = prod")]),
            "host `a` is in two groups, `web` and `prod`",
        ),
        (
            fleet(hosts.clone(), vec![after(web(), &["gone"])]),
            "group `web` comes after `gone`, which is not a group",
        ),
        (
            {
                let mut fleet = fleet(hosts.clone(), vec![keeping_up(web(), "x", RingSpread::Any)]);
                fleet.probes.clear();
                fleet
            },
            "group `web` keeps up by probe `up`, which is not a probe",
        ),
        (
            {
                let mut fleet = fleet(hosts.clone(), Vec::new());
                fleet.connect[0].select = Selector::Not(Box::new(Selector::All));
                fleet
            },
            "nothing says how host `a` is reached",
        ),
        (
            {
                let mut fleet = fleet(hosts, Vec::new());
                let probe = fleet.probes["up"].clone();
                fleet.probes = (0..17).map(|n| (n.to_string(), probe.clone())).collect();
                fleet
            },
            "17 probes, at most 16 fit",
        ),
    ];
    for (fleet, expected) in cases {
        let problem: FleetProblem = compile_fleet(&fleet).unwrap_err();
        assert_eq!(problem.to_string(), expected);
    }
}
