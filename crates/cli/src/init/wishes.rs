//! What somebody wants of a first directory: from flags, and from a few questions where somebody is there to answer.

use std::path::{Path, PathBuf};

use ringway_runtime::SystemUsers;

use super::place::Target;
use super::probe::{Probe, WRITTEN};
use super::yaml::is_name;
use crate::args::Init;
use crate::exit::{End, Failure};
use crate::out::Out;

/// Where the hosts are from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hosts {
    /// Names with their addresses.
    Written(Vec<(String, Option<String>)>),
    /// An inventory, absolute.
    Inventory(PathBuf),
    /// Made up, to be replaced.
    Example,
}

/// Everything that was wanted.
#[derive(Clone, Debug)]
pub(super) struct Wishes {
    pub(super) name: String,
    pub(super) hosts: Hosts,
    pub(super) probe: Probe,
    /// Whether the probe was asked for, and is not only what is usual.
    pub(super) is_probe_wished: bool,
    /// Teams with their members; at least one.
    pub(super) teams: Vec<(String, Vec<String>)>,
}

impl Wishes {
    /// From the flags; what they leave open is asked where somebody can be, and otherwise as the help says.
    pub(super) fn new(out: Out, args: &Init, target: &Target) -> Result<Self, Failure> {
        let asks = !args.yes && out.can_ask();
        let question = |text: &str, usual: &str| -> Result<String, Failure> {
            if !asks {
                return Ok(usual.to_owned());
            }
            let answer = out.ask(&format!("{text} [{usual}]"));
            let answer = answer.ok_or_else(|| invalid("no answer came", "nothing was written"))?;
            Ok(if answer.is_empty() {
                usual.to_owned()
            } else {
                answer
            })
        };
        let name = match &args.name {
            Some(name) => name.clone(),
            None => question("The fleet's name?", &target.name())?,
        };
        let name = checked(name, "a name")?;
        let hosts = match (&args.from, args.host.as_slice()) {
            (Some(path), _) => Hosts::Inventory(inventory(path)?),
            (None, []) => {
                let answer = question(
                    "Hosts, separated by spaces, or the file of an Ansible inventory?",
                    "made up",
                )?;
                hosts(&answer)?
            }
            (None, written) => Hosts::Written(
                written
                    .iter()
                    .map(|text| host(text))
                    .collect::<Result<_, _>>()?,
            ),
        };
        let is_probe_wished = args.probe.is_some();
        let probe = match &args.probe {
            Some(probe) => probe.clone(),
            None => question(
                "How is a host asked whether it is well (tcp:PORT, http:PORT/PATH)?",
                "tcp:22",
            )?,
        };
        let is_probe_wished = is_probe_wished || probe != "tcp:22";
        let probe = Probe::parse(&probe)
            .ok_or_else(|| invalid(format!("`{probe}` is not a probe"), WRITTEN))?;
        let teams = if args.team.is_empty() {
            let me = SystemUsers.me().0;
            let who = question("Who may approve, by user name, separated by spaces?", &me)?;
            let who = who.split([' ', ',']).filter(|name| !name.is_empty());
            let who = who.map(|name| checked(name.to_owned(), "a user name"));
            vec![("operators".to_owned(), who.collect::<Result<Vec<_>, _>>()?)]
        } else {
            let teams = args.team.iter().map(|text| team(text));
            teams.collect::<Result<Vec<_>, _>>()?
        };
        if let Some((name, _)) = teams.iter().find(|(_, members)| members.is_empty()) {
            return Err(invalid(format!("team `{name}` has no members"), TEAM));
        }
        Ok(Self {
            name,
            hosts,
            probe,
            is_probe_wished,
            teams,
        })
    }

    /// The inventory, where hosts are from one.
    pub(super) fn inventory(&self) -> Option<&Path> {
        match &self.hosts {
            Hosts::Inventory(path) => Some(path),
            Hosts::Written(_) | Hosts::Example => None,
        }
    }

    /// Whether hosts are from a table, which says nothing of how they are reached.
    pub(super) fn is_table(&self) -> bool {
        let ending = self.inventory().and_then(Path::extension);
        ending.is_some_and(|ending| ending.eq_ignore_ascii_case("csv"))
    }
}

const TEAM: &str = "write the team and its members' user names, for example operators=ana,ben";

fn invalid(why: impl std::fmt::Display, hint: &str) -> Failure {
    Failure::new(End::Invalid, why).hint(hint)
}

fn checked(name: String, what: &str) -> Result<String, Failure> {
    if is_name(&name) {
        Ok(name)
    } else {
        Err(invalid(
            format!("`{name}` cannot be {what}"),
            "a name begins with a letter or digit and has only letters, digits and `-_.:@+`",
        ))
    }
}

/// What was answered: nothing, an inventory that is there, or hosts.
fn hosts(answer: &str) -> Result<Hosts, Failure> {
    if answer == "made up" {
        return Ok(Hosts::Example);
    }
    let words: Vec<&str> = answer.split_whitespace().collect();
    if let [one] = words.as_slice()
        && Path::new(one).exists()
    {
        return Ok(Hosts::Inventory(inventory(Path::new(one))?));
    }
    let hosts = words.into_iter().map(host);
    Ok(Hosts::Written(hosts.collect::<Result<_, _>>()?))
}

fn host(text: &str) -> Result<(String, Option<String>), Failure> {
    let (name, address) = match text.split_once('=') {
        Some((name, address)) => (name, Some(address)),
        None => (text, None),
    };
    let name = checked(name.to_owned(), "the name of a host")?;
    if address.is_some_and(str::is_empty) {
        return Err(invalid(
            format!("host `{name}` has an empty address"),
            "write NAME=ADDRESS, or the name alone where it is also the address",
        ));
    }
    Ok((name, address.map(str::to_owned)))
}

fn team(text: &str) -> Result<(String, Vec<String>), Failure> {
    let (name, members) = text
        .split_once('=')
        .ok_or_else(|| invalid(format!("`{text}` does not say who is in the team"), TEAM))?;
    let members = members.split(',').filter(|name| !name.is_empty());
    let members = members.map(|name| checked(name.to_owned(), "a user name"));
    Ok((
        checked(name.to_owned(), "the name of a team")?,
        members.collect::<Result<_, _>>()?,
    ))
}

/// The inventory's path, absolute.
fn inventory(path: &Path) -> Result<PathBuf, Failure> {
    let found = std::fs::canonicalize(path);
    found.map_err(|e| {
        invalid(
            format!("`{}` cannot be read: {e}", path.display()),
            "name an inventory in INI, YAML, JSON or CSV, or a directory of inventories",
        )
    })
}
