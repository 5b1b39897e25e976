//! A farm by hand: `cargo xtask farm`.
//!
//! Says what a farm can be asked for, and asks it. What it is asked for is done by the library and by the program that
//! minds the farm, which goes on when this one has ended.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ringway_farm::{Farm, Host, Plan, Switch};

/// Where a farm is when nobody says. `examples/farm/fleet.yaml` has it too.
const FOLDER: &str = "/tmp/ringway-farm";
/// The network of a farm that is started by hand. `examples/farm/fleet.yaml` has it too.
const NETWORK: u8 = 83;

const HELP: &str = "\
usage: cargo xtask farm COMMAND [OPTION..]

  start N                   starts N hosts; they stay until `stop`
  hold N                    the same, until this program ends
  status                    how its hosts are
  stop                      ends it, and all that runs on its hosts
  break HOST SWITCH [ARG]   breaks something
  drop HOST                 cuts every SSH connection of a host
  reboot HOST               restarts a host
  heal [HOST]               mends everything, of one host or of all
  ledger HOST               what was done on a host
  fleet                     its fleet document, with groups as in examples/farm

  --dir FOLDER              where it lies; /tmp/ringway-farm where absent
  --network N               its addresses are in 127.N.0.0/16; 83 where absent

switches
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(arguments) {
        Ok(text) => {
            // A reader that went away is no failure.
            let _ = io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Does it, and returns what there is to say.
fn run(mut arguments: Vec<String>) -> io::Result<String> {
    let folder =
        option(&mut arguments, "--dir")?.map_or_else(|| PathBuf::from(FOLDER), PathBuf::from);
    let network = match option(&mut arguments, "--network")? {
        None => NETWORK,
        Some(number) => number
            .parse()
            .map_err(|_| io::Error::other(format!("`{number}` is no network")))?,
    };
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["start", number] => {
            let mut plan = planned(number, &folder, network)?;
            plan.stays = true;
            let farm = Farm::start(plan)?;
            begun(&farm)
        }
        ["hold", number] => {
            let farm = Farm::start(planned(number, &folder, network)?)?;
            write!(io::stdout(), "{}", begun(&farm)?)?;
            io::stdin().read_to_end(&mut Vec::new())?;
            Ok(String::new())
        }
        ["stop"] => {
            Farm::open(&folder)?.stop()?;
            Ok(format!("the farm in {} has ended\n", folder.display()))
        }
        ["status"] => Ok(status(&Farm::open(&folder)?)),
        ["break", host, ref switch @ ..] => {
            let switch: Switch = switch.join(" ").parse().map_err(|why| {
                io::Error::other(format!(
                    "{why}; there are:\n  {}",
                    Switch::explained().join("\n  ")
                ))
            })?;
            at(&Farm::open(&folder)?, host, |host| host.set(switch))
        }
        ["heal"] => {
            let farm = Farm::open(&folder)?;
            farm.hosts().iter().try_for_each(Host::heal)?;
            Ok("every host is well\n".to_owned())
        }
        ["heal", host] => at(&Farm::open(&folder)?, host, Host::heal),
        ["drop", host] => at(&Farm::open(&folder)?, host, Host::drop_connections),
        ["reboot", host] => at(&Farm::open(&folder)?, host, Host::reboot),
        ["ledger", host] => {
            let farm = Farm::open(&folder)?;
            fs::read_to_string(found(&farm, host)?.home().join("ledger"))
        }
        ["fleet"] => Ok(document(&Farm::open(&folder)?)),
        _ => Err(io::Error::other(format!(
            "{HELP}  {}",
            Switch::explained().join("\n  ")
        ))),
    }
}

/// Takes `NAME VALUE` or `NAME=VALUE` out of the arguments.
fn option(arguments: &mut Vec<String>, name: &str) -> io::Result<Option<String>> {
    let of = |word: &str| {
        word == name
            || word
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('='))
    };
    let Some(place) = arguments.iter().position(|word| of(word)) else {
        return Ok(None);
    };
    let word = arguments.remove(place);
    if let Some((_, value)) = word.split_once('=') {
        return Ok(Some(value.to_owned()));
    }
    if place == arguments.len() {
        return Err(io::Error::other(format!("`{name}` needs a value")));
    }
    Ok(Some(arguments.remove(place)))
}

fn planned(number: &str, folder: &Path, network: u8) -> io::Result<Plan> {
    let number = number
        .parse()
        .map_err(|_| io::Error::other(format!("`{number}` is no number of hosts")))?;
    let mut plan = Plan::of(number);
    plan.base = Some(folder.to_owned());
    plan.network = Some(network);
    Ok(plan)
}

/// What to do next.
fn begun(farm: &Farm) -> io::Result<String> {
    let base = farm.base().display();
    let fleet = farm.base().join("fleet.yaml");
    fs::write(&fleet, document(farm))?;
    let first = farm.hosts()[0].name();
    let fleet = fleet.display();
    Ok(format!(
        "{} hosts of `{}` in {base}\n\n\
         a host:      ssh -F {base}/ssh_config {first}\n\
         look:        cargo run --release -- doctor {fleet}\n\
         update:      cargo run --release -- run {fleet} examples/farm/care.yaml examples/farm/policy.yaml examples/farm/recipe.yaml examples/farm/update.yaml --update good\n\
         break it:    cargo xtask farm break {first} hang-login\n\
         its ledger:  cargo xtask farm ledger {first}\n\
         end:         cargo xtask farm stop\n",
        farm.hosts().len(),
        farm.user(),
    ))
}

fn status(farm: &Farm) -> String {
    let mut text = String::new();
    for host in farm.hosts() {
        let switches: Vec<String> = fs::read_dir(host.folder().join("switches"))
            .into_iter()
            .flatten()
            .flatten()
            .map(|switch| switch.file_name().to_string_lossy().into_owned())
            .collect();
        let _ = writeln!(
            text,
            "{:<14} {:<14} {:<10} {:<24} {}",
            host.name(),
            host.address(),
            host.role(),
            host.version(),
            switches.join(" ")
        );
    }
    text
}

fn found<'a>(farm: &'a Farm, name: &str) -> io::Result<&'a Host> {
    farm.find(name)
        .ok_or_else(|| io::Error::other(format!("the farm has no host `{name}`")))
}

fn at(farm: &Farm, name: &str, act: impl FnOnce(&Host) -> io::Result<()>) -> io::Result<String> {
    act(found(farm, name)?)?;
    Ok(String::new())
}

/// The fleet's document with the groups of the example.
fn document(farm: &Farm) -> String {
    let text = farm.fleet_yaml("farm");
    text.replacen("connect:\n", &format!("{GROUPS}connect:\n"), 1)
}

/// What depends on what, and what must never be down together.
const GROUPS: &str = "\
groups:
  - name: databases                 # pairs: of each, one must evidently be up while the other is visited
    select: role = db
    keep_up: { per: pair, at_least: 1, down_at_most: 1, probe: up, fresh: 3s }
    care: farm-drained
  - name: caches
    select: role = cache
    keep_up: { per: pair, at_least: 1, down_at_most: 1, probe: up, fresh: 3s }
    care: farm-drained
  - name: directory
    select: role = directory
    keep_up: { per: pair, at_least: 1, down_at_most: 1, probe: up, fresh: 3s }
    care: farm-drained
  - name: web
    select: role = web and env = prod
    after: [databases]
    keep_up: { per: site, share: 50%, probe: up, fresh: 3s }
    care: farm-drained
";
