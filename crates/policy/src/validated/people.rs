//! Who people are, and which teams they are in.

use std::collections::BTreeMap;

use ringway_model::Digest;
use serde::{Deserialize, Serialize};

/// Who belongs to which team.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct People {
    /// Digest of the document as written.
    pub digest: Digest,
    /// People of whom more is said than their name, by name. Whoever is not among them has the user name of their name.
    pub people: BTreeMap<String, Person>,
    /// Teams by name.
    pub teams: BTreeMap<String, Team>,
}

impl People {
    /// The person that a name in a document means: a user name means the person whose it is.
    pub fn person<'a>(&'a self, name: &'a str) -> &'a str {
        let mut people = self.people.iter();
        people
            .find(|(_, person)| person.users.iter().any(|user| user == name))
            .map_or(name, |(person, _)| person.as_str())
    }
}

/// A person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Their user names on the machine where Ringway runs; at least one.
    pub users: Vec<String>,
    /// How to reach them.
    pub contact: Option<String>,
}

/// A team.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Team {
    /// Its members.
    pub members: Vec<String>,
    /// Those who stand in for a member; what they say counts alike, and is recorded as said by a deputy.
    pub deputies: Vec<String>,
}
