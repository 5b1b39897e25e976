//! Why work may not run, in sentences for people, with times on the clock of the host.

use ringway_model::Timestamp;
use ringway_policy::validated::TimeOfDay;

use crate::opening::{Because, Opening, State};
use crate::timetable::Whose;

impl Opening<'_> {
    /// What the clock of the host shows at an instant: `mon 2026-12-21 22:00 (Europe/Berlin)`.
    pub fn on_the_clock(&self, instant: Timestamp) -> String {
        let local = self.host_zone().local(instant);
        let (month, day) = local.day().civil();
        let seconds = u32::try_from(local.time()).expect("less than a day");
        let time = TimeOfDay::new(seconds / 3600, seconds / 60 % 60, seconds % 60)
            .expect("a time of a day");
        format!(
            "{} {:04}-{:02}-{day:02} {time} ({})",
            local.day().weekday().short(),
            month.year,
            month.month,
            self.timetable().zone
        )
    }

    /// Why work may not run, in one sentence.
    pub fn sentence(&self, because: &Because) -> String {
        match because {
            Because::Windows {
                whose,
                names,
                opens,
            } => {
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                let (window, verb) = match names.len() {
                    1 => ("window", "opens"),
                    _ => ("windows", "open"),
                };
                let when = match opens {
                    Some(opens) => self.on_the_clock(*opens),
                    None => "not for years".to_owned(),
                };
                let whose = match whose {
                    Whose::Fleet => "the host's",
                    Whose::Policy => "the policy's",
                    Whose::Ring => "the ring's",
                };
                format!("{whose} {window} {} {verb} {when}", names.join(", "))
            }
            Because::Freeze {
                name,
                whose,
                reason,
                until,
            } => {
                let of = match whose {
                    Whose::Fleet => "",
                    Whose::Policy | Whose::Ring => " of the policy",
                };
                let colon = if reason.is_empty() { "" } else { ": " };
                let until = self.on_the_clock(*until);
                format!("freeze `{name}`{of} holds until {until}{colon}{reason}")
            }
        }
    }

    /// Whether work may run, in one sentence for each reason.
    pub fn sentences(&self, state: &State) -> Vec<String> {
        match state {
            State::Open { until: Some(until) } => {
                vec![format!("open until {}", self.on_the_clock(*until))]
            }
            State::Open { until: None } => vec!["open, without an end for years".to_owned()],
            State::Closed { because, opens } => {
                let mut all: Vec<String> = because.iter().map(|it| self.sentence(it)).collect();
                // Where there is one reason, it has said so itself.
                if all.len() > 1 {
                    all.push(match opens {
                        Some(opens) => format!("open from {}", self.on_the_clock(*opens)),
                        None => "not open for years".to_owned(),
                    });
                }
                all
            }
        }
    }
}
