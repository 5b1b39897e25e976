//! What a farm does, seen with the real `ssh`.

#[cfg(test)]
mod support;

#[cfg(test)]
mod by_hand;

#[cfg(test)]
mod hosts;

#[cfg(test)]
mod switches;
