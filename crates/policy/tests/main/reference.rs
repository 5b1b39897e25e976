//! The page that lists every key of every document is what the schemas say, so it cannot drift from the reader.
//!
//! `RINGWAY_BLESS=1 cargo test -p ringway-policy reference` writes the page anew.

#![expect(
    clippy::disallowed_methods,
    reason = "the page is a file of the repository"
)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fmt::Write as _;

use ringway_policy::{KINDS, inventory_schema, schema};
use serde_json::Value;

const HEAD: &str = "# The documents

Every key of every document, made from the same tables that the reader and `ringway schema KIND` use; a test compares
this page with them. A key in bold must be there. Each document begins with its kind, as in `ringway: policy/v1`; a file
may hold several, separated by `---`. Unknown keys are errors with a hint. Labels, ids, builds and versions are taken as
written.

Selectors: `role = web | shop and env = prod`, `os startswith windows`, `tier != critical`, `has pam`, `not role = dc`,
`all`. `not` binds tighter than `and`, `and` tighter than `or`; `|` separates values. Without the label, `=` is false and
`!=` is true. As values `yes` and `true`, `no` and `false` are the same, in letters of any size; all others are compared as they are.
";

#[test]
fn the_page_of_documents_is_what_the_schemas_say() {
    let mut page = HEAD.to_owned();
    for kind in KINDS {
        let schema = schema(kind);
        write!(page, "\n## `{}/v1`\n\n", kind.word()).unwrap();
        if let Some(about) = schema["description"].as_str() {
            write!(page, "{about}\n\n").unwrap();
        }
        keys(&mut page, &schema, 0);
    }
    let schema = inventory_schema();
    page.push_str("\n## `inventory/v1`, what a command of `import` prints\n\n");
    write!(page, "{}\n\n", schema["description"].as_str().unwrap()).unwrap();
    keys(&mut page, &schema, 0);
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/reference/documents.md"
    );
    if std::env::var_os("RINGWAY_BLESS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let shown = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        shown == page,
        "docs/reference/documents.md is not what the schemas say; RINGWAY_BLESS=1 writes it anew"
    );
}

/// The keys of an object, each with what may stand below it.
fn keys(page: &mut String, object: &Value, depth: usize) {
    let required: Vec<&str> = object["required"]
        .as_array()
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    for (name, value) in object["properties"].as_object().into_iter().flatten() {
        if depth == 0 && name == "ringway" {
            continue;
        }
        let mark = if required.contains(&name.as_str()) {
            "**"
        } else {
            ""
        };
        let indent = "  ".repeat(depth);
        write!(page, "{indent}* {mark}`{name}`{mark}").unwrap();
        if let Some(about) = value["description"].as_str() {
            write!(page, ": {about}").unwrap();
        }
        if let Some(words) = value["enum"].as_array() {
            let words: Vec<String> = words
                .iter()
                .map(|word| format!("`{}`", text(word)))
                .collect();
            write!(page, " One of {}.", words.join(", ")).unwrap();
        }
        if let Some(example) = value["examples"].get(0) {
            write!(page, " For example `{}`.", text(example)).unwrap();
        }
        page.push('\n');
        below(page, value, depth + 1);
    }
}

/// What stands below a key: its own keys, those of its items, of its named values, or of one of its shapes.
fn below(page: &mut String, value: &Value, depth: usize) {
    keys(page, value, depth);
    for inner in ["items", "additionalProperties"] {
        if value[inner].is_object() {
            below(page, &value[inner], depth);
        }
    }
    for shape in value["anyOf"].as_array().into_iter().flatten() {
        below(page, shape, depth);
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
