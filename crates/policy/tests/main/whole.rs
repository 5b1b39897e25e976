//! Whole documents: the ready-made ones and those that use everything.

use ringway_policy::{Source, read, validated::Documents};

pub(crate) const CORP: &str = include_str!("../documents/corp.yaml");

pub(crate) fn documents(texts: &[&str]) -> Documents {
    let sources: Vec<Source> = texts
        .iter()
        .enumerate()
        .map(|(i, text)| Source::new(format!("{i}.yaml"), *text))
        .collect();
    read(&sources).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn ready_made_documents_are_valid() {
    documents(&[include_str!("../../../../policies/minimal.yaml")]);
    documents(&[
        CORP,
        include_str!("../../../../policies/monthly-linux.yaml"),
    ]);
}
