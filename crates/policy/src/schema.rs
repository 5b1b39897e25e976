//! JSON Schema of each kind of document, for editors.

use serde_json::{Value, json};

use crate::read::Kind;

/// The JSON Schema (draft 2020-12) of a kind of document.
///
/// It is made from the same tables as the reader: it has every key that is read and no other. What needs more than one
/// value to be judged (names that must exist, keys that exclude each other) is the reader's alone.
pub fn schema(kind: Kind) -> Value {
    let mut schema = kind.shape().schema();
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!(format!("Ringway {} document", kind.word()));
    schema
}
