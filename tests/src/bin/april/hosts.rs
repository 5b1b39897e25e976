//! The fleet of the story as hosts of this machine: who they are, what the update does to whom, and the documents.
//!
//! The documents are those of `examples/april-2026`, but for how hosts are reached and asked, and the recipe's commands.

use std::fs;
use std::path::{Path, PathBuf};

use ringway_farm::{Farm, HostPlan, Plan};
use ringway_tests::root;
use tempfile::TempDir;

use crate::Outcome;

/// The network of this machine in which the story's addresses are.
const NETWORK: u8 = 84;
/// When the story begins: the evening on which the update came.
const BEGINS: &str = "2026-04-14T17:00:00.000Z";

/// What the bad update is called on each product line, and the fix.
pub(crate) const LINES: [(&str, &str, &str); 5] = [
    ("windows-2025", "KB5082063", "KB5091157"),
    ("windows-2022", "KB5082142", "KB5091575"),
    ("windows-23h2", "april-23h2", "KB5091571"),
    ("windows-2019", "april-2019", "KB5091573"),
    ("windows-2016", "april-2016", "KB5091572"),
];

/// In place of the recipe of the story's servers. `KEYS` is where somebody looks who types recovery keys in.
const RECIPE: &str = r#"# As the example's recipe, with the commands that lie on the hosts of the farm. Time that a step takes is the machine's.
ringway: recipe/v1
name: windows-update
steps:
  recovery: { run: 'touch KEYS/"$HOST"', at: controller, back_within: 2h }
  inspect:  { run: version, installed_when: "{id}", previous: "{output}" }
  precheck: { run: test -w version }
  apply:    { run: install "$RELEASE", timeout: 90m, after_crash: inspect }
  reboot:   { when: always, run: reboot, boot_id: cat boot-id, restarts: 1-2, back_within: 20s }
  verify:   { run: 'test "$(version)" = "$RELEASE"' }
  rollback: { run: install "$PREVIOUS", timeout: 90m }
"#;

/// What the update does to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It restarts again and again, and serves nobody.
    Lsass,
    /// It asks for its recovery key at the first restart.
    BitLocker,
    /// It cannot be installed.
    Refused,
}

/// A server of the story.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) role: String,
    pub(crate) os: String,
    pub(crate) edition: String,
    pub(crate) env: String,
    pub(crate) domain: String,
    pub(crate) fault: Option<Fault>,
}

impl Server {
    /// What the bad update is called there; `None` for a bystander.
    pub(crate) fn bad(&self) -> Option<&'static str> {
        let line = LINES.iter().find(|(os, ..)| *os == self.os);
        line.map(|(_, bad, _)| *bad)
    }

    /// What the fix is called there.
    pub(crate) fn fix(&self) -> Option<&'static str> {
        match (self.os.as_str(), self.edition.as_str()) {
            ("windows-2025", "azure") => Some("KB5091470"),
            ("windows-2022", "azure") => Some("KB5091576"),
            (os, _) => LINES.iter().find(|line| line.0 == os).map(|line| line.2),
        }
    }

    /// Whether its domain must never be without one like it.
    pub(crate) fn carries_a_domain(&self) -> bool {
        self.role == "dc" && self.env == "prod" && self.domain != "kiosk"
    }
}

/// Everything there is.
pub(crate) struct Town {
    pub(crate) farm: Farm,
    pub(crate) servers: Vec<Server>,
    folder: TempDir,
}

impl Town {
    /// Starts the hosts and lays the documents out.
    pub(crate) fn build(speed: u32) -> Outcome<Self> {
        let story = root().join("examples/april-2026");
        let servers = servers(&fs::read_to_string(story.join("hosts.csv"))?)?;
        let hosts = servers.iter().map(|server| {
            let plan = HostPlan::new(&server.name, &server.role);
            match (server.fault, server.bad()) {
                (Some(fault), Some(bad)) => plan.suffers(bad, fault.on_the_farm()),
                _ => plan,
            }
        });
        let mut plan = Plan::made_of(hosts.collect());
        plan.network = Some(NETWORK);
        plan.services = Some(true);
        "march".clone_into(&mut plan.version);
        let farm = Farm::start(plan)?;
        let folder = tempfile::tempdir()?;
        lay_out(&story, folder.path(), &farm, speed)?;
        Ok(Self {
            farm,
            servers,
            folder,
        })
    }

    /// Where the documents are.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where a file of a host's name asks for its recovery key to be typed in.
    pub(crate) fn keys(&self) -> PathBuf {
        self.folder.path().join("keys")
    }

    /// Where the journal is.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Where the time is.
    pub(crate) fn clock(&self) -> PathBuf {
        self.folder.path().join("clock")
    }
}

impl Fault {
    const fn on_the_farm(self) -> &'static str {
        match self {
            Self::Lsass => "restart-loop",
            Self::BitLocker => "stays-away",
            Self::Refused => "refused",
        }
    }
}

/// The servers of a table, with what the update does to each: what is a share in the story is a number here, so that
/// every run is the same month.
fn servers(table: &str) -> Outcome<Vec<Server>> {
    let mut lines = table.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let place = |name: &str| {
        let place = names.iter().position(|known| *known == name);
        place.ok_or_else(|| format!("`hosts.csv` has no column `{name}`"))
    };
    let columns = [
        "name", "role", "os", "edition", "env", "domain", "gc", "pam",
    ];
    let places = columns
        .iter()
        .map(|name| place(name))
        .collect::<Result<Vec<_>, _>>()?;
    let mut met = (0_u32, 0_u32);
    let servers = lines.map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        let cell = |column: usize| (*cells.get(places[column]).unwrap_or(&"")).to_owned();
        let mut server = Server {
            name: cell(0),
            role: cell(1),
            os: cell(2),
            edition: cell(3),
            env: cell(4),
            domain: cell(5),
            fault: None,
        };
        let is_dc = server.role == "dc";
        server.fault = if is_dc && cell(7) == "yes" && cell(6) == "no" {
            Some(Fault::Lsass)
        } else if is_dc {
            None
        } else if server.os == "windows-2025" {
            met.0 += 1;
            match met.0 % 25 {
                3 => Some(Fault::Refused),
                _ => None,
            }
        } else if server.os == "windows-2022" {
            met.1 += 1;
            (met.1 % 100 == 42).then_some(Fault::BitLocker)
        } else {
            None
        };
        server
    });
    Ok(servers.collect())
}

fn lay_out(story: &Path, folder: &Path, farm: &Farm, speed: u32) -> Outcome {
    for file in ["hosts.csv", "april.yaml", "exception.yaml"] {
        fs::copy(story.join(file), folder.join(file))?;
    }
    // What comes later is not there yet.
    let later = folder.join("later");
    fs::create_dir(&later)?;
    fs::copy(story.join("fix.yaml"), later.join("fix.yaml"))?;
    let advisories = fs::read_to_string(story.join("advisories.yaml"))?;
    let (vendor, forum) = advisories
        .split_once("\n---\n")
        .ok_or("`advisories.yaml` has two documents")?;
    fs::write(later.join("vendor.yaml"), vendor)?;
    fs::write(later.join("forum.yaml"), forum)?;
    let keys = folder.join("keys");
    fs::create_dir(&keys)?;
    let recipe = RECIPE.replace("KEYS", &keys.display().to_string());
    fs::write(folder.join("recipe.yaml"), recipe)?;
    fs::write(folder.join("clock"), format!("{BEGINS} x{speed}\n"))?;
    // A gate looks back further than from one question to the next.
    let policy = fs::read_to_string(story.join("policy.yaml"))?;
    let down = (
        "down: { for: 3m }",
        format!("down: {{ for: {}s }}", every(speed) * 2),
    );
    if !policy.contains(down.0) {
        return Err(format!("`policy.yaml` does not say `{}` any more", down.0).into());
    }
    fs::write(folder.join("policy.yaml"), policy.replace(down.0, &down.1))?;
    let fleet = fs::read_to_string(story.join("fleet.yaml"))?;
    fs::write(folder.join("fleet.yaml"), on_the_farm(&fleet, farm, speed)?)?;
    Ok(())
}

/// How many seconds of the story lie between two questions of a probe: two seconds of the machine, since two cores that ask
/// more often have no time left for the hosts' visits.
const fn every(speed: u32) -> u32 {
    speed * 2
}

/// The story's fleet, reached over SSH on this machine.
fn on_the_farm(fleet: &str, farm: &Farm, speed: u32) -> Outcome<String> {
    let every = every(speed);
    let connect = format!(
        "ssh: {{ user: {}, port: {}, key: {}, host_keys: {{ known_hosts: {} }} }}",
        farm.user(),
        farm.port(),
        farm.key().display(),
        farm.known_hosts().display()
    );
    let mut text = fleet.to_owned();
    for (told, here) in [
        ("ssh: { user: svc-ringway }".to_owned(), connect),
        (
            "up: { tcp: { port: 3389 }, every: 30s }".to_owned(),
            format!(
                "up: {{ http: {{ port: 8080, path: /health, status: 200 }}, every: {every}s, timeout: 3s }}"
            ),
        ),
        ("fresh: 60s".to_owned(), format!("fresh: {}s", every * 4)),
        (
            "probe: up }".to_owned(),
            format!("probe: up, fresh: {}s }}", every * 4),
        ),
    ] {
        if !text.contains(&told) {
            return Err(format!("`fleet.yaml` does not say `{told}` any more").into());
        }
        text = text.replace(&told, &here);
    }
    Ok(text)
}
