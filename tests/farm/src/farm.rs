//! A running farm: how it starts, what there is of it, how it ends.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use tempfile::TempDir;

use crate::account::Account;
use crate::address;
use crate::fleet;
use crate::host::{self, Host};
use crate::plan::{HostPlan, Plan};

/// How long a farm may take to be there. Two thousand hosts take a few seconds on an idle machine.
const STARTS_WITHIN: Duration = Duration::from_mins(2);
/// How long it may take to end.
const ENDS_WITHIN: Duration = Duration::from_secs(20);
/// The commands of a host; see `farm-host`.
const COMMANDS: [&str; 6] = ["install", "version", "service", "reboot", "ledger", "sudo"];
/// Where `sshd` lies when the search path has no directories for administrators.
const SBIN: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/// A running farm. It ends with this value, unless it was planned to stay.
#[derive(Debug)]
pub struct Farm {
    base: PathBuf,
    account: Account,
    hosts: Vec<Host>,
    port: u16,
    network: u8,
    minder: Option<Child>,
    _temporary: Option<TempDir>,
}

impl Farm {
    /// Starts a farm. Every host can be logged in to, and its service listens, when this returns.
    ///
    /// # Errors
    ///
    /// When `sshd` or `ssh-keygen` is not installed, no network is free, the folder has a farm already, or the plan
    /// cannot be.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a plan is made in place and used up"
    )]
    pub fn start(plan: Plan) -> io::Result<Self> {
        plan.check().map_err(io::Error::other)?;
        let account = Account::find()?;
        let temporary = match plan.base {
            Some(_) => None,
            None => Some(tempfile::Builder::new().prefix("farm-").tempdir()?),
        };
        let base = match (&plan.base, &temporary) {
            (Some(base), _) => base.clone(),
            (None, Some(temporary)) => temporary.path().to_owned(),
            (None, None) => return Err(io::Error::other("a farm has a folder")),
        };
        let base = lay_out(&base, &plan, &account)?;
        let mut taken = None;
        for network in networks(&plan) {
            write_plan(&base, &plan, network)?;
            match mind(&base, &plan, &account) {
                Ok(minder) => {
                    let farm = Self {
                        hosts: hosts(&base, &plan.hosts, plan.port, network),
                        base,
                        account,
                        port: plan.port,
                        network,
                        minder: (!plan.stays).then_some(minder),
                        _temporary: temporary,
                    };
                    farm.publish()?;
                    return Ok(farm);
                }
                Err(error) if error.to_string().contains("is taken") => taken = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(taken.unwrap_or_else(|| io::Error::other("no network is free")))
    }

    /// A farm that was started to stay, in this folder. It does not end with the value.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn open(base: &Path) -> io::Result<Self> {
        host::ask(base, "status").map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("no farm runs in {}: {error}", base.display()),
            )
        })?;
        let facts = fs::read_to_string(base.join("farm"))?;
        let wrong = || io::Error::other(format!("{}/farm is not a farm's", base.display()));
        let mut lines = facts.lines();
        let mut number = || {
            lines
                .next()
                .and_then(|line| line.parse::<u16>().ok())
                .ok_or_else(wrong)
        };
        let (port, network) = (number()?, u8::try_from(number()?).map_err(|_| wrong())?);
        let mut plans = Vec::new();
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            let [name, role, behind, labels @ ..] = &words[..] else {
                return Err(wrong());
            };
            let mut plan = HostPlan::new(name, role);
            plan.behind = Some((*behind).to_owned()).filter(|behind| behind != "-");
            for label in labels {
                let (label, value) = label.split_once('=').ok_or_else(wrong)?;
                plan.labels.insert(label.to_owned(), value.to_owned());
            }
            plans.push(plan);
        }
        Ok(Self {
            hosts: hosts(base, &plans, port, network),
            base: base.to_owned(),
            account: Account::of(&base.join("etc"))?,
            port,
            network,
            minder: None,
            _temporary: None,
        })
    }

    /// Its hosts, in the order of the plan.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The host of this name.
    ///
    /// # Panics
    ///
    /// When there is none: a test that asks for it is wrong.
    #[track_caller]
    pub fn host(&self, name: &str) -> &Host {
        self.find(name)
            .unwrap_or_else(|| panic!("the farm has no host `{name}`"))
    }

    /// The host of this name, where there is one.
    pub fn find(&self, name: &str) -> Option<&Host> {
        self.hosts.iter().find(|host| host.name() == name)
    }

    /// Its folder.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// The user to log in as.
    pub fn user(&self) -> &str {
        &self.account.name
    }

    /// The port of every `sshd`.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its addresses are in `127.NETWORK.0.0/16`.
    pub fn network(&self) -> u8 {
        self.network
    }

    /// The file of the private key that lets in; readable for the caller only. The public one is beside it.
    pub fn key(&self) -> PathBuf {
        self.base.join("key")
    }

    /// The file with every host's key.
    pub fn known_hosts(&self) -> PathBuf {
        self.base.join("known_hosts")
    }

    /// A configuration for the system's `ssh` which has all hosts by name.
    pub fn ssh_config(&self) -> PathBuf {
        self.base.join("ssh_config")
    }

    /// Lets in whoever has the private key to this line (`ssh-ed25519 AAAA...`, options in front of it allowed), on
    /// every host.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn authorize(&self, line: &str) -> io::Result<()> {
        let file = self.base.join("authorized_keys");
        writeln!(fs::File::options().append(true).open(file)?, "{line}")
    }

    /// A document `ringway: fleet/v1` of this name. The probe `up` asks the service.
    pub fn fleet_yaml(&self, name: &str) -> String {
        fleet::yaml(self, name, "")
    }

    /// The same; `more` are further entries of `ssh:`, as in `become: sudo, via: system`.
    pub fn fleet_yaml_with(&self, name: &str, more: &str) -> String {
        fleet::yaml(self, name, &format!(", {more}"))
    }

    /// How many SSH connections its hosts have now.
    ///
    /// # Errors
    ///
    /// When it does not run any more.
    pub fn connections(&self) -> io::Result<usize> {
        host::ask(&self.base, "status")?
            .parse()
            .map_err(io::Error::other)
    }

    /// Ends it. Everything that ran on its hosts has ended when this returns.
    ///
    /// # Errors
    ///
    /// When it cannot be told so.
    pub fn stop(&mut self) -> io::Result<()> {
        if let Some(mut minder) = self.minder.take() {
            if let Some(mut told) = minder.stdin.take() {
                // Where it has ended already, nobody listens.
                let _ = told.write_all(b"stop");
            }
            return end(&mut minder);
        }
        // It goes away without a word.
        let _ = host::ask(&self.base, "stop");
        let began = std::time::Instant::now();
        while self.base.join("control").exists() {
            if began.elapsed() > ENDS_WITHIN {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the farm does not end",
                ));
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Writes down what others read.
    fn publish(&self) -> io::Result<()> {
        fs::write(self.known_hosts(), fleet::known_hosts(&self.hosts)?)?;
        fs::write(self.ssh_config(), fleet::ssh_config(self))?;
        let mut facts = format!("{}\n{}\n", self.port, self.network);
        for host in &self.hosts {
            let behind = host.plan.behind.as_deref().unwrap_or("-");
            let _ = write!(facts, "{} {} {behind}", host.name(), host.role());
            for (label, value) in &host.plan.labels {
                let _ = write!(facts, " {label}={value}");
            }
            facts.push('\n');
        }
        fs::write(self.base.join("farm"), facts)
    }
}

impl Drop for Farm {
    fn drop(&mut self) {
        if self.minder.is_some() {
            // Nobody is left to be told.
            let _ = self.stop();
        }
    }
}

fn hosts(base: &Path, plans: &[HostPlan], port: u16, network: u8) -> Vec<Host> {
    plans
        .iter()
        .enumerate()
        .map(|(index, plan)| Host {
            plan: plan.clone(),
            farm: base.to_owned(),
            address: address::of_host(network, index),
            port,
        })
        .collect()
}

/// The networks to try. Where to begin differs between processes, and between the farms of one: what still tries to
/// connect to a farm that has ended must not meet another one.
fn networks(plan: &Plan) -> Vec<u8> {
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    if let Some(network) = plan.network {
        return vec![network];
    }
    let all: Vec<u8> = (address::FIRST_AUTOMATIC..=254).collect();
    let process = usize::try_from(std::process::id()).unwrap_or(0);
    let first = (process * 7 + STARTED.fetch_add(1, Ordering::Relaxed)) % all.len();
    [&all[first..], &all[..first]].concat()
}

/// Makes the folder and all that lies in it before anything runs. Returns its full path.
fn lay_out(base: &Path, plan: &Plan, account: &Account) -> io::Result<PathBuf> {
    fs::create_dir_all(base)?;
    let base = fs::canonicalize(base)?;
    if base.join("control").exists() {
        if host::ask(&base, "status").is_ok() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                format!("a farm runs in {}", base.display()),
            ));
        }
        fs::remove_file(base.join("control"))?;
    }
    fs::set_permissions(&base, fs::Permissions::from_mode(0o755))?;
    for folder in ["etc", "hosts", "bin"] {
        let folder = base.join(folder);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir(folder)?;
    }
    let program = base.join("farm-host");
    fs::copy(env!("FARM_HOST_PROGRAM"), &program)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    for command in COMMANDS {
        symlink(&program, base.join("bin").join(command))?;
    }
    for name in ["key", "key.pub"] {
        let _ = fs::remove_file(base.join(name));
    }
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "farm", "-f"])
        .arg(base.join("key"))
        .stdin(Stdio::null())
        .status()
        .map_err(|error| missing("ssh-keygen", "openssh-client", &error))?;
    if !made.success() {
        return Err(io::Error::other(format!("ssh-keygen: {made}")));
    }
    fs::copy(base.join("key.pub"), base.join("authorized_keys"))?;
    for host in &plan.hosts {
        lay_out_host(&base, host, plan, account)?;
    }
    for folder in ["etc", "hosts", "bin", "."] {
        account.own(&base.join(folder))?;
    }
    Ok(base)
}

fn lay_out_host(base: &Path, host: &HostPlan, plan: &Plan, account: &Account) -> io::Result<()> {
    let (home, etc) = (
        base.join("hosts").join(&host.name),
        base.join("etc").join(&host.name),
    );
    let switches = etc.join("switches");
    fs::create_dir(&home)?;
    fs::create_dir_all(&switches)?;
    symlink(base.join("bin"), home.join("bin"))?;
    fs::write(home.join("version"), format!("{}\n", plan.version))?;
    fs::write(home.join("ledger"), "")?;
    fs::write(etc.join("role"), &host.role)?;
    let mut faults = String::new();
    for (version, fault) in &host.faults {
        let _ = writeln!(faults, "{version} {fault}");
    }
    fs::write(etc.join("faults"), faults)?;
    for switch in &host.switches {
        fs::write(switches.join(switch.name()), switch.argument())?;
        account.own(&switches.join(switch.name()))?;
    }
    for path in [
        home.join("version"),
        home.join("ledger"),
        home,
        switches,
        etc,
    ] {
        account.own(&path)?;
    }
    Ok(())
}

/// What `farm-host supervise` reads.
fn write_plan(base: &Path, plan: &Plan, network: u8) -> io::Result<()> {
    let mut text = format!(
        "port {}\nmark {}\nsshd {}\n",
        plan.port,
        address::of_the_mark(network),
        sshd()?.display()
    );
    if plan.one_key() {
        text.push_str("one-key\n");
    }
    if plan.base.is_none() {
        text.push_str("temporary\n");
    }
    for (index, host) in plan.hosts.iter().enumerate() {
        let address = address::of_host(network, index);
        let serves = if plan.serves(host) { "serves" } else { "quiet" };
        let behind = host.behind.as_deref().unwrap_or("-");
        let _ = writeln!(text, "host {} {address} {serves} {behind}", host.name);
        fs::write(
            base.join("etc").join(&host.name).join("address"),
            address.to_string(),
        )?;
    }
    fs::write(base.join("plan"), text)
}

/// Starts the one who minds the farm, and waits until every host is there.
fn mind(base: &Path, plan: &Plan, account: &Account) -> io::Result<Child> {
    // Thousands of hosts have thousands of doors.
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "ulimit -S -n \"$(ulimit -H -n)\"; exec \"$@\"", "sh"])
        .arg(base.join("farm-host"))
        .arg(if plan.stays { "stay" } else { "supervise" })
        .arg(base)
        .current_dir("/")
        .process_group(0)
        .stdin(if plan.stays {
            Stdio::null()
        } else {
            Stdio::piped()
        })
        .stdout(Stdio::piped())
        .stderr(fs::File::create(base.join("log"))?);
    account.run(&mut command);
    let mut minder = command.spawn()?;
    let said = minder.stdout.take();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        if let Some(said) = said {
            let _ = BufReader::new(said).read_line(&mut line);
        }
        let _ = tell.send(line);
    });
    if told.recv_timeout(STARTS_WITHIN).as_deref() == Ok("ready\n") {
        return Ok(minder);
    }
    drop(minder.stdin.take());
    let _ = minder.kill();
    let _ = minder.wait();
    let _ = fs::remove_file(base.join("control"));
    let why = fs::read_to_string(base.join("log"))?;
    Err(io::Error::other(format!(
        "the farm did not start: {}",
        why.trim()
    )))
}

fn end(minder: &mut Child) -> io::Result<()> {
    let began = std::time::Instant::now();
    while minder.try_wait()?.is_none() {
        if began.elapsed() > ENDS_WITHIN {
            minder.kill()?;
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
    Ok(())
}

/// The `sshd` program.
fn sshd() -> io::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(SBIN.iter().map(PathBuf::from))
        .map(|folder| folder.join("sshd"))
        .find(|file| file.is_file())
        .ok_or_else(|| {
            missing(
                "sshd",
                "openssh-server",
                &io::Error::from(io::ErrorKind::NotFound),
            )
        })
}

fn missing(program: &str, package: &str, error: &io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("`{program}` ({error}); `apt-get install {package}`"),
    )
}
