//! Who belongs to which team.

use ringway_model::Digest;

use super::fleet::optional;
use crate::fields::{Cx, Fields, Named};
use crate::problem::Code;
use crate::scalar;
use crate::shape::{Is, Shape, may, must};
use crate::validated::{People, Team};
use crate::yaml::Node;

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
        must(
            "teams",
            Is::Map(&Is::Of(&TEAM)),
            "{ operators: { members: [ana, ben] } }",
            "Teams by name.",
        ),
    ],
    later: &[],
};

static TEAM: Shape = Shape {
    what: "team",
    about: "A team.",
    keys: &[
        must(
            "members",
            Is::List(&Is::Name),
            "[ana, ben]",
            "User names of its members.",
        ),
        may(
            "deputies",
            Is::List(&Is::Name),
            "User names of those who stand in for a member; they count alike.",
        ),
    ],
    later: &[],
};

/// Reads a people document.
pub(crate) fn read(cx: &Cx<'_>, node: &Node<'_>, digest: Digest) -> Option<People> {
    let fields = Fields::open(cx, &PEOPLE, node)?;
    fields.read("ringway", |_, _| Some(()));
    let teams = fields.read("teams", |cx, node| {
        scalar::map(cx, node, "teams", |cx, name, place, value| {
            let name = scalar::check_name(cx, name, place)?;
            cx.define(Named::Team, &name, place);
            Some((name, team(cx, value)?))
        })
    })?;
    Some(People {
        digest,
        teams: teams.into_iter().collect(),
    })
}

fn team(cx: &Cx<'_>, node: &Node<'_>) -> Option<Team> {
    let fields = Fields::open(cx, &TEAM, node)?;
    let members = fields.read("members", |cx, node| scalar::names(cx, node, scalar::name));
    let deputies = fields.read("deputies", |cx, node| scalar::names(cx, node, scalar::name));
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
