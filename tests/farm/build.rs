//! Builds `farm-host`, the program that hosts are made of, with the compiler alone.
//!
//! A test of another crate gets this package's library and none of its programs: cargo builds programs only for the
//! package that has them. The library therefore brings this one along. It uses nothing but the standard library, so
//! that one call of the compiler is enough.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

fn main() {
    let variable = |name: &str| env::var_os(name).expect("cargo sets it for build scripts");
    let out = PathBuf::from(variable("OUT_DIR")).join("farm-host");
    let mut target = OsString::from("--target=");
    target.push(variable("TARGET"));
    let status = Command::new(variable("RUSTC"))
        .args([
            "--edition=2024",
            "--crate-name=farm_host",
            "--crate-type=bin",
        ])
        .args(["-Copt-level=1", "-Cstrip=symbols", "-Cpanic=abort"])
        .arg(target)
        .arg("-o")
        .arg(&out)
        .arg("src/host/main.rs")
        .status()
        .expect("the compiler that builds this package starts");
    assert!(status.success(), "`farm-host` does not compile");
    println!("cargo::rustc-env=FARM_HOST_PROGRAM={}", out.display());
    println!("cargo::rerun-if-changed=src/host");
    println!("cargo::rerun-if-changed=build.rs");
}
