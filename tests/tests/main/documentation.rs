//! The documentation's links lead somewhere, and every page is led to.

use std::fs;
use std::path::Path;

use ringway_tests::root;

use crate::sources::files;

/// Targets of the links in a Markdown text that are files: `[..](target)`, without web addresses and anchors.
fn links(text: &str) -> Vec<&str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.split('#').next().unwrap_or_default())
        .filter(|target| !target.is_empty() && !target.contains("://"))
        .collect()
}

#[test]
fn every_link_to_a_file_finds_it() {
    let pages = files(root(), ".md");
    assert!(pages.iter().any(|page| page.ends_with("README.md")));
    let mut broken = Vec::new();
    for page in &pages {
        let text = fs::read_to_string(page).unwrap();
        let folder = page.parent().unwrap();
        for target in links(&text) {
            if !folder.join(Path::new(target)).exists() {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert_eq!(broken, [""; 0]);
}

/// A page that no index names is a page that nobody reads.
#[test]
fn every_page_is_in_the_index_of_its_folder_or_in_the_documentation_s() {
    let docs = root().join("docs");
    let mut listed = Vec::new();
    for index in ["README.md", "decisions/README.md"] {
        let index = docs.join(index);
        let text = fs::read_to_string(&index).unwrap();
        let folder = index.parent().unwrap();
        listed.extend(links(&text).iter().map(|target| folder.join(target)));
    }
    let orphans: Vec<String> = files(&docs, ".md")
        .into_iter()
        .filter(|page| !page.ends_with("docs/README.md") && !listed.contains(page))
        .map(|page| page.display().to_string())
        .collect();
    assert_eq!(orphans, [""; 0]);
}

#[test]
fn links_are_found_with_their_anchors_taken_off() {
    let text = "See [a](b/c.md#d), [the web](https://example.org/) and [here](#below).";
    assert_eq!(links(text), ["b/c.md"]);
}
