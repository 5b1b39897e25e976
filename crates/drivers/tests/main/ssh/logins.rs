//! Who is let in with what.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use ringway_drivers::ssh::Limits;
use ringway_drivers::transport::Refusal;
use ringway_policy::validated;

use super::site::{Site, farm, host, public, text, until};

fn prints(command: &str) -> validated::Command {
    validated::Command::Shell(command.to_owned())
}

#[tokio::test]
async fn keys_of_every_kind_and_form_let_in() {
    let site = Site::new();
    let host = host();
    for (name, arguments) in [
        ("ed25519", &["-t", "ed25519"][..]),
        ("ecdsa", &["-t", "ecdsa", "-b", "384"]),
        ("rsa", &["-t", "rsa", "-b", "2048"]),
        ("rsa-pem", &["-t", "rsa", "-b", "2048", "-m", "PEM"]),
        ("rsa-pkcs8", &["-t", "rsa", "-b", "2048", "-m", "PKCS8"]),
        ("ecdsa-pkcs8", &["-t", "ecdsa", "-m", "PKCS8"]),
        ("ecdsa-pem", &["-t", "ecdsa", "-m", "PEM"]),
    ] {
        let key = site.make_known_key(name, arguments);
        let reach = site.reach(host, |ssh| ssh.keys = vec![text(&key)]);
        let ended = site.run(&reach, "echo in").await;
        assert_eq!(
            ended.map(|ended| ended.output),
            Ok("in".to_owned()),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_key_with_a_passphrase_is_opened_by_what_the_command_prints() {
    let site = Site::new();
    let host = host();
    for (name, arguments) in [
        ("openssh", &["-t", "ed25519", "-N", "hunter2"][..]),
        (
            "pkcs8",
            &["-t", "rsa", "-b", "2048", "-m", "PKCS8", "-N", "hunter2"],
        ),
        (
            "pem",
            &["-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "hunter2"],
        ),
    ] {
        site.make_known_key(name, arguments);
        fs::write(site.path("passphrase"), "hunter2\nnot this\n").unwrap();
        let reach = site.reach(host, |ssh| {
            ssh.keys = vec![name.to_owned()];
            // Where it runs is the directory of the documents.
            ssh.passphrase = Some(prints("echo asked >> asked; cat passphrase"));
        });
        let ended = site.run(&reach, "echo in").await;
        assert_eq!(
            ended.map(|ended| ended.output),
            Ok("in".to_owned()),
            "{name}"
        );
    }
    let asked = fs::read_to_string(site.path("asked")).unwrap();
    assert_eq!(asked.lines().count(), 3);
    // Another host, the same key: it is open already.
    let other = site.reach(super::site::host(), |ssh| {
        ssh.keys = vec!["openssh".to_owned()];
        ssh.passphrase = Some(prints("echo asked >> asked; cat passphrase"));
    });
    site.run(&other, "true").await.unwrap();
    assert_eq!(fs::read_to_string(site.path("asked")).unwrap(), asked);
}

#[tokio::test]
async fn a_passphrase_that_is_missing_or_wrong_is_said_without_saying_it() {
    let site = Site::new();
    let host = host();
    site.make_known_key("key", &["-t", "ed25519", "-N", "hunter2"]);
    for (passphrase, why) in [
        (None, "no `passphrase` names a command that prints it"),
        (Some("echo wrong-one"), "the passphrase does not open it"),
        (Some("echo hunter2; exit 2"), "it failed: exit status: 2"),
        (Some("true"), "it printed nothing"),
    ] {
        let reach = site.reach(host, |ssh| {
            ssh.keys = vec!["key".to_owned()];
            ssh.passphrase = passphrase.map(prints);
        });
        let Refusal::Here(said) = site.refusal(&reach).await else {
            panic!("it is our own fault");
        };
        assert!(said.contains(why), "{said}");
        assert!(
            !said.contains("hunter2") && !said.contains("wrong-one"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_key_that_is_not_accepted_is_named_with_what_is() {
    let site = Site::new();
    let host = host();
    let key = site.make_key("stranger", &["-t", "ed25519"]);
    let reach = site.reach(host, |ssh| {
        ssh.keys = vec![text(&key), "missing".to_owned()];
    });
    let Refusal::Login(said) = site.refusal(&reach).await else {
        panic!("it is the login");
    };
    let fingerprint = Command::new("ssh-keygen")
        .arg("-lf")
        .arg(&key)
        .output()
        .unwrap()
        .stdout;
    let fingerprint = String::from_utf8(fingerprint).unwrap();
    let fingerprint = fingerprint.split(' ').nth(1).unwrap();
    for part in [
        format!("`{}:{}`", host.address(), host.port()),
        format!("`{}` was offered", farm().user()),
        format!("`{}` (ssh-ed25519 key {fingerprint})", key.display()),
        "it accepts publickey".to_owned(),
        format!("`{}`: it cannot be read", site.path("missing").display()),
    ] {
        assert!(said.contains(&part), "{part} in {said}");
    }
}

/// A host that has had enough of wrong keys ends the connection, and says why.
#[tokio::test]
async fn too_many_keys_are_a_failed_login() {
    let site = Site::new();
    let host = host();
    host.configure(&["MaxAuthTries 2"]).unwrap();
    let keys: Vec<_> = (0..4)
        .map(|n| text(&site.make_key(&format!("key-{n}"), &["-t", "ed25519"])))
        .collect();
    let Refusal::Login(said) = site.refusal(&site.reach(host, |ssh| ssh.keys = keys)).await else {
        panic!("it is the login");
    };
    assert!(said.contains("Too many authentication failures"), "{said}");
}

#[tokio::test]
async fn another_user_than_the_keys_is_not_let_in() {
    let site = Site::new();
    let reach = site.reach(host(), |ssh| ssh.user = Some("nobody-at-all".to_owned()));
    assert!(matches!(site.refusal(&reach).await, Refusal::Login(_)));
}

#[tokio::test]
async fn a_key_that_others_can_read_is_not_used() {
    let site = Site::new();
    let key = site.make_known_key("key", &["-t", "ed25519"]);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let reach = site.reach(host(), |ssh| ssh.keys = vec![text(&key)]);
    let Refusal::Here(said) = site.refusal(&reach).await else {
        panic!("it is our own fault");
    };
    assert!(
        said.contains("its permissions 0640 let others read it"),
        "{said}"
    );
}

#[tokio::test]
async fn a_certificate_beside_a_key_lets_in() {
    let site = Site::new();
    let host = host();
    let authority = site.make_key("authority", &["-t", "ed25519"]);
    let trusted = host.folder().join("authority.pub");
    fs::write(&trusted, public(&authority)).unwrap();
    host.configure(&[&format!("TrustedUserCAKeys {}", trusted.display())])
        .unwrap();
    for kind in ["ed25519", "rsa", "ecdsa"] {
        let key = site.make_key(kind, &["-t", kind]);
        let reach = site.reach(host, |ssh| ssh.keys = vec![text(&key)]);
        assert!(
            matches!(site.refusal(&reach).await, Refusal::Login(_)),
            "{kind}"
        );
        sign(&authority, &key, farm().user());
        let ended = site.run(&reach, "echo in").await;
        assert_eq!(
            ended.map(|ended| ended.output),
            Ok("in".to_owned()),
            "{kind}"
        );
    }
    let key = site.make_key("of-another", &["-t", "ed25519"]);
    sign(&authority, &key, "somebody-else");
    let Refusal::Login(said) = site
        .refusal(&site.reach(host, |ssh| ssh.keys = vec![text(&key)]))
        .await
    else {
        panic!("it is the login");
    };
    assert!(
        said.contains("with its certificate for `somebody-else`"),
        "{said}"
    );
}

fn sign(authority: &Path, key: &Path, user: &str) {
    let signed = Command::new("ssh-keygen")
        .args(["-q", "-s"])
        .arg(authority)
        .args(["-I", "test", "-n", user])
        .arg(key.with_extension("pub"))
        .status()
        .unwrap();
    assert!(signed.success());
}

/// A real agent; it ends with the value.
struct Agent {
    process: Child,
    socket: PathBuf,
}

impl Agent {
    async fn start(site: &Site) -> Self {
        let socket = site.path("agent");
        let process = Command::new("ssh-agent")
            .args(["-D", "-a"])
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        until("the agent listens", || socket.exists()).await;
        Self { process, socket }
    }

    fn add(&self, key: &Path) {
        let added = Command::new("ssh-add")
            .arg("-q")
            .arg(key)
            .env("SSH_AUTH_SOCK", &self.socket)
            .status()
            .unwrap();
        assert!(added.success());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn the_agents_keys_and_certificates_let_in() {
    let keys = Site::new();
    let agent = Agent::start(&keys).await;
    let site = Site::with(Limits::default(), Some(agent.socket.clone()));
    let host = host();
    let reach = site.reach(host, |ssh| {
        ssh.keys = Vec::new();
        ssh.agent = true;
    });
    let Refusal::Here(said) = site.refusal(&reach).await else {
        panic!("an empty agent is our own fault");
    };
    assert!(said.contains("has no keys"), "{said}");
    agent.add(&keys.make_key("stranger", &["-t", "ed25519"]));
    assert!(matches!(site.refusal(&reach).await, Refusal::Login(_)));
    agent.add(&keys.make_known_key("rsa", &["-t", "rsa", "-b", "2048"]));
    assert_eq!(site.run(&reach, "echo in").await.unwrap().output, "in");

    let authority = keys.make_key("authority", &["-t", "ed25519"]);
    let other = super::site::host();
    let trusted = other.folder().join("authority.pub");
    fs::write(&trusted, public(&authority)).unwrap();
    other
        .configure(&[
            &format!("TrustedUserCAKeys {}", trusted.display()),
            "AuthorizedKeysFile none",
        ])
        .unwrap();
    let reach = site.reach(other, |ssh| {
        ssh.keys = Vec::new();
        ssh.agent = true;
    });
    assert!(matches!(site.refusal(&reach).await, Refusal::Login(_)));
    let key = keys.make_key("certified", &["-t", "ed25519"]);
    sign(&authority, &key, farm().user());
    agent.add(&key);
    assert_eq!(site.run(&reach, "echo in").await.unwrap().output, "in");
}

/// A key that its owner lent for one host only: the agent signs with it when it has been told of that host.
#[tokio::test]
async fn a_key_that_is_restricted_to_a_host_lets_in_there_alone() {
    let keys = Site::new();
    let agent = Agent::start(&keys).await;
    let site = Site::with(Limits::default(), Some(agent.socket.clone()));
    let (meant, other) = (host(), super::site::host());
    let key = keys.make_known_key("lent", &["-t", "ed25519"]);
    let name = format!("[{}]:{}", meant.address(), meant.port());
    let known = keys.path("known");
    fs::write(&known, format!("{name} {}\n", meant.public_key().unwrap())).unwrap();
    let added = Command::new("ssh-add")
        .args(["-q", "-h", &name, "-H"])
        .args([&known, &key])
        .env("SSH_AUTH_SOCK", &agent.socket)
        .status()
        .unwrap();
    assert!(added.success());
    let by_agent = |ssh: &mut validated::Ssh| {
        ssh.keys = Vec::new();
        ssh.agent = true;
    };
    let ended = site.run(&site.reach(meant, by_agent), "echo in").await;
    assert_eq!(ended.map(|ended| ended.output), Ok("in".to_owned()));
    let refused = site.refusal(&site.reach(other, by_agent)).await;
    assert!(
        matches!(refused, Refusal::Here(_) | Refusal::Login(_)),
        "{refused}"
    );
}

#[tokio::test]
async fn without_key_and_agent_nobody_is_asked() {
    let site = Site::new();
    let nothing = site.reach(host(), |ssh| {
        ssh.keys = Vec::new();
        ssh.agent = true;
    });
    let Refusal::Here(said) = site.refusal(&nothing).await else {
        panic!("it is our own fault");
    };
    assert!(
        said.contains("name one in `key`, or start an agent"),
        "{said}"
    );
    let gone = Site::with(Limits::default(), Some(site.path("no-agent")));
    let reach = gone.reach(host(), |ssh| {
        ssh.keys = Vec::new();
        ssh.agent = true;
    });
    let Refusal::Here(said) = gone.refusal(&reach).await else {
        panic!("it is our own fault");
    };
    assert!(said.contains("the agent at"), "{said}");
}

/// The host wants a second factor that nobody here can give; it must not look as if the key were wrong.
#[tokio::test]
async fn a_key_that_is_not_enough_is_said_to_be_right() {
    let site = Site::new();
    let host = host();
    host.configure(&[
        "AuthenticationMethods publickey,password",
        "PasswordAuthentication yes",
    ])
    .unwrap();
    let Refusal::Login(said) = site.refusal(&site.reach(host, |_| {})).await else {
        panic!("it is the login");
    };
    assert!(
        said.contains("wants more than the key it accepted")
            && said.contains("it accepts password"),
        "{said}"
    );
}
