//! Asks cargo, and reads what it answers.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::{Failure, Outcome};

/// The cargo that runs this program, at the top of the workspace.
pub(crate) fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// The top of the workspace.
pub(crate) fn root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root
}

/// Runs cargo to its end, its output going where ours goes.
pub(crate) fn run(arguments: &[&str]) -> Outcome {
    let status = cargo().args(arguments).status()?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::Failed(format!(
        "`cargo {}` failed",
        arguments.join(" ")
    )))
}

/// Builds something and returns cargo's messages about it; diagnostics go to standard error as they come.
pub(crate) fn build(arguments: &[String]) -> Outcome<Vec<Value>> {
    let output = cargo()
        .args(arguments)
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(Failure::Failed(format!(
            "`cargo {}` failed",
            arguments.join(" ")
        )));
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).map_err(|error| unreadable(&error)))
        .collect()
}

/// The workspace's own packages.
pub(crate) fn packages() -> Outcome<Vec<Value>> {
    let output = cargo()
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(Failure::Failed("`cargo metadata` failed".to_owned()));
    }
    let metadata: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| unreadable(&error))?;
    Ok(array(&metadata["packages"]).to_vec())
}

/// The elements of a JSON array; none where there is no array.
pub(crate) fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The text of a JSON string; empty where there is none.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn unreadable(error: &serde_json::Error) -> Failure {
    Failure::Failed(format!("cargo's answer cannot be read: {error}"))
}
