//! The envelope: what every step runs in, on whatever host, so that it is run at most once and is found again.
//!
//! One POSIX `sh` script, the same for every driver, read from standard input. Everything it is told (the command's
//! text, the values, the place) is data in that text, quoted by [`crate::quote`] and by nothing else; nothing of it is
//! ever an argument of a process. The script is one compound command: a shell that gets only a part of it, because a
//! connection broke or its sender was killed, finds a syntax error and runs nothing.
//!
//! # What lies on a host
//!
//! | path below the host's root | what it is |
//! |---|---|
//! | `owner` | the one database that runs steps here, `FLEET INCARNATION`; another one of that fleet may only take over by a decision, another fleet never |
//! | `gate` | a file that `flock(1)` locks for moments only; the kernel opens it again when its holder dies. Its text is the pid and start of who locked it last, for the message to those who cannot: a holder that was stopped makes them give up after a while |
//! | `epochs/INCARNATION` | the highest epoch seen of that database; a lower one is refused |
//! | `holder` | the run that started last: `INCARNATION/INTENT`. Empty: its writer was killed, and every run is asked |
//! | `holder.for.HOST` | the same of errands: steps that this host runs for a visit of another one. They take turns among themselves only |
//! | `template/` | what a run directory is copied from, so that making one takes one process |
//! | `runs/INCARNATION/INTENT/` | the run directory; making it, inside the gate, claims the intent |
//!
//! # What lies in a run directory
//!
//! | file | written | what it says |
//! |---|---|---|
//! | `pipe` | with the directory | what the step prints comes through it |
//! | `supervisor` | by the envelope, then | its pid and start, and the step's timeout in seconds |
//! | `command`, `note` | then | the step's text; what the driver wants to know again, where it is anything |
//! | `step` | before `fate` | the pid and start of the process that becomes the step |
//! | `fate` | **once**: made empty by an open that fails where it exists (`set -C`), or linked whole by `ln` | empty: begun, made by the process that becomes the step, as its last act before. `never`: a tombstone, linked by whoever decides that the step must not begin any more |
//! | `output`, `output.older`, `dropped` | while it runs | the end of what it printed, in two files that take turns; bytes dropped before them |
//! | `late`, `killed` | when its time is over | the watchdog ends the process group, its envelope alive or not; has ended it |
//! | `result` | last | `ended CODE` or `late CODE` |
//! | `boots` | while a restart is awaited | the boot ids seen after it |
//!
//! A file of one line whose line is not ended was left by a writer that was killed, and counts as not there. Dash, bash
//! and busybox all open with `O_CREAT|O_EXCL` under `set -C`.
//!
//! # What that means
//!
//! | directory | `fate` | `result` | envelope | step | is |
//! |---|---|---|---|---|---|
//! | no | | | | | never started; whoever asks makes directory and tombstone, so it never will be |
//! | yes | none | | alive | | about to begin, or waiting for the host; a tombstone still prevents it |
//! | yes | none | | dead | | never started; as above |
//! | yes | `never` | | | | never started |
//! | yes | begun | none | alive | | running |
//! | yes | begun | none | dead | alive | running, without the one who would write its result |
//! | yes | begun | none | dead | dead | interrupted; or, with `late`, ended because its time was over |
//! | yes | begun | yes | | | ended |
//!
//! A start time goes with every pid (with the kernel's boot id), so that a later process with the same number is not
//! taken for it.
//!
//! # What a power failure can lose
//!
//! That a step has begun is on the disk before its command starts where the step changes its host ([`Work::durable`]),
//! and so is every tombstone before it is told. Everything else may be lost: a result (the step was interrupted then, and
//! is inspected), the highest epoch (every envelope of a lower one died with the power), that a mere check began (it is
//! taken for never started, and is asked again). A tombstone that comes back empty is read as begun: nobody repeats a
//! step for that.
//!
//! # Invariants
//!
//! * An intent's command runs at most once, whoever starts or attaches to it, and whoever is killed when.
//! * Nobody waits for the gate for ever, and nobody begins without it. A tombstone needs no gate: the fate decides, so that
//!   a stopped process that holds the gate finds its own step forbidden when it wakes.
//! * Two steps for one visited host never run at once on a host: a step starts only when the holder's run has ended, never begins, or has
//!   neither an envelope nor a step alive.
//! * A decider with a lower epoch than the host has seen neither starts a step nor attaches to one.
//! * Neither does a database that the host does not belong to.
//! * A broken connection ends no step and disturbs none: the envelope ignores HUP and PIPE, and the step never holds the
//!   connection.
//!
//! # What the script says
//!
//! `ringway: WORD ...`, alone on its line: see [`Answer`]. What became of a step, where somebody follows it, is
//! `ringway: ended|late|interrupted CODE DROPPED LENGTH` and then the LENGTH bytes at the end of its output, DROPPED bytes
//! after its beginning: see [`Reader`].

mod answer;
mod restarts;
mod script;
mod word;

pub use answer::{Answer, Event, How, Outcome, Reader};
pub use restarts::Restarts;
pub use script::{Question, Run, Work, attach, forbid, question, restarts, start, tidy};
pub(crate) use word::{decode, encode};
