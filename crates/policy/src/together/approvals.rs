//! There must be enough people to give the approvals a policy asks for.

use std::collections::BTreeSet;

use crate::elements::policy::approval_rules;
use crate::fields::Notes;
use crate::problem::{Code, Found, Report};
use crate::validated::{Documents, NotBy};

/// Reports rules that nobody could ever meet.
pub(super) fn check(documents: &Documents, notes: &Notes, found: &mut Found) {
    let teams = &documents.people.teams;
    for policy in documents.policies.values() {
        for (path, rule) in approval_rules(policy) {
            // Teams that are not there have been reported; anybody is always enough.
            if rule.by.is_empty() || rule.by.iter().any(|team| !teams.contains_key(team)) {
                continue;
            }
            let mut people: BTreeSet<&str> = rule
                .by
                .iter()
                .flat_map(|team| teams[team].members.iter().chain(&teams[team].deputies))
                .map(String::as_str)
                .collect();
            let author = policy
                .author
                .as_deref()
                .map(|author| documents.people.person(author))
                .filter(|_| rule.not_by.contains(&NotBy::PolicyAuthor));
            let without = match author.filter(|author| people.remove(author)) {
                Some(author) => format!(" without the author `{author}`"),
                None => String::new(),
            };
            if people.len() < usize::from(rule.needed) {
                let (needed, could) = match rule.needed {
                    1 => ("1 approval is".to_owned(), "it"),
                    n => (format!("{n} approvals are"), "them"),
                };
                let have = if rule.by.len() == 1 { "has" } else { "have" };
                let who = match people.len() {
                    0 => "nobody".to_owned(),
                    1 => "one person".to_owned(),
                    n => format!("{n} people"),
                };
                let teams = teams_words(&rule.by);
                let message = format!(
                    "{needed} needed, and {teams}{without} {have} {who} who could give {could}"
                );
                let place = super::place(notes, &path);
                let hint = "ask for fewer, name another team, or add deputies";
                found.report(Report::new(Code::TooFewPeople, place, message).hint(hint));
            }
        }
    }
}

fn teams_words(teams: &[String]) -> String {
    match teams {
        [one] => format!("team `{one}`"),
        several => format!("the teams `{}` together", several.join("`, `")),
    }
}
