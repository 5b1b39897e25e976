//! One script on its way: given to a host, and what is heard of it.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;

use tokio::time::Instant;

use super::rights::{Gate, PROMPT, Rights, asks_again};
use crate::envelope::{Answer, Event, Reader};
use crate::port::Reach;
use crate::quote::QuoteError;
use crate::transport::{Refusal, Running, Said, Transport};

/// How much is kept of what stands on standard error, where a shell or `sudo` says why a script did not run.
const ERRORS_LIMIT: usize = 4 * 1024;

/// Why nothing was given to a host.
pub(super) enum Unsaid {
    /// The host cannot be reached, or does not let us in.
    Refusal(Refusal),
    /// No shell could carry it.
    Quote(QuoteError),
    /// It was not taken in time. Nobody knows whether all of it was given.
    Late,
}

/// What is heard next.
#[derive(Debug)]
pub(super) enum Heard {
    /// The script said this.
    Event(Event),
    /// It ended without saying anything (any more).
    Over,
    /// The connection broke: why.
    Lost(String),
    /// Nothing, for too long.
    Late,
}

/// A script that was given to a host.
pub(super) struct Talk {
    running: Box<dyn Running>,
    reader: Reader,
    events: VecDeque<Event>,
    errors: Vec<u8>,
    /// What is given to the host when it asks for it.
    gate: Option<Gate>,
    exit: Option<i32>,
    answered: bool,
}

impl Talk {
    /// Gives a script to a host. `limit` bounds what is kept of an output, whatever the host sends.
    pub(super) async fn begin(
        transport: &dyn Transport,
        reach: &Arc<Reach>,
        rights: &Rights,
        script: &str,
        limit: usize,
        until: Instant,
    ) -> Result<Self, Unsaid> {
        let (exec, gate) = rights.exec(script).map_err(Unsaid::Quote)?;
        let starting = transport.exec(Arc::clone(reach), exec);
        let running = tokio::time::timeout_at(until, starting)
            .await
            .map_err(|_| Unsaid::Late)?
            .map_err(Unsaid::Refusal)?;
        Ok(Self {
            running,
            reader: Reader::new(limit),
            events: VecDeque::new(),
            errors: Vec::new(),
            gate,
            exit: None,
            answered: false,
        })
    }

    /// What is heard next. Must not be dropped before it ends, for what is on its way would be lost with it.
    pub(super) async fn next(&mut self, until: Instant) -> Heard {
        loop {
            if let Some(event) = self.events.pop_front() {
                self.answered = true;
                return Heard::Event(event);
            }
            let said = {
                let next = pin!(self.running.next());
                tokio::time::timeout_at(until, next).await
            };
            match said {
                Err(_) => return Heard::Late,
                Ok(Err(lost)) => return Heard::Lost(lost.0),
                Ok(Ok(None)) => return Heard::Over,
                Ok(Ok(Some(Said::Output(bytes)))) => {
                    self.gate = self.gate.take().and_then(|gate| gate.hear(&bytes));
                    self.events.extend(self.reader.feed(&bytes));
                }
                Ok(Ok(Some(Said::Errors(bytes)))) => {
                    self.errors.extend_from_slice(&bytes);
                    let excess = self.errors.len().saturating_sub(ERRORS_LIMIT);
                    self.errors.drain(..excess);
                    if self.gate.is_some() && asks_again(&String::from_utf8_lossy(&self.errors)) {
                        // It has been told what there is to tell; the end of its input is the answer.
                        self.gate = None;
                    }
                }
                Ok(Ok(Some(Said::Exit(exit)))) => self.exit = Some(exit),
            }
        }
    }

    /// Whether the script itself has said anything.
    pub(super) const fn has_answered(&self) -> bool {
        self.answered
    }

    /// With which code it ended, where that was told.
    pub(super) const fn exit(&self) -> Option<i32> {
        self.exit
    }

    /// What stood where the script should have spoken, as the reason why it did not.
    pub(super) fn printed(&self) -> String {
        let errors = String::from_utf8_lossy(&self.errors).replace(PROMPT, "");
        if !errors.is_empty() {
            return errors;
        }
        match self.reader.unanswered() {
            Some(Answer::Cannot(noise)) if Answer::Cannot(noise.clone()) != Answer::read("") => {
                noise
            }
            _ => String::new(),
        }
    }
}
