//! What people are to be told unasked: what is worth telling in a batch, and when which of it is told to whom. Without IO.
//!
//! A *matter* is something worth telling to whom a rule names. Some are open until they are over (a halt, a missing
//! approval); others just happened. `matters` reads them off a batch and the state after it. They become durable in the
//! transaction of that batch, so that nothing is told that was not decided, and nothing decided is forgotten.
//!
//! `due` decides, from the matters as they lie there and from the time alone, which messages are due now: grouped, again,
//! to somebody else. Whoever delivers them writes down how it went, and asks again. `words` is what a message says.

mod due;
mod matters;
mod words;

pub use due::{Due, Message, Outcome, Rule, SoFar, Told, Why, due};
pub use matters::{Matter, Notices};
pub(crate) use matters::{all_open, happened, keys};
pub use words::body;
