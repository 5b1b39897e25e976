//! The workspace as files and as cargo sees it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

/// The top of the workspace.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// What `cargo metadata` says, as far as tests look at it.
#[derive(Clone, Debug, Deserialize)]
pub struct Metadata {
    /// Every package of the dependency graph.
    pub packages: Vec<Package>,
    /// Ids of our own packages.
    pub workspace_members: Vec<String>,
}

/// A package.
#[derive(Clone, Debug, Deserialize)]
pub struct Package {
    /// Its id in this graph.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its licence as an SPDX expression.
    pub license: Option<String>,
    /// Where it comes from; absent for our own.
    pub source: Option<String>,
    /// Its manifest.
    pub manifest_path: PathBuf,
    /// What it asks for.
    pub dependencies: Vec<Dependency>,
}

/// A dependency as a manifest asks for it.
#[derive(Clone, Debug, Deserialize)]
pub struct Dependency {
    /// The package's name.
    pub name: String,
    /// `dev`, `build`, or absent for a normal one.
    pub kind: Option<String>,
    /// Whether it is there only with a feature.
    pub optional: bool,
}

impl Metadata {
    /// Asks cargo, for the platform this runs on: what other platforms would need may not have been fetched.
    ///
    /// # Panics
    ///
    /// When cargo cannot be asked, or answers something else: no test can go on then.
    pub fn read() -> Self {
        let version = output(Command::new("rustc").arg("-vV"));
        let version = String::from_utf8_lossy(&version);
        let host = version
            .lines()
            .find_map(|line| line.strip_prefix("host: "))
            .expect("rustc names its host in `rustc -vV`");
        let metadata = output(Command::new(env!("CARGO")).current_dir(root()).args([
            "metadata",
            "--format-version=1",
            "--filter-platform",
            host,
        ]));
        serde_json::from_slice(&metadata).expect("cargo metadata has the documented shape")
    }

    /// Our own packages, by name.
    pub fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages
            .iter()
            .filter(|package| self.workspace_members.contains(&package.id))
    }
}

/// What a program prints when it succeeds.
fn output(command: &mut Command) -> Vec<u8> {
    let output = command.output().expect("the toolchain's programs start");
    assert!(
        output.status.success(),
        "{command:?} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}
