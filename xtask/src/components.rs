//! The real components that tests use and cargo does not bring along.
//!
//! The table is what a person is told; a test that needs one of them looks for it itself, and where it is missing runs
//! without it unless `CI` is set. With `CI` set the absence of any of them fails before anything is built.

use std::path::PathBuf;

use crate::say::{heading, say};
use crate::{Failure, Outcome};

/// A program that has to be on the machine.
struct Component {
    /// The program.
    program: &'static str,
    /// How it is installed on Debian.
    install: &'static str,
    /// What is tested with it.
    used_for: &'static str,
}

const COMPONENTS: [Component; 18] = [
    Component {
        program: "sh",
        install: "apt-get install dash",
        used_for: "every step of a recipe, and the envelope around it",
    },
    Component {
        program: "dash",
        install: "apt-get install dash",
        used_for: "the envelope under Debian's shell",
    },
    Component {
        program: "bash",
        install: "apt-get install bash",
        used_for: "the envelope under bash",
    },
    Component {
        program: "busybox",
        install: "apt-get install busybox",
        used_for: "the envelope under the shell of small systems",
    },
    Component {
        program: "setsid",
        install: "apt-get install util-linux",
        used_for: "steps that outlive the process that started them",
    },
    Component {
        program: "flock",
        install: "apt-get install util-linux",
        used_for: "one step at a time on a host",
    },
    Component {
        program: "timeout",
        install: "apt-get install coreutils",
        used_for: "bounds on what real processes may take",
    },
    Component {
        program: "sshd",
        install: "apt-get install openssh-server",
        used_for: "hosts that are reached over SSH",
    },
    Component {
        program: "ssh",
        install: "apt-get install openssh-client",
        used_for: "the system's `ssh` as a way to hosts, and what it says of the farm",
    },
    Component {
        program: "ssh-agent",
        install: "apt-get install openssh-client",
        used_for: "keys that an agent holds",
    },
    Component {
        program: "sudo",
        install: "apt-get install sudo",
        used_for: "steps with the rights of another user",
    },
    Component {
        program: "apt-ftparchive",
        install: "apt-get install apt-utils",
        used_for: "archives of real packages",
    },
    Component {
        program: "fakeroot",
        install: "apt-get install fakeroot",
        used_for: "hosts that install real packages without being root",
    },
    Component {
        program: "pg_ctlcluster",
        install: "apt-get install postgresql",
        used_for: "a primary and its replica, whose role moves in mid-rollout",
    },
    Component {
        program: "prometheus-alertmanager",
        install: "apt-get install prometheus-alertmanager",
        used_for: "hosts that are silenced while they are visited",
    },
    Component {
        program: "curl",
        install: "apt-get install curl",
        used_for: "what a shipped care says to an Alertmanager",
    },
    Component {
        program: "python3",
        install: "apt-get install python3 python3-venv",
        used_for: "inventories, compared with what Ansible itself reads",
    },
    Component {
        program: "cargo-clippy",
        install: "rustup component add clippy",
        used_for: "catching what a pure crate must not do",
    },
];

/// Whether nothing may be skipped.
pub(crate) fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty())
}

/// Prints what is there and what is not, and returns one line for each that is missing.
///
/// # Errors
///
/// When one is missing and nothing may be skipped.
pub(crate) fn look() -> Outcome<Vec<String>> {
    heading("components");
    let mut missing = Vec::new();
    for component in &COMPONENTS {
        if let Some(path) = find(component.program) {
            say!("  {:<12} {}", component.program, path.display());
        } else {
            let line = format!(
                "{:<12} MISSING, used for {}; `{}`",
                component.program, component.used_for, component.install
            );
            say!("  {line}");
            missing.push(line);
        }
    }
    if in_ci() && !missing.is_empty() {
        return Err(Failure::Failed(format!(
            "with `CI` set nothing is skipped, and {} of the components above are missing",
            missing.len()
        )));
    }
    Ok(missing)
}

/// Where a program lies on the search path, or where administrators' programs lie.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_where_the_shell_would_find_it() {
        assert!(find("sh").is_some());
        assert!(find("no-such-program-anywhere").is_none());
    }
}
