//! A transport without a network: its host is a directory of this machine, a connection is a pair of pipes, and whatever
//! can happen to a connection can be made to happen, at a chosen byte.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::{future::Future, pin::Pin};

use ringway_drivers::Reach;
use ringway_drivers::transport::{
    Connecting, Exec, Lost, Refusal, Running, Said, Starting, Transport,
};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::site::{Site, plain_ssh, reach};

/// What happens to one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is refused.
    Refuse,
    /// The connection breaks after so many bytes of the command's input; `usize::MAX`: when all of it was given.
    LoseInput(usize),
    /// The connection breaks after so many bytes of what the command says.
    LoseOutput(usize),
    /// Nothing of it arrives, and nobody says so.
    Swallow,
    /// It arrives, and what the connection watches ends without a word: `sudo` above it was killed, say. It goes on.
    Orphan,
    /// It is held until [`Host::release`], with nothing of it given.
    Hold,
}

/// A host, and what is done to it.
pub(crate) struct Host {
    home: PathBuf,
    user: Option<u32>,
    refuses: AtomicBool,
    cut: watch::Sender<()>,
    held: watch::Sender<bool>,
    faults: Mutex<Vec<(&'static str, Fault)>>,
    /// What was asked, by the script's main function.
    asked: Mutex<Vec<String>>,
}

/// The host, and the directory it is.
pub(crate) struct Shell {
    directory: TempDir,
    pub(crate) host: Arc<Host>,
}

impl Shell {
    pub(crate) fn new() -> Self {
        Self::of_user(None)
    }

    /// A host that this user logs in to. Only for root.
    pub(crate) fn of(user: u32) -> Self {
        let site = Self::of_user(Some(user));
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(site.directory.path(), open).unwrap();
        site
    }

    fn of_user(user: Option<u32>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().join("home");
        fs::create_dir(&home).unwrap();
        fs::create_dir(home.join("bin")).unwrap();
        let host = Host {
            home,
            user,
            refuses: AtomicBool::new(false),
            cut: watch::channel(()).0,
            held: watch::channel(true).0,
            faults: Mutex::default(),
            asked: Mutex::default(),
        };
        Self {
            directory,
            host: Arc::new(host),
        }
    }

    /// Makes this happen to the next command whose script begins at this function of the envelope.
    pub(crate) fn fault(&self, script: &'static str, fault: Fault) {
        if fault == Fault::Hold {
            self.host.held.send_replace(true);
        }
        self.host.faults.lock().unwrap().push((script, fault));
    }

    /// Lets go what is held.
    pub(crate) fn release(&self) {
        self.host.held.send_replace(false);
    }

    /// How often a script was given to the host, or tried to.
    pub(crate) fn asked(&self, script: &str) -> usize {
        let asked = self.host.asked.lock().unwrap();
        asked.iter().filter(|main| *main == script).count()
    }
}

impl Site for Shell {
    fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(ShellTransport(Arc::clone(&self.host)))
    }

    fn reach(&self) -> Reach {
        let directory = self.directory.path().to_owned();
        reach("127.0.0.1", plain_ssh(None, None), directory)
    }

    fn home(&self) -> PathBuf {
        self.host.home.clone()
    }

    fn refuse(&self) {
        self.host.refuses.store(true, Ordering::SeqCst);
    }

    fn heal(&self) {
        self.host.refuses.store(false, Ordering::SeqCst);
    }

    fn cut(&self) {
        self.host.cut.send_replace(());
    }
}

struct ShellTransport(Arc<Host>);

/// The function of the envelope that a script calls.
fn main_of(input: &[u8]) -> String {
    let text = String::from_utf8_lossy(input);
    let mut lines = text.lines().rev().skip_while(|line| *line != "exit 0");
    lines.nth(1).unwrap_or("").to_owned()
}

impl Transport for ShellTransport {
    fn exec(&self, _reach: Arc<Reach>, exec: Exec) -> Starting<'_> {
        Box::pin(async move {
            let main = main_of(&exec.input);
            let fault = {
                let mut faults = self.0.faults.lock().unwrap();
                let found = faults.iter().position(|(script, _)| *script == main);
                found.map(|found| faults.remove(found).1)
            };
            self.0.asked.lock().unwrap().push(main);
            if fault == Some(Fault::Hold) {
                let mut held = self.0.held.subscribe();
                held.wait_for(|held| !held).await.unwrap();
            }
            if fault == Some(Fault::Refuse) || self.0.refuses.load(Ordering::SeqCst) {
                return Err(Refusal::Unreachable("connection refused".to_owned()));
            }
            Ok(Box::new(start(&self.0, exec, fault)) as Box<dyn Running>)
        })
    }

    fn connect(&self, _reach: Arc<Reach>, port: u16) -> Connecting<'_> {
        Box::pin(async move {
            if self.0.refuses.load(Ordering::SeqCst) {
                let why = Box::new(Refusal::Unreachable("connection refused".to_owned()));
                let hop = "jump.invalid".to_owned();
                return Err(Refusal::Jump { hop, why });
            }
            let stream = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await;
            match stream {
                Ok(stream) => Ok(Box::new(stream) as _),
                Err(error) => Err(Refusal::Unreachable(error.to_string())),
            }
        })
    }
}

/// A command, and the tasks that carry its bytes. They end with it; the command goes on.
struct ShellRunning {
    said: mpsc::Receiver<Result<Said, Lost>>,
    cut: watch::Receiver<()>,
    _carriers: JoinSet<()>,
}

/// The login shell with a command.
fn spawn(host: &Host, command: &str) -> tokio::process::Child {
    let mut login = tokio::process::Command::new("/bin/sh");
    if let Some(user) = host.user {
        login.uid(user).gid(user);
    }
    login
        .arg("-c")
        .arg(command)
        .env_clear()
        .env("HOME", &host.home)
        .env("PATH", path(host))
        .current_dir(&host.home)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn start(host: &Host, mut exec: Exec, fault: Option<Fault>) -> ShellRunning {
    let (tell, said) = mpsc::channel(64);
    let cut = host.cut.subscribe();
    let mut carriers = JoinSet::new();
    let running = |carriers| ShellRunning {
        said,
        cut,
        _carriers: carriers,
    };
    if fault == Some(Fault::Swallow) {
        carriers.spawn(async move { tell.closed().await });
        return running(carriers);
    }
    let mut child = spawn(host, &exec.command);
    let lost = || Err(Lost("it broke, as it was told to".to_owned()));
    let mut input_breaks = false;
    if let Some(Fault::LoseInput(bytes)) = fault {
        exec.input.truncate(bytes);
        input_breaks = true;
    }
    let mut stdin = child.stdin.take().unwrap();
    if fault == Some(Fault::Orphan) {
        carriers.spawn(async move {
            drop(stdin.write_all(&exec.input).await);
            drop(tell.send(Ok(Said::Exit(137))).await);
        });
        return running(carriers);
    }
    let broken = tell.clone();
    carriers.spawn(async move {
        drop(stdin.write_all(&exec.input).await);
        if let Some(later) = exec.later
            && let Ok(later) = later.await
        {
            drop(stdin.write_all(&later).await);
        }
        drop(stdin);
        if input_breaks {
            drop(broken.send(lost()).await);
        }
    });
    let room = match fault {
        Some(Fault::LoseOutput(bytes)) => Some(bytes),
        _ => None,
    };
    let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    carriers.spawn(async move {
        if input_breaks {
            // The other end of the pipes goes when the connection does: what the command says reaches nobody.
            tell.closed().await;
            return;
        }
        let errors = carry(stderr, None, tell.clone(), Said::Errors);
        let output = carry(stdout, room, tell.clone(), Said::Output);
        let (whole, _) = tokio::join!(output, errors);
        if !whole {
            drop(tell.send(lost()).await);
            return;
        }
        if let Ok(status) = child.wait().await {
            drop(
                tell.send(Ok(Said::Exit(status.code().unwrap_or(255))))
                    .await,
            );
        }
    });
    running(carriers)
}

fn path(host: &Host) -> String {
    format!(
        "{}:{}",
        host.home.join("bin").display(),
        std::env::var("PATH").unwrap()
    )
}

/// Whether everything could be carried.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut room: Option<usize>,
    tell: mpsc::Sender<Result<Said, Lost>>,
    said: fn(Vec<u8>) -> Said,
) -> bool {
    let mut chunk = vec![0; 4096];
    loop {
        let most = room.unwrap_or(chunk.len()).min(chunk.len());
        if most == 0 {
            return false;
        }
        match from.read(&mut chunk[..most]).await {
            Ok(n @ 1..) => {
                room = room.map(|room| room - n);
                if tell.send(Ok(said(chunk[..n].to_vec()))).await.is_err() {
                    return false;
                }
            }
            Ok(0) | Err(_) => return true,
        }
    }
}

impl Running for ShellRunning {
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Result<Option<Said>, Lost>> + Send + '_>> {
        Box::pin(async {
            tokio::select! {
                biased;
                _ = self.cut.changed() => Err(Lost("it was cut".to_owned())),
                said = self.said.recv() => said.transpose(),
            }
        })
    }
}
