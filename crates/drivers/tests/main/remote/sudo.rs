//! Steps with the rights of another user: with a `sudo` of this suite's own that says what it is told to, and with the
//! real one where this runs as root.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::PathBuf;
use std::process::Command as Process;
use std::sync::Arc;

use ringway_drivers::{Driver as _, StepRequest};
use ringway_model::RawReport;
use ringway_policy::validated::{Become, Command};

use super::shell::Shell;
use super::site::{Site as _, driver, marker, run, step, text, waiting, with_ssh};
use crate::support::{ended, exists, in_time, kill};

const PASSWORD: &str = "Correct-horse-9";

/// Takes its options as `sudo` does, and refuses or reads a password as it is told by the file `mode`.
const FAKE: &str = r#"
user= stdin= prompt= options=$*
while [ "$1" != -- ]; do
	case $1 in -u) user=$2; shift ;; -p) prompt=$2; shift ;; -S) stdin=yes ;; esac
	shift
done
shift
echo "$options" >>"$HOME/sudo-args"
case $(cat "$HOME/mode") in
free) ;;
password)
	[ -n "$stdin" ] || { echo 'sudo: a password is required' >&2; exit 1; }
	tries=0
	printf %s "$prompt" >&2
	while read -r line; do
		echo "$line" >>"$HOME/guesses"
		[ "$line" = "$(cat "$HOME/expected")" ] && { SUDO_USER=$user exec "$@"; }
		tries=$((tries + 1))
		[ "$tries" -lt 3 ] || break
		printf 'Leider falsch.\n%s' "$prompt" >&2
	done
	echo "sudo: $tries incorrect password attempts" >&2
	exit 1
	;;
*)
	cat "$HOME/mode" >&2
	exit 1
	;;
esac
exec "$@"
"#;

fn fake(mode: &str) -> Shell {
    let site = Shell::new();
    let sudo = site.home().join("bin/sudo");
    fs::write(&sudo, format!("#!/bin/sh\n{FAKE}")).unwrap();
    fs::set_permissions(sudo, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(site.home().join("mode"), mode).unwrap();
    fs::write(site.home().join("expected"), PASSWORD).unwrap();
    site
}

fn as_root(site: &Shell, serial: u16, text: &str, password: Option<&str>) -> StepRequest {
    let mut step = step(site, serial, text);
    let wanted = Become {
        user: "root".to_owned(),
        password: password.map(|text| Command::Shell(format!("echo '{text}'"))),
    };
    step.reach = Arc::new(with_ssh(&site.reach(), |ssh| ssh.r#become = Some(wanted)));
    step
}

fn refused(report: &RawReport, why: &str) {
    let is = matches!(report, RawReport::Refused { why: said } if said.contains(why));
    assert!(is, "{report:?}");
    assert!(!format!("{report:?}").contains(PASSWORD));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_of_sudo_is_one_sentence_and_nothing_has_begun() {
    for (mode, why) in [
        ("password", "wants a password"),
        (
            "svc is not in the sudoers file.\n",
            "svc is not in the sudoers file.",
        ),
        (
            "sudo: sorry, you must have a tty to run sudo\n",
            "wants a terminal",
        ),
    ] {
        let site = fake(mode);
        let report = run(
            &driver(&site),
            as_root(&site, 1, "echo ran >> ledger", None),
        )
        .await;
        refused(&report, why);
        assert_eq!(text(&site, "ledger"), "");
        assert!(!site.home().join(".ringway").exists());
        let asked = in_time(driver(&site).question(as_root(&site, 2, "true", None))).await;
        refused(&asked, why);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_reaches_sudo_and_nothing_else() {
    let site = fake("password");
    let driver = driver(&site);
    let all = "for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$f; done 2>/dev/null; env; cat";
    let report = run(&driver, as_root(&site, 1, all, Some(PASSWORD))).await;
    let RawReport::Ended {
        exit: 0, output, ..
    } = report
    else {
        panic!("it runs: {report:?}");
    };
    assert!(!output.contains(PASSWORD));
    assert!(!text(&site, "sudo-args").contains(PASSWORD));
    // Not even where somebody prints it on purpose.
    let report = run(&driver, as_root(&site, 2, "cat expected", Some(PASSWORD))).await;
    assert_eq!(report, ended(0, "[redacted]"));
    let mut question = as_root(&site, 3, "cat expected", Some(PASSWORD));
    question.output_limit = 100;
    assert_eq!(
        in_time(driver.question(question)).await,
        ended(0, "[redacted]")
    );
    let runs = fs::read_dir(site.home().join(".ringway/runs/77")).unwrap();
    for file in runs.flat_map(|run| fs::read_dir(run.unwrap().path()).unwrap()) {
        let file = file.unwrap().path();
        // What the second step printed itself lies where it printed it.
        if file.is_file() && file.file_name().unwrap() != "output" {
            let kept = fs::read(&file).unwrap_or_default();
            assert!(
                !String::from_utf8_lossy(&kept).contains(PASSWORD),
                "{file:?}"
            );
        }
    }
}

/// A `sudo` that wants no password leaves it on its input, before the script.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_nobody_wanted_is_not_executed() {
    let site = fake("free");
    let password = "touch executed";
    let report = run(
        &driver(&site),
        as_root(&site, 1, "echo ran", Some(password)),
    )
    .await;
    assert_eq!(report, ended(0, "ran\n"));
    assert!(!site.home().join("executed").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_said_and_asked_for_anew() {
    let site = fake("password");
    let driver = driver(&site);
    let said = site.home().join("said");
    let mut step = as_root(&site, 1, "echo ran", Some("never used"));
    let wanted = Become {
        user: "root".to_owned(),
        password: Some(Command::Program(vec![
            "cat".to_owned(),
            said.to_str().unwrap().to_owned(),
        ])),
    };
    step.reach = Arc::new(with_ssh(&site.reach(), |ssh| ssh.r#become = Some(wanted)));
    fs::write(&said, "wrong-one\n").unwrap();
    let report = run(&driver, step.clone()).await;
    refused(&report, "did not accept the password");
    assert!(!format!("{report:?}").contains("wrong-one"));
    // Guesses are counted against the account: neither is anything else taken for one, nor is the same made again.
    assert_eq!(text(&site, "guesses"), "wrong-one\n");
    for _ in 0..3 {
        refused(&run(&driver, step.clone()).await, "is not tried again");
        refused(
            &in_time(driver.question(step.clone())).await,
            "is not tried again",
        );
    }
    assert_eq!(text(&site, "guesses"), "wrong-one\n");
    fs::write(&said, format!("{PASSWORD}\n")).unwrap();
    assert_eq!(run(&driver, step).await, ended(0, "ran\n"));
    // No password at all: nothing was given to the host.
    let mut none = as_root(&site, 2, "echo ran", None);
    let failing = Become {
        user: "root".to_owned(),
        password: Some(Command::Shell(format!("echo {PASSWORD}; exit 1"))),
    };
    none.reach = Arc::new(with_ssh(&site.reach(), |ssh| ssh.r#become = Some(failing)));
    let report = run(&driver, none).await;
    assert!(
        matches!(report, RawReport::Unreachable { .. }),
        "{report:?}"
    );
    assert!(!format!("{report:?}").contains(PASSWORD));
}

/// A user of this machine that may use the real `sudo`, until it is dropped.
struct Account {
    name: String,
    rules: PathBuf,
}

impl Account {
    /// Nothing, with a notice, where there cannot be one.
    fn new() -> Option<Self> {
        let missing = ["sudo", "useradd", "chpasswd", "setpriv"]
            .into_iter()
            .find(|tool| Process::new(tool).arg("--version").output().is_err());
        let in_ci = std::env::var("CI").is_ok_and(|ci| !ci.is_empty());
        assert!(
            missing.is_none() || !in_ci,
            "CI has everything: {missing:?}"
        );
        let is_root = rustix::process::geteuid().is_root();
        if let Some(why) = missing.or((!is_root).then_some("root's rights")) {
            eprintln!("not tried with the real sudo: there is no {why} here");
            return None;
        }
        let name = format!("rw-sudo-{}", std::process::id());
        let added = Process::new("useradd")
            .args(["-M", &name])
            .status()
            .unwrap();
        assert!(added.success());
        let rules = PathBuf::from(format!("/etc/sudoers.d/{name}"));
        let account = Self { name, rules };
        let told = format!("echo '{}:{PASSWORD}' | chpasswd", account.name);
        assert!(
            Process::new("sh")
                .args(["-c", &told])
                .status()
                .unwrap()
                .success()
        );
        Some(account)
    }

    fn may(&self, rule: &str) {
        let log = self.log();
        let text = rule.replace("USER", &self.name);
        let text = text.replace("LOG", log.to_str().unwrap());
        fs::write(&self.rules, format!("{text}\n")).unwrap();
        fs::set_permissions(&self.rules, fs::Permissions::from_mode(0o440)).unwrap();
    }

    fn log(&self) -> PathBuf {
        std::env::temp_dir().join(format!("{}.log", self.name))
    }

    fn id(&self) -> u32 {
        let id = Process::new("id")
            .args(["-u", &self.name])
            .output()
            .unwrap();
        String::from_utf8(id.stdout)
            .unwrap()
            .trim()
            .parse()
            .unwrap()
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.rules));
        drop(fs::remove_file(self.log()));
        drop(Process::new("userdel").arg(&self.name).output());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_real_sudo_gives_rights_refuses_them_and_may_end_before_the_step() {
    let Some(account) = Account::new() else {
        return;
    };
    let site = Shell::of(account.id());
    chown(site.home(), Some(account.id()), None).unwrap();
    let driver = driver(&site);
    let who = "id -u; echo \"$HOME\"";
    let as_root =
        |serial: u16, text: &str, password: Option<&str>| as_root(&site, serial, text, password);

    account.may("USER ALL=(ALL) NOPASSWD: ALL");
    assert_eq!(
        run(&driver, as_root(1, who, None)).await,
        ended(0, "0\n/root\n")
    );
    let unasked = as_root(2, "id -u", Some("touch executed"));
    assert_eq!(run(&driver, unasked).await, ended(0, "0\n"));
    assert!(!site.home().join("executed").exists());

    account.may("USER ALL=(ALL) ALL");
    refused(
        &run(&driver, as_root(3, "id -u", None)).await,
        "wants a password",
    );
    let right = as_root(4, "id -u", Some(PASSWORD));
    assert_eq!(run(&driver, right).await, ended(0, "0\n"));
    let wrong = as_root(5, "echo ran >> ledger", Some("wrong"));
    refused(&run(&driver, wrong).await, "did not accept the password");
    // Whoever has said something wrong is asked a second time, and must not be told anything then.
    account.may("Defaults:USER passwd_tries=9, logfile=LOG\nUSER ALL=(ALL) ALL");
    let wrong = as_root(10, "echo ran >> ledger", Some("wrong as well"));
    refused(&run(&driver, wrong).await, "did not accept the password");
    let log = fs::read_to_string(account.log()).unwrap();
    assert!(log.contains("1 incorrect password attempt"), "{log}");

    account.may("Defaults:USER requiretty\nUSER ALL=(ALL) NOPASSWD: ALL");
    refused(
        &run(&driver, as_root(6, "id -u", None)).await,
        "wants a terminal",
    );
    account.may("USER ALL=(ALL) NOPASSWD: /bin/true");
    refused(&run(&driver, as_root(7, "id -u", None)).await, "`sudo`");
    assert_eq!(text(&site, "ledger"), "");

    for (serial, rule) in [
        (8, "USER ALL=(ALL) NOPASSWD: ALL"),
        (9, "Defaults:USER use_pty\nUSER ALL=(ALL) NOPASSWD: ALL"),
    ] {
        account.may(rule);
        let what = waiting(&format!("n{serial}"));
        let end_sudo = async {
            exists(&site.home().join("begun")).await;
            for sudo in sudos_of(&marker(&site, serial, "supervisor")) {
                kill(sudo);
            }
            fs::write(site.home().join("go"), "").unwrap();
        };
        let (report, ()) = tokio::join!(run(&driver, as_root(serial, &what, None)), end_sudo);
        assert_eq!(report, ended(0, "done\n"), "{rule}");
        fs::remove_file(site.home().join("begun")).unwrap();
        fs::remove_file(site.home().join("go")).unwrap();
    }
    assert_eq!(text(&site, "ledger"), "n8\nn9\n");
}

/// The processes called `sudo` above an envelope.
fn sudos_of(supervisor: &std::path::Path) -> Vec<i32> {
    let text = fs::read_to_string(supervisor).unwrap();
    let mut pid: i32 = text.split(' ').next().unwrap().parse().unwrap();
    let mut sudos = Vec::new();
    while pid > 1 {
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
            break;
        };
        let (name, rest) = stat.rsplit_once(") ").unwrap();
        if name.ends_with("(sudo") {
            sudos.push(pid);
        }
        pid = rest.split(' ').nth(1).unwrap().parse().unwrap();
    }
    assert!(!sudos.is_empty(), "the envelope runs below sudo");
    sudos
}
