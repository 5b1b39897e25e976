//! A command on a channel: its input goes out while its output comes in, and what becomes of it is said as the host says it.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig};
use tokio::sync::OwnedSemaphorePermit;

use super::slot::Lease;
use crate::transport::{Exec, Lost, Refusal, Running, Said};

/// The number of the stream that standard error is, as the protocol has it.
const STANDARD_ERROR: u32 = 1;

/// How much of a command's input is written at a time.
const PIECE: usize = 8 * 1024;

/// A command that was given to a host.
pub(super) struct RunningCommand {
    from: ChannelReadHalf,
    to: Arc<ChannelWriteHalf<Msg>>,
    /// What is still to be written.
    input: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// What came before anybody asked.
    first: Option<ChannelMsg>,
    /// The host has said how it ended.
    has_exit: bool,
    /// The host has said that there is no more output.
    has_all: bool,
    is_closed: bool,
    lease: Lease,
    _seat: OwnedSemaphorePermit,
}

/// Gives a command to a host on an open channel. Answers when the host has taken it or refused it; where it says neither
/// within `patience` it may have taken it.
pub(super) async fn give(
    channel: Channel<Msg>,
    exec: Exec,
    patience: Duration,
    lease: Lease,
    seat: OwnedSemaphorePermit,
) -> Result<Box<dyn Running>, Refusal> {
    let (from, to) = channel.split();
    let to = Arc::new(to);
    let input = {
        let to = Arc::clone(&to);
        async move {
            // A host that does not want it any more says so on the channel; there is nobody to tell here.
            if to.exec(true, exec.command).await.is_err() || write(&to, &exec.input).await.is_err()
            {
                return;
            }
            if let Some(later) = exec.later
                && let Ok(later) = later.await
                && write(&to, &later).await.is_err()
            {
                return;
            }
            let _ = to.eof().await;
        }
    };
    let mut running = RunningCommand {
        from,
        to,
        input: Some(Box::pin(input)),
        first: None,
        has_exit: false,
        has_all: false,
        is_closed: false,
        lease,
        _seat: seat,
    };
    match tokio::time::timeout(patience, running.hear()).await {
        Ok(Some(ChannelMsg::Failure)) => {
            // It started nothing; and gets none of the input, for the channel is closed when this returns.
            return Err(Refusal::Login(
                "the host lets this user in, and runs no commands for it".to_owned(),
            ));
        }
        // Whatever else it says is part of what the command says; the end of the connection too.
        Ok(heard) => running.first = heard,
        Err(_) => {}
    }
    Ok(Box::new(running))
}

/// Writes in pieces, each after the one before it has been taken: the library keeps the room that the largest heap of
/// pieces needed for as long as the connection lives.
async fn write(to: &ChannelWriteHalf<Msg>, input: &[u8]) -> Result<(), russh::Error> {
    for piece in input.chunks(PIECE) {
        to.data_bytes(piece.to_vec()).await?;
        tokio::task::yield_now().await;
    }
    Ok(())
}

impl RunningCommand {
    /// The next message, while the input is written.
    async fn hear(&mut self) -> Option<ChannelMsg> {
        loop {
            let Some(input) = &mut self.input else {
                return self.from.wait().await;
            };
            tokio::select! {
                biased;
                message = self.from.wait() => match message {
                    // It only says that there is room for more input.
                    Some(ChannelMsg::WindowAdjusted { .. }) => {}
                    message => return message,
                },
                () = input => self.input = None,
            }
        }
    }

    async fn say(&mut self) -> Result<Option<Said>, Lost> {
        if self.is_closed {
            return Ok(None);
        }
        loop {
            let message = match self.first.take() {
                Some(message) => Some(message),
                None => self.hear().await,
            };
            match message {
                Some(ChannelMsg::Data { data }) => return Ok(Some(Said::Output(data.into()))),
                Some(ChannelMsg::ExtendedData { data, ext }) if ext == STANDARD_ERROR => {
                    return Ok(Some(Said::Errors(data.into())));
                }
                Some(ChannelMsg::ExitStatus { exit_status }) => {
                    self.has_exit = true;
                    // What a host sends beyond the numbers that there are is some failure or other.
                    return Ok(Some(Said::Exit(i32::try_from(exit_status).unwrap_or(255))));
                }
                Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                    self.has_exit = true;
                    return Ok(Some(Said::Exit(128 + number(&signal_name))));
                }
                Some(ChannelMsg::Eof) => self.has_all = true,
                Some(ChannelMsg::Close) => {
                    self.is_closed = true;
                    return self.closed("the host closed the channel before the command's end");
                }
                Some(_) => {}
                None => {
                    self.is_closed = true;
                    let why = self.lease.end();
                    return if self.has_all {
                        self.closed(&why)
                    } else {
                        Err(Lost(why))
                    };
                }
            }
        }
    }

    fn closed(&self, why: &str) -> Result<Option<Said>, Lost> {
        if self.has_exit {
            Ok(None)
        } else {
            Err(Lost(why.to_owned()))
        }
    }
}

impl Running for RunningCommand {
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Result<Option<Said>, Lost>> + Send + '_>> {
        Box::pin(self.say())
    }
}

impl Drop for RunningCommand {
    fn drop(&mut self) {
        if self.is_closed {
            return;
        }
        self.input = None;
        let to = Arc::clone(&self.to);
        let mut close = Box::pin(async move { drop(to.close().await) });
        // Mostly there is room for the message at once. Where there is not, and no runtime any more, the connection is gone.
        let is_sent = pin!(&mut close)
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready();
        if !is_sent && let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(close);
        }
    }
}

/// The number of a signal on Linux. What a host calls by a name of its own has none.
fn number(signal: &Sig) -> i32 {
    match signal {
        Sig::HUP => 1,
        Sig::INT => 2,
        Sig::QUIT => 3,
        Sig::ILL => 4,
        Sig::ABRT => 6,
        Sig::FPE => 8,
        Sig::KILL => 9,
        Sig::USR1 => 10,
        Sig::SEGV => 11,
        Sig::PIPE => 13,
        Sig::ALRM => 14,
        Sig::TERM => 15,
        Sig::Custom(name) => match name.split('@').next().unwrap_or(name) {
            "TRAP" => 5,
            "BUS" => 7,
            "USR2" => 12,
            "STKFLT" => 16,
            "XCPU" => 24,
            "XFSZ" => 25,
            "SYS" => 31,
            _ => 0,
        },
    }
}
