//! What both have in common: components that may be missing, the program, ports, ends of processes.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than a run takes on a machine that is busy with other things, in seconds.
const LONG: &str = "240";

/// Whether these programs are there. Where they are not that is told; where nothing may be skipped it is a failure.
pub(super) fn are_there(programs: &[(&str, Option<PathBuf>)]) -> bool {
    let missing: Vec<&str> = programs
        .iter()
        .filter(|(_, found)| found.is_none())
        .map(|(package, _)| *package)
        .collect();
    if missing.is_empty() {
        return true;
    }
    let notice = format!("not tried: `apt-get install {}`", missing.join(" "));
    let may_skip = std::env::var_os("CI").is_none_or(|ci| ci.is_empty());
    assert!(may_skip, "{notice}");
    println!("{notice}");
    false
}

/// A program on the search path.
pub(super) fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// Runs `ringway` with these arguments; what it printed, and its exit code.
pub(super) fn ringway(root: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new("timeout")
        .args(["--kill-after=5", LONG])
        .arg(ringway_tests::ringway())
        .arg("--data")
        .arg(root.join("data"))
        .args(arguments)
        .current_dir(root)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

/// A shipped care, to be named among the documents.
pub(super) fn care(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../policies/cares")
        .join(format!("{name}.yaml"));
    file.display().to_string()
}

/// Whether somebody listens.
pub(super) fn answers(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_ok()
}

/// Waits until something is so.
pub(super) fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_mins(1), "{what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// A process that ends with its value.
pub(super) struct Ends(pub(super) Child);

impl Drop for Ends {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
