//! The boards, driven with values: questions out, answers in, time by hand.

mod board;
mod boots;
