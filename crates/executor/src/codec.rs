//! One batch as bytes: what a journal row holds.
//!
//! The first byte is the format's version; the rest is that version's encoding. Every version that was ever written can
//! be read for ever: a reader of an older one lifts it to [`Batch`] (an *upcaster*), and nothing after this module knows
//! that there was another format. This module never interprets what it reads.

use ringway_engine::{Event, Input};
use ringway_model::{ChangeId, Digest, Epoch, IntentId};
use serde::{Deserialize, Serialize};

use crate::port::Row;

/// The format that is written.
pub const VERSION: u8 = 2;

/// What one batch was decided from, and what was decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Inputs that were accepted, in the order in which they were decided. One that changed nothing is left out, unless
    /// a person sent it.
    pub inputs: Vec<Input>,
    /// Steps that could be begun when time was let pass at the batch's end: without it the batch cannot be decided again.
    pub free_workers: u32,
    /// What was decided.
    pub events: Vec<Event>,
    /// The digest of the state after these events, in some batches.
    pub state: Option<Digest>,
    /// What steps said that did not go well, by their intents: at most 4 KiB each, without control characters. For people;
    /// nothing is decided from it.
    pub notes: Vec<(IntentId, String)>,
}

/// A batch as version 1 had it.
#[derive(Deserialize)]
struct BatchV1 {
    inputs: Vec<Input>,
    free_workers: u32,
    events: Vec<Event>,
    state: Option<Digest>,
}

impl From<BatchV1> for Batch {
    fn from(batch: BatchV1) -> Self {
        Self {
            inputs: batch.inputs,
            free_workers: batch.free_workers,
            events: batch.events,
            state: batch.state,
            notes: Vec::new(),
        }
    }
}

/// A body that is not a batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// There is nothing.
    #[error("the batch is empty")]
    Empty,
    /// Written by a later Ringway.
    #[error(
        "the batch has format version {0}, which this Ringway cannot read (it reads 1 to {VERSION})"
    )]
    UnknownVersion(u8),
    /// Not what its version says.
    #[error("the batch does not read as format version {version}: {why}")]
    Malformed {
        /// The version.
        version: u8,
        /// What was wrong.
        why: String,
    },
}

impl Batch {
    /// The batch as bytes. The same batch gives the same bytes on every machine.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![VERSION])
            .expect("every part of a batch has an encoding, and memory is the only limit")
    }

    /// The batch these bytes describe, in whichever version they were written.
    ///
    /// # Errors
    ///
    /// When the version is not known, or the bytes are not of that version.
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let (&version, rest) = body.split_first().ok_or(DecodeError::Empty)?;
        // The table of upcasters: one line per version that was ever written.
        match version {
            1 => read::<BatchV1>(1, rest).map(Self::from),
            2 => read(2, rest),
            unknown => Err(DecodeError::UnknownVersion(unknown)),
        }
    }
}

fn read<'b, T: Deserialize<'b>>(version: u8, rest: &'b [u8]) -> Result<T, DecodeError> {
    let malformed = |why: String| DecodeError::Malformed { version, why };
    match postcard::take_from_bytes(rest) {
        Ok((batch, [])) => Ok(batch),
        Ok((_, trailing)) => Err(malformed(format!("{} bytes are left over", trailing.len()))),
        Err(error) => Err(malformed(error.to_string())),
    }
}

/// One input or event as people and tools are shown it: one JSON object per line of `ringway journal`.
#[derive(Clone, Debug, Serialize)]
pub struct Line<'a> {
    /// The row's place.
    pub seq: u64,
    /// When it was decided, in UTC.
    pub at: String,
    /// By which decider.
    pub epoch: Epoch,
    /// The ticket of the rollout it is about, which whoever knows it fills in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<ChangeId>,
    /// What.
    pub what: What<'a>,
}

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What<'a> {
    /// Something that happened.
    Input(&'a Input),
    /// Something that was decided.
    Event(&'a Event),
    /// What a step said that did not go well.
    Note(&'a IntentId, &'a str),
    /// The digest of the state after the row's events.
    State(&'a Digest),
}

/// The lines of a row, inputs first, each note after the events.
pub fn lines<'a>(row: &Row, batch: &'a Batch) -> impl Iterator<Item = Line<'a>> + use<'a> {
    let (seq, at, epoch) = (row.seq, row.at.to_string(), row.epoch);
    let inputs = batch.inputs.iter().map(What::Input);
    let events = batch.events.iter().map(What::Event);
    let notes = batch.notes.iter();
    let notes = notes.map(|(intent, text)| What::Note(intent, text));
    let state = batch.state.iter().map(What::State);
    inputs
        .chain(events)
        .chain(notes)
        .chain(state)
        .map(move |what| Line {
            seq,
            at: at.clone(),
            epoch,
            change: None,
            what,
        })
}
