//! The ground the demo stands on: a directory of its own, the servers, and their end.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::exit::{End, Failure};

/// The version every server begins with.
const GOOD_VERSION: &str = "1.0";
/// How long a server may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_millis(500);

/// The documents, as they lie in `examples/demo`.
const DOCUMENTS: [(&str, &str); 7] = [
    (
        "careful/fleet.yaml",
        include_str!("../../../../examples/demo/fleet.yaml"),
    ),
    (
        "careful/policy.yaml",
        include_str!("../../../../examples/demo/policy.yaml"),
    ),
    (
        "careful/update.yaml",
        include_str!("../../../../examples/demo/update.yaml"),
    ),
    (
        "careful/recipe.yaml",
        include_str!("../../../../examples/demo/recipe.yaml"),
    ),
    (
        "careful/care.yaml",
        include_str!("../../../../examples/demo/care.yaml"),
    ),
    (
        "plain/fleet.yaml",
        include_str!("../../../../examples/demo/plain/fleet.yaml"),
    ),
    (
        "plain/policy.yaml",
        include_str!("../../../../examples/demo/plain/policy.yaml"),
    ),
];

/// A server as the fleet document names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    /// Its host name.
    pub(crate) name: String,
    /// Its role.
    pub(crate) role: String,
    /// Its pair, where it has one: the label that tells pairs apart, and its value.
    pub(crate) pair: Option<String>,
    /// Its port on 127.0.0.1.
    pub(crate) port: u16,
}

impl Server {
    /// The version it answers with; `None` where it does not answer.
    pub(crate) fn version(&self) -> Option<String> {
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        let mut stream = TcpStream::connect_timeout(&address, ANSWER_WITHIN).ok()?;
        stream.set_read_timeout(Some(ANSWER_WITHIN)).ok()?;
        stream
            .write_all(b"GET /health HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n")
            .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let body = answer.split_once("\r\n\r\n")?.1;
        body.trim().strip_prefix("ok ").map(str::to_owned)
    }
}

/// One place with its documents and its servers.
#[derive(Debug)]
pub(crate) struct Place {
    /// The directory of the documents; the servers are in `servers/` under it.
    pub(crate) directory: PathBuf,
    /// The servers.
    pub(crate) servers: Vec<Server>,
}

impl Place {
    /// Where Ringway keeps its data for this place.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// Names of the servers that a step has taken out of service and none has put back.
    pub(crate) fn drained(&self) -> Vec<&str> {
        let is_drained = |s: &&Server| self.home(s).join("drained").exists();
        self.servers
            .iter()
            .filter(is_drained)
            .map(|s| s.name.as_str())
            .collect()
    }

    /// What is installed on a server, whether it runs or not.
    pub(crate) fn installed(&self, server: &Server) -> String {
        fs::read_to_string(self.home(server).join("version"))
            .unwrap_or_default()
            .trim()
            .to_owned()
    }

    fn home(&self, server: &Server) -> PathBuf {
        self.directory.join("servers").join(&server.name)
    }
}

/// The demo's directory. Dropping it lets every server end itself and removes it.
#[derive(Debug)]
pub(crate) struct Ground {
    root: PathBuf,
    keep: bool,
    /// Held as long as the servers shall live.
    alive: Option<File>,
    ports: Vec<u16>,
    /// The servers this process began itself; those that steps restarted are nobody's children.
    children: Vec<Child>,
}

impl Ground {
    /// Makes the directory.
    pub(crate) fn prepare(keep: bool) -> Result<Self, Failure> {
        let root = std::env::temp_dir().join(format!("ringway-demo-{}", std::process::id()));
        fs::create_dir(&root).map_err(|e| cannot(&root, &e))?;
        let mut ground = Self {
            root,
            keep,
            alive: None,
            ports: Vec::new(),
            children: Vec::new(),
        };
        let lock = ground.root.join("alive");
        let file = File::create(&lock).map_err(|e| cannot(&lock, &e))?;
        file.lock().map_err(|e| cannot(&lock, &e))?;
        ground.alive = Some(file);
        Ok(ground)
    }

    /// Where it is.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Lays a place out: `careful` or `plain`, with the update and the recipe that both share, and starts its servers.
    pub(crate) fn place(&mut self, name: &str) -> Result<Place, Failure> {
        let directory = self.root.join(name);
        fs::create_dir(&directory).map_err(|e| cannot(&directory, &e))?;
        let mut servers = Vec::new();
        for (path, text) in DOCUMENTS {
            let (folder, file) = path
                .split_once('/')
                .expect("every document lies in a folder");
            let shared = file == "update.yaml" || file == "recipe.yaml";
            if folder != name && !shared {
                continue;
            }
            let mut text = text.to_owned();
            if file == "fleet.yaml" {
                servers = servers_of(&text);
                text = self.with_free_ports(&text, &mut servers)?;
            }
            let path = directory.join(file);
            fs::write(&path, text).map_err(|e| cannot(&path, &e))?;
        }
        let program = std::env::current_exe().map_err(|e| {
            Failure::new(End::Refused, format!("this program cannot be found: {e}"))
        })?;
        std::os::unix::fs::symlink(&program, directory.join("ringway"))
            .map_err(|e| cannot(&directory, &e))?;
        let place = Place { directory, servers };
        for server in &place.servers {
            self.children.push(start(&place, server, &program)?);
        }
        Ok(place)
    }

    /// The ports of the document where nobody uses them; others in their place where somebody does.
    fn with_free_ports(&mut self, text: &str, servers: &mut [Server]) -> Result<String, Failure> {
        let mut text = text.to_owned();
        // All are held until all are found, so that none is given twice.
        let mut held = Vec::new();
        for server in servers {
            let listener = TcpListener::bind(("127.0.0.1", server.port))
                .or_else(|_| TcpListener::bind(("127.0.0.1", 0)))
                .and_then(|listener| Ok((listener.local_addr()?.port(), listener)));
            let (port, listener) = listener.map_err(|e| {
                Failure::new(End::Refused, format!("no port on 127.0.0.1 is free: {e}"))
            })?;
            text = text.replace(
                &format!("port: {} }}", server.port),
                &format!("port: {port} }}"),
            );
            server.port = port;
            held.push(listener);
            self.ports.push(port);
        }
        Ok(text)
    }

    /// Ends all servers. They look for the lock themselves, so nobody else's process can be meant.
    pub(crate) async fn close(&mut self) {
        self.alive = None;
        // Their next look is at most a tenth of a second away; five seconds are for a machine that is very busy.
        for _ in 0..100 {
            let is_up = |port: &u16| TcpStream::connect(("127.0.0.1", *port)).is_ok();
            self.children
                .retain_mut(|child| matches!(child.try_wait(), Ok(None)));
            if self.children.is_empty() && !self.ports.iter().any(is_up) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        self.alive = None;
        if !self.keep {
            // What cannot be removed lies in the directory for temporary files, which the system clears.
            drop(fs::remove_dir_all(&self.root));
        }
    }
}

/// The servers that a fleet document of the demo names: one line each, as these documents are written.
fn servers_of(fleet: &str) -> Vec<Server> {
    let hosts = fleet
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- { name: "));
    hosts.filter_map(server_of).collect()
}

fn server_of(line: &str) -> Option<Server> {
    let labels = line.split_once("labels: { ")?.1;
    let label = |name: &str| {
        let value = labels.split_once(&format!("{name}: "))?.1;
        value.split([',', ' ', '}']).next().map(str::to_owned)
    };
    let (role, port) = (label("role")?, label("port")?.parse().ok()?);
    let pair = ["ag", "domain"]
        .iter()
        .find_map(|key| Some(format!("{role} {}", label(key)?)));
    let in_production = label("env")? == "prod";
    Some(Server {
        name: line.split_once(',')?.0.to_owned(),
        role,
        pair: pair.filter(|_| in_production),
        port,
    })
}

fn start(place: &Place, server: &Server, program: &Path) -> Result<Child, Failure> {
    let home = place.home(server);
    let begin = || -> io::Result<Child> {
        fs::create_dir_all(&home)?;
        fs::write(home.join("version"), format!("{GOOD_VERSION}\n"))?;
        let log = File::create(home.join("log"))?;
        // A process group of its own, so that Ctrl-C reaches the demo and the demo ends its servers.
        std::os::unix::process::CommandExt::process_group(
            Command::new(program)
                .arg("demo-server")
                .arg(&home)
                .args([server.port.to_string(), server.role.clone()])
                .stdin(Stdio::null())
                .stdout(log.try_clone()?)
                .stderr(log),
            0,
        )
        .spawn()
    };
    begin().map_err(|e| cannot(&home, &e))
}

fn cannot(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        End::Refused,
        format!("`{}` cannot be used: {error}", path.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_fleets_are_the_same_two_dozen_servers_with_five_pairs() {
        let of = |name| servers_of(DOCUMENTS.iter().find(|(path, _)| *path == name).unwrap().1);
        let careful = of("careful/fleet.yaml");
        assert_eq!(careful, of("plain/fleet.yaml"));
        assert_eq!(careful.len(), 24);
        let mut pairs: Vec<_> = careful.iter().filter_map(|s| s.pair.clone()).collect();
        pairs.sort();
        pairs.dedup();
        assert_eq!(
            pairs,
            [
                "db orders",
                "db people",
                "db stock",
                "directory corp",
                "directory plant"
            ]
        );
        assert_eq!(careful.iter().filter(|s| s.pair.is_some()).count(), 10);
    }
}
