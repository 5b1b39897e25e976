//! What an element of a document may contain: one table per element, from which reading and the JSON Schema both work.
//!
//! The reader refuses a key that is not in its element's table, and asks for no key that is not, so the schema cannot
//! tell editors another story than the reader tells people.

use serde_json::{Map, Value, json};

/// One element: a mapping with known keys.
#[derive(Debug)]
pub(crate) struct Shape {
    /// What it is called in messages: `ring`.
    pub(crate) what: &'static str,
    /// What it is for.
    pub(crate) about: &'static str,
    /// Its keys.
    pub(crate) keys: &'static [Key],
    /// Keys that come with a later release, and what they are about.
    pub(crate) later: &'static [(&'static str, &'static str)],
}

/// One key of an element.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) kind: Is,
    /// A missing one is a problem; the text is an example.
    pub(crate) required: Option<&'static str>,
}

/// What a value is.
#[derive(Debug)]
pub(crate) enum Is {
    /// A text, taken as written.
    Text,
    /// A name: of a host, a group, a person.
    Name,
    /// A selector.
    Selector,
    /// A length of time.
    Span,
    /// A share.
    Share,
    /// A whole number.
    Count,
    /// `yes` or `no`.
    Flag,
    /// An instant.
    Time,
    /// One of some words.
    Word(&'static [&'static str]),
    /// A text for a shell, or a program and its arguments.
    Command,
    /// Several.
    List(&'static Is),
    /// By name.
    Map(&'static Is),
    /// An element.
    Of(&'static Shape),
    /// Nothing, or an element without keys.
    Nothing,
    /// One or the other.
    Either(&'static [Is]),
}

/// A key that may be absent.
pub(crate) const fn may(name: &'static str, kind: Is, about: &'static str) -> Key {
    Key {
        name,
        about,
        kind,
        required: None,
    }
}

/// A key that must be there, with an example of it.
pub(crate) const fn must(
    name: &'static str,
    kind: Is,
    example: &'static str,
    about: &'static str,
) -> Key {
    Key {
        name,
        about,
        kind,
        required: Some(example),
    }
}

impl Shape {
    /// The key of this name.
    pub(crate) fn key(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The JSON Schema of the element.
    pub(crate) fn schema(&self) -> Value {
        let properties: Map<String, Value> = self
            .keys
            .iter()
            .map(|key| {
                let mut schema = key.kind.schema();
                if let Value::Object(schema) = &mut schema {
                    schema.insert("description".to_owned(), json!(key.about));
                    if let Some(example) = key.required {
                        schema.insert("examples".to_owned(), json!([example]));
                    }
                }
                (key.name.to_owned(), schema)
            })
            .collect();
        let required: Vec<&str> = self
            .keys
            .iter()
            .filter(|key| key.required.is_some())
            .map(|key| key.name)
            .collect();
        let mut schema = json!({
            "type": "object",
            "description": self.about,
            "properties": properties,
            "additionalProperties": false,
        });
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema
    }
}

/// Texts are taken as written, and an editor sees `20348.5020` as a number and `no` as a boolean.
const AS_WRITTEN: [&str; 3] = ["string", "number", "boolean"];

const SPAN: &str = r"^\s*(0|(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?)\s*$";
const SHARE: &str = r"^\s*(100(\.0{1,4})?|\d{1,2}(\.\d{1,4})?|0\d{2}(\.\d{1,4})?)\s*%\s*$";

impl Is {
    fn schema(&self) -> Value {
        match self {
            Self::Text | Self::Name => json!({ "type": AS_WRITTEN }),
            Self::Selector => json!({ "type": "string", "minLength": 1 }),
            Self::Span => json!({ "type": ["string", "integer"], "pattern": SPAN, "maximum": 0 }),
            Self::Share => json!({ "type": "string", "pattern": SHARE }),
            Self::Count => json!({ "type": "integer", "minimum": 0 }),
            // YAML 1.1 editors see booleans, YAML 1.2 editors see the texts `yes` and `no`.
            Self::Flag => json!({ "enum": [true, false, "yes", "no"] }),
            Self::Time => json!({ "type": "string", "format": "date-time" }),
            Self::Word(words) => json!({ "enum": words }),
            Self::Command => json!({
                "anyOf": [
                    { "type": "string", "minLength": 1 },
                    { "type": "array", "minItems": 1, "items": { "type": AS_WRITTEN } },
                ],
            }),
            Self::List(item) => json!({ "type": "array", "items": item.schema() }),
            Self::Map(value) => {
                json!({ "type": "object", "additionalProperties": value.schema() })
            }
            Self::Of(shape) => shape.schema(),
            Self::Nothing => json!({ "type": ["object", "null"], "maxProperties": 0 }),
            Self::Either(kinds) => {
                json!({ "anyOf": kinds.iter().map(Self::schema).collect::<Vec<_>>() })
            }
        }
    }
}
