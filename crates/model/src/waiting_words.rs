//! What people are told of a wait: one line for each reason, the same everywhere.

use std::fmt;

use crate::advisory::Effect;
use crate::time::Timestamp;
use crate::waiting::WaitingOn;

impl fmt::Display for WaitingOn {
    #[expect(
        clippy::too_many_lines,
        reason = "one line for each reason is the table people are shown"
    )]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stop { by, reason } => write!(f, "the fleet is stopped by {by}: {reason}"),
            Self::Fault { what } => write!(f, "the engine stopped itself: {what}"),
            Self::Pause { by, reason } => write!(f, "paused by {by}: {reason}"),
            Self::Halt { cause } => write!(f, "halted: {cause}"),
            Self::Approval {
                to,
                by,
                have,
                need,
                could,
                cannot,
                expires,
            } => {
                write!(f, "{have} of {need} approvals for `{to}`")?;
                if !by.is_empty() {
                    write!(f, " (by {})", by.join(", "))?;
                    match could.as_slice() {
                        [] => f.write_str("; nobody is left who could give one")?,
                        names => write!(f, "; could give one: {}", Names(names))?,
                    }
                }
                if !cannot.is_empty() {
                    write!(f, "; not: {}", Names(cannot))?;
                }
                match expires {
                    Some(at) => write!(f, "; void from {at} on what was given"),
                    None => Ok(()),
                }
            }
            Self::EarlierRing { ring } => write!(f, "ring `{ring}` comes first"),
            Self::Visits { pending, in_flight } => {
                let visits = if *in_flight == 1 { "visit" } else { "visits" };
                write!(f, "{in_flight} {visits} in flight, {pending} to come")
            }
            Self::Soak { until } => write!(f, "soaks until {until}"),
            Self::Blind { need, have } => {
                write!(f, "too few hosts report: {have} of at least {need}")
            }
            Self::Gate { gate, need, have } => write!(
                f,
                "gate `{gate}`: {have} of {need} updated hosts are evidently up"
            ),
            Self::Debt { have, allowed } => write!(
                f,
                "{have} {} offline or held, {} may be left behind",
                if *have == 1 { "host" } else { "hosts" },
                match allowed {
                    0 => "none".to_owned(),
                    allowed => format!("at most {allowed}"),
                }
            ),
            Self::Dependency {
                group,
                open,
                failed,
            } => {
                write!(f, "group `{group}` comes first: {open} hosts not done")?;
                if *failed > 0 {
                    write!(f, ", {failed} failed")
                } else {
                    Ok(())
                }
            }
            Self::Ramp {
                in_flight,
                limit,
                frozen,
            } => {
                write!(f, "{in_flight} of {limit} visits at once")?;
                if *frozen {
                    f.write_str("; a failure froze the ramp")
                } else {
                    Ok(())
                }
            }
            Self::Budget { used, limit } => {
                write!(f, "disruption budget: {used} of {limit} hosts down")
            }
            Self::Peers { group, used, limit } => write!(
                f,
                "availability group `{group}`: {used} of {limit} members down"
            ),
            Self::PeerEvidence { group, need, have } => {
                write!(
                    f,
                    "availability group `{group}`: {have} other members evidently up, {need} must be"
                )
            }
            Self::Impossible { group } => {
                write!(f, "availability group `{group}` can never be kept up")
            }
            Self::Busy { rollout } => write!(f, "rollout {rollout} is visiting the host"),
            Self::Baseline { gate } => {
                write!(f, "no evidence yet from gate `{gate}` before the update")
            }
            Self::UnhealthyBefore { gate } => {
                write!(f, "unhealthy before the update (gate `{gate}`)")
            }
            Self::Offline { retry_at } => write!(f, "offline; next attempt at {retry_at}"),
            Self::Retry { at } => write!(f, "next attempt at {at}"),
            Self::Settle { until } => write!(f, "settles until {until}"),
            Self::NotUp {
                gate,
                until: Some(until),
            } => write!(f, "not up (gate `{gate}`); unhealthy at {until}"),
            Self::NotUp { gate, until: None } => write!(f, "not evidently up (gate `{gate}`)"),
            Self::Step { step, .. } => write!(f, "step `{step}` is running"),
            Self::Worker => f.write_str("all workers are busy"),
            Self::Staging { in_flight, limit } => {
                write!(f, "{in_flight} of {limit} hosts at once are being staged")
            }
            Self::HoldEnds => f.write_str("its restart is withheld while the rollout is held"),
            Self::HostHold { by, reason, until } => {
                write!(f, "held by {by}{}: {reason}", Until(*until))
            }
            Self::Maintenance { by, reason, until } => {
                write!(f, "maintenance declared by {by}{}: {reason}", Until(*until))
            }
            Self::Window {
                for_at_least,
                opens,
            } => {
                write!(
                    f,
                    "no window is open for {for_at_least} more{}",
                    Opens(*opens)
                )
            }
            Self::Freeze {
                reason,
                until,
                opens,
            } => write!(f, "frozen until {until}: {reason}{}", Opens(*opens)),
            Self::Calendar => f.write_str("when work may run is not known yet"),
            Self::NotReady {
                since,
                again,
                until,
            } => write!(
                f,
                "its group is not ready since {since}; asked again at {again}, at the latest until {until}"
            ),
            Self::GoesLast {
                group,
                next,
                others,
            } => {
                write!(f, "goes last of `{group}`, after `{next}`")?;
                match others.saturating_sub(1) {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
            Self::AllLast {
                group,
                hosts,
                again,
            } => write!(
                f,
                "all {hosts} hosts of `{group}` that are left say that they go last; asked again at {again}"
            ),
            Self::NoPeer { group, step, until } => {
                write!(
                    f,
                    "no other member of `{group}` is evidently up to run step `{step}`"
                )?;
                until.map_or(Ok(()), |at| write!(f, "; it fails at {at}"))
            }
            Self::NobodyUpdated { ring } => {
                write!(f, "no host of ring `{ring}` has the update")
            }
            Self::ApprovalHours { to, opens } => {
                write!(f, "a yes to `{to}` does not count at this hour")?;
                match opens {
                    Some(at) => write!(f, "; it does from {at} on"),
                    None => f.write_str("; no hours are known in which it does"),
                }
            }
            Self::ExternalGate {
                gate,
                says,
                why,
                since,
                every,
            } => {
                write!(f, "gate `{gate}` is {} since {since}", says.word())?;
                if !why.is_empty() {
                    write!(f, " ({why})")?;
                }
                write!(f, "; it is asked every {every}")
            }
            Self::ByHand {
                host,
                work,
                since,
                due,
                overdue,
                evidence,
                outside,
                others,
            } => {
                write!(f, "a person is to work on `{host}` by hand since {since}")?;
                let late = if *overdue { "OVERDUE since" } else { "due by" };
                write!(f, ", {late} {due}")?;
                if *outside {
                    f.write_str("; by its windows no work may run there any more")?;
                }
                write!(f, ": {work}")?;
                if *evidence {
                    f.write_str(" (`done` needs `--evidence`)")?;
                }
                match others {
                    0 => Ok(()),
                    1 => f.write_str("; and on 1 other host"),
                    others => write!(f, "; and on {others} other hosts"),
                }
            }
            Self::Exception { id, owner, until } => {
                write!(f, "excepted until {until} by {id} of {owner}")
            }
            Self::CatchUp { ring } => write!(
                f,
                "its ring was promoted while it was left out; it is visited with `{ring}`, the last ring"
            ),
            Self::Poisoned {
                content,
                by,
                reason,
            } => write!(f, "{content} is poisoned by {by}: {reason}"),
            Self::Unpoisoning {
                content,
                number,
                by,
                policy,
                have,
                need,
                teams,
                until,
            } => {
                write!(
                    f,
                    "{content} is poisoned; {by} asks to take that back (no. {number}), which has {have} of {need} approvals that policy `{policy}` asks for"
                )?;
                if !teams.is_empty() {
                    write!(f, " of {}", teams.join(" or "))?;
                }
                match until {
                    Some(until) => write!(f, ", and is void at {until}"),
                    None => Ok(()),
                }
            }
            Self::Superseded { by } => write!(f, "superseded by {by}, which visits it instead"),
            Self::Withheld { rollout } => write!(
                f,
                "its visit would restart it into what {rollout} installed, which withholds that restart"
            ),
            Self::Evidence {
                stratum,
                hosts,
                need_hosts,
                healthy,
                need_healthy,
                under_way,
                until,
            } => {
                write!(
                    f,
                    "too little is known of `{stratum}`: {hosts} of {need_hosts} hosts, {healthy} of {need_healthy} seen healthy"
                )?;
                match until {
                    Some(at) => write!(f, "; enough at {at} at the earliest"),
                    None if *under_way > 0 => write!(f, "; {under_way} of it under way"),
                    None => f.write_str("; no host of it is left that could show it"),
                }
            }
            Self::Advisory {
                id,
                source,
                rank,
                effect,
                accepted_by,
                fixed_by,
                lacks,
            } => {
                let done = match effect {
                    Effect::Note | Effect::Hold => "held",
                    Effect::Poison => "poisoned",
                };
                write!(f, "{done} by advisory {id} of {source} ({rank}")?;
                if let Some(by) = accepted_by {
                    write!(f, ", accepted by {by}")?;
                }
                f.write_str(")")?;
                if !lacks.is_empty() {
                    write!(f, "; it may not be meant, for it lacks {}", Names(lacks))?;
                }
                fixed_by
                    .as_ref()
                    .map_or(Ok(()), |fix| write!(f, "; `{fix}` mends it"))
            }
        }
    }
}

/// The first names, and how many more there are.
struct Names<'n>(&'n [String]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 6;
        for (at, name) in self.0.iter().take(SHOWN).enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{name}")?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// `; the next one opens at INSTANT`.
struct Opens(Option<Timestamp>);

impl fmt::Display for Opens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(at) => write!(f, "; work may run from {at} on"),
            None => f.write_str("; no window is known in which it may"),
        }
    }
}

/// ` until INSTANT`, or nothing.
struct Until(Option<Timestamp>);

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |at| write!(f, " until {at}"))
    }
}
