//! Who belongs to which team, and which user names are whose.

use std::collections::BTreeMap;

use ringway_model::Digest;

use super::fleet::optional;
use crate::fields::{Cx, Fields, Named};
use crate::problem::Code;
use crate::scalar;
use crate::shape::{Is, Shape, may, must};
use crate::validated::{People, Person, Team};
use crate::yaml::{Node, Place};

/// The document.
pub(crate) static PEOPLE: Shape = Shape {
    what: "people document",
    about: "Who belongs to which team.",
    keys: &[
        must(
            "ringway",
            Is::Word(&["people/v1"]),
            "people/v1",
            "The kind of document.",
        ),
        may(
            "people",
            Is::Map(&Is::Of(&PERSON)),
            "People of whom more is to be said than their name, by name: `{ ana: { user: amueller } }`. Whoever is not here has the user name of their name.",
        ),
        must(
            "teams",
            Is::Map(&Is::Of(&TEAM)),
            "{ operators: { members: [ana, ben] } }",
            "Teams by name.",
        ),
    ],
    later: &[],
};

static PERSON: Shape = Shape {
    what: "person",
    about: "A person.",
    keys: &[
        may(
            "user",
            Is::Either(&[Is::Name, Is::List(&Is::Name)]),
            "Their user name on the machine where Ringway runs, or several. Where absent, it is their name.",
        ),
        may(
            "contact",
            Is::Text,
            "How to reach them: shown to whoever looks for somebody who may approve.",
        ),
    ],
    later: &[],
};

static TEAM: Shape = Shape {
    what: "team",
    about: "A team.",
    keys: &[
        must("members", Is::List(&Is::Name), "[ana, ben]", "Its members."),
        may(
            "deputies",
            Is::List(&Is::Name),
            "Those who stand in for a member, at any time; what they say counts alike, and is recorded as said by a deputy.",
        ),
    ],
    later: &[],
};

/// Reads a people document.
pub(crate) fn read(cx: &Cx<'_>, node: &Node<'_>, digest: Digest) -> Option<People> {
    let fields = Fields::open(cx, &PEOPLE, node)?;
    fields.read("ringway", |_, _| Some(()));
    let people = fields.read("people", persons);
    let people = optional(&fields, "people", people);
    let teams = fields.read("teams", |cx, node| {
        scalar::map(cx, node, "teams", |cx, name, place, value| {
            let name = scalar::check_name(cx, name, place)?;
            cx.define(Named::Team, &name, place);
            Some((name, team(cx, value, people.as_ref())?))
        })
    });
    Some(People {
        digest,
        people: people?,
        teams: teams?.into_iter().collect(),
    })
}

/// People by name. A user name is one person's, and no other person's name: otherwise a yes would be of somebody else.
fn persons(cx: &Cx<'_>, node: &Node<'_>) -> Option<BTreeMap<String, Person>> {
    let read = scalar::map(cx, node, "people", |cx, name, place, value| {
        let name = scalar::check_name(cx, name, place)?;
        let person = person(cx, value, &name)?;
        Some((name, place, person))
    })?;
    let mut whose: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, place, person) in &read {
        for user in &person.users {
            let other = whose.insert(user, name).filter(|other| other != name);
            let named = read
                .iter()
                .any(|(other, ..)| other == user && other != name);
            if let Some(other) = other.or_else(|| named.then_some(user.as_str())) {
                return taken(cx, *place, (user, name), other);
            }
        }
    }
    let people = read.into_iter();
    Some(people.map(|(name, _, person)| (name, person)).collect())
}

fn taken<T>(cx: &Cx<'_>, place: Place, (user, name): (&str, &str), other: &str) -> Option<T> {
    let message = format!("`{user}` is the user name of `{name}` and of `{other}`");
    let hint = "a user name is one person's: what its user says is what that person says";
    cx.fail(Code::DuplicateName, place, message, hint)
}

fn person(cx: &Cx<'_>, node: &Node<'_>, name: &str) -> Option<Person> {
    let fields = Fields::open(cx, &PERSON, node)?;
    let users = fields.read("user", |cx, node| {
        scalar::one_or_more(cx, node, scalar::name)
    });
    let contact = fields.read("contact", scalar::value);
    let mut users = optional(&fields, "user", users)?;
    if users.is_empty() {
        users.push(name.to_owned());
    }
    Some(Person {
        users,
        contact: optional(&fields, "contact", contact.map(Some))?,
    })
}

fn team(cx: &Cx<'_>, node: &Node<'_>, people: Option<&BTreeMap<String, Person>>) -> Option<Team> {
    let fields = Fields::open(cx, &TEAM, node)?;
    let one = |cx: &Cx<'_>, node: &Node<'_>| {
        let name = scalar::name(cx, node)?;
        let mut whose = people.into_iter().flatten();
        let whose = whose.find(|(_, person)| person.users.contains(&name));
        match whose {
            Some((person, _)) if *person != name => {
                let message = format!("`{name}` is a user name of `{person}`");
                let hint = format!("a team has people: write `{person}`");
                cx.fail(Code::BadName, node.place, message, &hint)
            }
            Some(_) | None => Some(name),
        }
    };
    let members = fields.read("members", |cx, node| scalar::names(cx, node, one));
    let deputies = fields.read("deputies", |cx, node| scalar::names(cx, node, one));
    let team = Team {
        members: members?,
        deputies: optional(&fields, "deputies", deputies)?,
    };
    if let Some(both) = team
        .deputies
        .iter()
        .find(|person| team.members.contains(person))
    {
        let message = format!("`{both}` is a member and a deputy");
        let place = fields.key_place("deputies");
        return cx.fail(
            Code::DuplicateName,
            place,
            message,
            "name a person once in a team",
        );
    }
    Some(team)
}
