//! `ringway override-freeze`: lets one rollout work in a freeze for some time.

use std::path::Path;

use ringway_engine::Command;

use super::orders::{Aim, Order, choose, give};
use crate::args::OverrideFreeze;
use crate::clock;
use crate::exit::Outcome;
use crate::out::Out;
use crate::session::Informant;

/// `ringway override-freeze`.
pub(crate) async fn override_freeze(out: Out, data: &Path, args: OverrideFreeze) -> Outcome {
    let (informant, view) = Informant::look(data).await?;
    let rollout = choose(&view, args.which)?.id;
    let command = Command::OverrideFreeze {
        rollout,
        freeze: args.freeze,
        reason: args.reason,
        until: args.until.from(clock::now()),
    };
    let order = Order {
        command,
        rollout: Some(rollout),
        aim: Aim::GoOn,
        when: args.when,
    };
    give(out, data, &informant, order).await
}
