//! Documents as people write them, through the whole reader.

mod arbitrary;
mod broken;
mod connections;
mod elements;
#[cfg(test)]
mod feeds;
#[cfg(test)]
mod fuzzed;
#[cfg(test)]
mod imports;
mod limits;
mod reference;
mod shipped;
mod whole;
