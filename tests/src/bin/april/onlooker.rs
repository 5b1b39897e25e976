//! Somebody who knows nothing of Ringway, and asks every domain controller again and again whether it serves.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::hosts::Town;

/// The service's port on every host.
const PORT: u16 = 8080;
/// How long a service may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long nobody is asked between two rounds.
const PAUSE: Duration = Duration::from_millis(150);

/// What was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// How often all were asked.
    pub(crate) rounds: u64,
    /// Domains of which nobody served, and in how many rounds.
    pub(crate) lost: BTreeMap<String, u64>,
    /// The most controllers of one domain that did not serve at once, by domain, where there was one.
    pub(crate) down: BTreeMap<String, usize>,
}

/// Asks until it is told to end.
pub(crate) struct Onlooker {
    ends: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

impl Onlooker {
    /// Begins to ask.
    pub(crate) fn start(town: &Town) -> Self {
        let mut domains: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
        for server in town.servers.iter().filter(|one| one.carries_a_domain()) {
            let address = town.farm.host(&server.name).address();
            domains
                .entry(server.domain.clone())
                .or_default()
                .push(address);
        }
        let ends = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ends);
        let thread = std::thread::spawn(move || {
            let mut seen = Seen::default();
            while !told.load(Ordering::Relaxed) {
                seen.rounds += 1;
                for (domain, controllers) in &domains {
                    let silent: BTreeSet<IpAddr> = controllers
                        .iter()
                        .copied()
                        .filter(|one| !serves(*one))
                        .collect();
                    if silent.is_empty() {
                        continue;
                    }
                    let most = seen.down.entry(domain.clone()).or_default();
                    *most = silent.len().max(*most);
                    // Those who were silent may be back by now: only who is silent still is lost with the others.
                    if silent.len() == controllers.len() && !silent.iter().any(|one| serves(*one)) {
                        *seen.lost.entry(domain.clone()).or_default() += 1;
                    }
                }
                std::thread::park_timeout(PAUSE);
            }
            seen
        });
        Self { ends, thread }
    }

    /// Ends, and says what was seen.
    pub(crate) fn end(self) -> Seen {
        self.ends.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        self.thread.join().unwrap_or_default()
    }
}

/// Whether the service there answers.
fn serves(address: IpAddr) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&SocketAddr::new(address, PORT), PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: onlooker\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}
