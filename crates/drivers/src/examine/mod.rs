//! Whether a host is ready for steps: everything that can be looked at before the first one, and what to do about it.
//!
//! It looks and leaves nothing behind: the one step it runs, to see whether the envelope works, lies below a root of its
//! own that is taken away again. What a check needs and another one found missing is skipped, so that one fault is told
//! once.

mod facts;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;

use std::collections::BTreeSet;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ringway_model::{Epoch, IntentId, Place, RawReport, RolloutId, Slot, Span, StepKind};
use ringway_policy::validated::{Command, Connection, Ssh};

use self::facts::{Facts, SCRIPT};
use crate::command::{self, Asked};
use crate::local::LocalDriver;
use crate::port::{Driver as _, Reach, StepRequest, Withdrawal};
use crate::remote::RemoteDriver;
use crate::router::Drivers;
use crate::transport::Refusal;

/// A login shell that takes longer does not stand in the way yet, but every step waits for it.
const SLOW: Duration = Duration::from_secs(1);

/// A login shell that takes longer stalls a rollout.
const TOO_SLOW: Duration = Duration::from_secs(5);

/// How long any of the questions may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// It answers.
    Connect,
    /// It shows the key it should have.
    HostKey,
    /// It lets us in.
    Login,
    /// Its login shell is fast and prints nothing.
    QuietShell,
    /// Which shell `/bin/sh` is.
    Shell,
    /// The user that steps run as can be become.
    Sudo,
    /// What the envelope uses is there.
    Tools,
    /// The envelope works: it keeps a run directory and runs a step.
    Envelope,
    /// There is room for run directories.
    Room,
    /// Its clock agrees with ours.
    Clock,
    /// Nothing else installs updates.
    Patcher,
    /// It does not belong to somebody else.
    OtherDatabase,
}

impl Check {
    /// Its name, in output that programs read.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::HostKey => "host-key",
            Self::Login => "login",
            Self::QuietShell => "quiet-shell",
            Self::Shell => "shell",
            Self::Sudo => "sudo",
            Self::Tools => "tools",
            Self::Envelope => "envelope",
            Self::Room => "room",
            Self::Clock => "clock",
            Self::Patcher => "patcher",
            Self::OtherDatabase => "other-database",
        }
    }
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Well.
    Ok,
    /// It was not looked at: something else stands in the way, or it does not apply.
    Skipped,
    /// Steps can run; somebody should know.
    Warning,
    /// Steps cannot run, or should not.
    Failure,
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The check.
    pub check: Check,
    /// How it went.
    pub state: State,
    /// What was found, in a sentence without its full stop.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Finding {
    fn ok(check: Check, what: impl Into<String>) -> Self {
        Self::new(check, State::Ok, what.into(), None)
    }

    fn skipped(check: Check, why: impl Into<String>) -> Self {
        Self::new(check, State::Skipped, why.into(), None)
    }

    fn warning(check: Check, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(check, State::Warning, what.into(), Some(hint.into()))
    }

    fn failure(check: Check, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(check, State::Failure, what.into(), Some(hint.into()))
    }

    const fn new(check: Check, state: State, what: String, hint: Option<String>) -> Self {
        Self {
            check,
            state,
            what,
            hint,
        }
    }
}

/// A host to be looked at.
#[derive(Clone, Debug)]
pub struct Examination {
    /// The host.
    pub reach: Arc<Reach>,
    /// The fleet it is of.
    pub fleet: String,
    /// The database whose host it should be; absent where there is none yet.
    pub incarnation: Option<u64>,
}

/// Findings to come, one for each check, in the order of [`Check`].
pub type Examining<'a> = Pin<Box<dyn Future<Output = Vec<Finding>> + Send + 'a>>;

impl Drivers {
    /// Looks whether a host is ready for steps.
    pub fn examine(&self, examination: Examination) -> Examining<'_> {
        Box::pin(async move {
            let mut findings = match (self.remote(&examination.reach), &examination.reach.with) {
                (Some(remote), Connection::Ssh(ssh)) => {
                    remote.examine(&examination, &ssh.clone()).await
                }
                (_, Connection::Unreached) => nothing_to_reach(),
                _ => self.examine_here(&examination).await,
            };
            findings.sort_by_key(|finding| finding.check);
            findings
        })
    }

    async fn examine_here(&self, examination: &Examination) -> Vec<Finding> {
        let reach = &examination.reach;
        let here = "the host is this machine";
        let mut findings: Vec<_> = [
            Check::Connect,
            Check::HostKey,
            Check::Login,
            Check::QuietShell,
            Check::Sudo,
        ]
        .map(|check| Finding::skipped(check, here))
        .into();
        let root = self.local().host_root(&reach.host, Place::Host);
        let text = Command::Shell(SCRIPT.to_owned());
        let root_text = root.display().to_string();
        let asked = since_1970();
        let told = command::ask(
            &text,
            [("ROOT", root_text.as_str())],
            &reach.directory,
            PATIENCE,
        )
        .await;
        match facts_of(told) {
            Ok(facts) => findings.extend(judged(&facts, examination, &root_text, asked)),
            Err(why) => findings.extend(untold(&why)),
        }
        findings.push(envelope_here(examination, root.join(throw_away())).await);
        findings
    }
}

/// Every check of a host that nothing reaches.
fn nothing_to_reach() -> Vec<Finding> {
    let what = "nothing reaches it (`connect: none`): people work on it by hand";
    vec![Finding::skipped(Check::Connect, what)]
}

async fn envelope_here(examination: &Examination, root: PathBuf) -> Finding {
    let driver = match LocalDriver::new(&root) {
        Ok(driver) => driver,
        Err(error) => return no_envelope(&error.to_string()),
    };
    let started = Instant::now();
    let report = driver
        .run(
            no_op(examination, Arc::clone(&examination.reach)),
            Withdrawal::never(),
        )
        .await;
    let took = started.elapsed();
    let away = root.clone();
    let removed = tokio::task::spawn_blocking(move || std::fs::remove_dir_all(away)).await;
    if let Ok(Err(error)) = removed
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(root = %root.display(), %error, "what an examination made could not be removed");
    }
    envelope_finding(&report, took)
}

impl RemoteDriver {
    async fn examine(&self, examination: &Examination, ssh: &Ssh) -> Vec<Finding> {
        let reach = &examination.reach;
        let mut findings = match self.greet(reach).await {
            Ok(findings) => findings,
            Err(findings) => return with_skipped(findings),
        };
        let root = match crate::remote::root(reach) {
            Ok(root) => root.display().to_string(),
            Err(why) => {
                let hint = "write `root` without that label, or give the host the label";
                findings.push(Finding::failure(Check::Envelope, why, hint));
                return with_skipped(findings);
            }
        };
        let asked = since_1970();
        let told = self.facts(reach, &root, true).await;
        let told = match (told, &ssh.r#become) {
            (Ok(facts), None) => {
                let what = format!("steps run as the login, `{}`", facts.user());
                findings.push(Finding::skipped(Check::Sudo, what));
                Ok(facts)
            }
            (Ok(facts), Some(_)) => {
                let what = format!("steps run as `{}`", facts.user());
                findings.push(Finding::ok(Check::Sudo, what));
                Ok(facts)
            }
            (Err(why), Some(wanted)) => {
                let hint = format!(
                    "as the login, `sudo -n -u {} -- /bin/sh -c true` must work on the host without a terminal; with a password, the `password` command must print it",
                    wanted.user
                );
                findings.push(Finding::failure(Check::Sudo, why, hint));
                self.facts(reach, &root, false).await
            }
            (Err(why), None) => {
                findings.push(Finding::skipped(Check::Sudo, "steps run as the login"));
                Err(why)
            }
        };
        match told {
            Ok(facts) => findings.extend(judged(&facts, examination, &root, asked)),
            Err(why) => findings.extend(untold(&why)),
        }
        let able = |finding: &Finding| {
            finding.state == State::Failure
                && matches!(finding.check, Check::Sudo | Check::Tools | Check::Shell)
        };
        if !findings.iter().any(able) {
            findings.push(self.envelope(examination, &root).await);
        }
        with_skipped(findings)
    }

    /// Connects, logs in, and runs a command that does nothing. An error is what was found where that is not possible.
    async fn greet(&self, reach: &Arc<Reach>) -> Result<Vec<Finding>, Vec<Finding>> {
        let started = Instant::now();
        if let Err(refusal) = self.log_in(reach).await {
            return Err(refused(&refusal));
        }
        let in_after = started.elapsed();
        let started = Instant::now();
        let said = tokio::time::timeout(PATIENCE, self.say_nothing(reach)).await;
        let took = started.elapsed();
        let mut findings = vec![
            Finding::ok(
                Check::Connect,
                format!("it answers; the login took {} ms", in_after.as_millis()),
            ),
            Finding::ok(Check::HostKey, "it shows the key it should have"),
        ];
        let printed = match said {
            Ok(Ok(printed)) => printed,
            Ok(Err(Ok(refusal))) => return Err(refused(&refusal)),
            Ok(Err(Err(lost))) => {
                findings.push(Finding::failure(
                    Check::Login,
                    format!("it lets us in and breaks the connection: {lost}"),
                    "look at its `sshd`'s log, for example `journalctl -u ssh`",
                ));
                return Err(findings);
            }
            Err(_) => {
                findings.push(Finding::ok(Check::Login, "it lets us in"));
                findings.push(Finding::failure(
                    Check::QuietShell,
                    format!("`true` does not return within {} s", PATIENCE.as_secs()),
                    "look at what the login's shell runs at its start: `.bashrc`, `.profile`, `/etc/profile.d`",
                ));
                return Err(findings);
            }
        };
        findings.push(Finding::ok(Check::Login, "it lets us in"));
        findings.push(quiet(&printed, took));
        Ok(findings)
    }

    async fn facts(&self, reach: &Arc<Reach>, root: &str, rights: bool) -> Result<Facts, String> {
        let told = self
            .ask_text(reach, SCRIPT, &[("ROOT", root)], rights, PATIENCE)
            .await?;
        facts_of(told)
    }

    /// Runs a step that does nothing below a root of its own, and takes that away.
    async fn envelope(&self, examination: &Examination, root: &str) -> Finding {
        let away = format!("{}/{}", root.trim_end_matches('/'), throw_away());
        let mut reach = Reach::clone(&examination.reach);
        if let Connection::Ssh(ssh) = &mut reach.with {
            ssh.root.clone_from(&away);
        }
        let reach = Arc::new(reach);
        let started = Instant::now();
        let report = self
            .run(no_op(examination, Arc::clone(&reach)), Withdrawal::never())
            .await;
        let took = started.elapsed();
        // The root itself goes where it was made for this alone.
        let text = "rm -rf -- \"$AWAY\"; rmdir -- \"$ROOT\" 2>/dev/null; [ ! -e \"$AWAY\" ]";
        let values = [("AWAY", away.as_str()), ("ROOT", root)];
        let removed = self.ask_text(&reach, text, &values, true, PATIENCE).await;
        let finding = envelope_finding(&report, took);
        match removed {
            Ok(Asked::Ended { exit: 0, .. }) => finding,
            _ if finding.state == State::Failure => finding,
            Ok(Asked::Ended { .. } | Asked::TimedOut { .. } | Asked::Cannot(_)) | Err(_) => {
                Finding::warning(
                    Check::Envelope,
                    format!("it works, but `{away}` could not be taken away again"),
                    "remove that directory on the host",
                )
            }
        }
    }
}

fn throw_away() -> String {
    format!(
        "examined-{}-{}",
        std::process::id(),
        since_1970().as_nanos()
    )
}

fn since_1970() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

fn facts_of(told: Asked) -> Result<Facts, String> {
    match told {
        Asked::Ended { exit: 0, output } => Ok(Facts::read(&output)),
        Asked::Ended { exit, output } => {
            let line = output.trim().lines().last().unwrap_or("");
            Err(format!("looking at the host ended with {exit}: {line}"))
        }
        Asked::TimedOut { .. } => Err(format!(
            "looking at the host took longer than {} s",
            PATIENCE.as_secs()
        )),
        Asked::Cannot(why) => Err(why),
    }
}

fn judged(facts: &Facts, examination: &Examination, root: &str, asked: Duration) -> [Finding; 6] {
    [
        facts.shell(),
        facts.tools(),
        facts.room(root),
        facts.clock(asked, since_1970()),
        facts.patcher(),
        facts.owner(&examination.fleet, examination.incarnation),
    ]
}

fn untold(why: &str) -> [Finding; 1] {
    [Finding::failure(
        Check::Shell,
        why.to_owned(),
        "`/bin/sh` must be a POSIX shell (dash, bash or busybox) that the login may run",
    )]
}

fn quiet(printed: &str, took: Duration) -> Finding {
    let hint = "let the shell's start files do nothing where nobody sits in front of it: `case $- in *i*) ;; *) return ;; esac` at their top";
    let seconds = took.as_secs_f64();
    if took > TOO_SLOW {
        Finding::failure(
            Check::QuietShell,
            format!("`true` takes {seconds:.1} s"),
            hint,
        )
    } else if !printed.is_empty() {
        let line = printed.lines().next().unwrap_or("");
        let what = format!("a login prints something where nothing was asked: `{line}`");
        Finding::warning(Check::QuietShell, what, hint)
    } else if took > SLOW {
        Finding::warning(
            Check::QuietShell,
            format!("`true` takes {seconds:.1} s"),
            hint,
        )
    } else {
        let what = format!("`true` takes {} ms and prints nothing", took.as_millis());
        Finding::ok(Check::QuietShell, what)
    }
}

/// What a refusal says of the checks up to it.
fn refused(refusal: &Refusal) -> Vec<Finding> {
    let why = refusal.to_string();
    let answers = Finding::ok(Check::Connect, "it answers");
    match refusal {
        Refusal::Unreachable(_) => vec![Finding::failure(
            Check::Connect,
            why,
            "is it on, is its `sshd` running, is the address right, does a firewall stand between?",
        )],
        Refusal::HostKeyChanged(_) => vec![
            answers,
            Finding::failure(
                Check::HostKey,
                why,
                "find out why before anything else: it was reinstalled, or something else answers for it",
            ),
        ],
        Refusal::HostKeyUnknown(_) => vec![
            answers,
            Finding::failure(
                Check::HostKey,
                why,
                "compare its fingerprint with what the host itself says (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`), then add it to `known_hosts`",
            ),
        ],
        Refusal::Login(_) => vec![
            answers,
            Finding::ok(Check::HostKey, "it shows the key it should have"),
            Finding::failure(
                Check::Login,
                why,
                "is the user right, and is one of the keys in its `authorized_keys`?",
            ),
        ],
        Refusal::Here(_) => vec![Finding::failure(
            Check::Connect,
            why,
            "this is about the machine Ringway runs on, not about the host",
        )],
        Refusal::Jump { hop, .. } => vec![Finding::failure(
            Check::Connect,
            why.clone(),
            format!("see that `ssh {hop}` works from here, or from the hop before it"),
        )],
    }
}

/// The findings, with one for every check that was not made.
fn with_skipped(mut findings: Vec<Finding>) -> Vec<Finding> {
    const ALL: [Check; 12] = [
        Check::Connect,
        Check::HostKey,
        Check::Login,
        Check::QuietShell,
        Check::Shell,
        Check::Sudo,
        Check::Tools,
        Check::Envelope,
        Check::Room,
        Check::Clock,
        Check::Patcher,
        Check::OtherDatabase,
    ];
    let made: BTreeSet<_> = findings.iter().map(|finding| finding.check).collect();
    let failed = findings.iter().find(|found| found.state == State::Failure);
    let why = failed.map_or_else(
        || "it was not looked at".to_owned(),
        |failed| format!("not looked at, because of `{}`", failed.check.id()),
    );
    let missing = ALL.into_iter().filter(|check| !made.contains(check));
    findings.extend(missing.map(|check| Finding::skipped(check, why.clone())));
    findings
}

/// A step that does nothing, of a database of its own.
fn no_op(examination: &Examination, reach: Arc<Reach>) -> StepRequest {
    StepRequest {
        intent: IntentId::new(RolloutId(0), Slot(0), 0),
        epoch: Epoch(1),
        incarnation: 0,
        fleet: examination.fleet.clone(),
        adopts: Arc::default(),
        reach,
        kind: StepKind::Precheck,
        place: Place::Host,
        errand_for: None,
        command: Command::Shell("echo works".to_owned()),
        values: std::collections::BTreeMap::new(),
        timeout: Span(u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX)),
        output_limit: 1024,
        reboot: None,
    }
}

fn envelope_finding(report: &RawReport, took: Duration) -> Finding {
    match report {
        RawReport::Ended {
            exit: 0, output, ..
        } if output == "works\n" => Finding::ok(
            Check::Envelope,
            format!("a step that does nothing takes {} ms", took.as_millis()),
        ),
        RawReport::Ended { exit, output, .. } => no_envelope(&format!(
            "a step that prints `works` ended with {exit} and printed `{}`",
            output.trim()
        )),
        RawReport::Unreachable { why } | RawReport::Refused { why } => no_envelope(why),
        RawReport::TimedOut { .. }
        | RawReport::Interrupted
        | RawReport::NeverStarted
        | RawReport::Withdrawn
        | RawReport::NotBack { .. }
        | RawReport::Fenced { .. } => no_envelope(&format!(
            "a step that does nothing was reported as {report:?}"
        )),
    }
}

fn no_envelope(why: &str) -> Finding {
    Finding::failure(
        Check::Envelope,
        why.to_owned(),
        "the user that steps run as must be able to make directories and files below `root`; a full disk or a read-only file system forbids it",
    )
}
