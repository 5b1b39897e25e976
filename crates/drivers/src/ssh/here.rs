//! Who Ringway is on this machine, as far as SSH asks: its user, its home, its agent, its files of known hosts.

use std::path::PathBuf;

use nix::unistd::{User, geteuid};

/// The surroundings that keys, known hosts and user names are looked up in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Here {
    /// The user that is logged in as where no other is named.
    pub user: String,
    /// What `~/` stands for.
    pub home: PathBuf,
    /// The socket of the agent, where there is one.
    pub agent: Option<PathBuf>,
    /// The files of known hosts where no others are named; new hosts are written into the first.
    pub known_hosts: Vec<PathBuf>,
}

impl Here {
    /// Those of this process: the user it runs as, `HOME` (or that user's home), and `SSH_AUTH_SOCK`.
    pub fn of_this_process() -> Self {
        let account = User::from_uid(geteuid()).ok().flatten();
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let home = variable("HOME").map_or_else(
            || {
                account
                    .as_ref()
                    .map_or_else(|| PathBuf::from("/"), |account| account.dir.clone())
            },
            PathBuf::from,
        );
        Self {
            // A user without an entry has no name that a host could know either; the host will say so.
            user: account.map_or_else(|| geteuid().to_string(), |account| account.name),
            agent: variable("SSH_AUTH_SOCK").map(PathBuf::from),
            known_hosts: vec![
                home.join(".ssh/known_hosts"),
                PathBuf::from("/etc/ssh/ssh_known_hosts"),
            ],
            home,
        }
    }
}
