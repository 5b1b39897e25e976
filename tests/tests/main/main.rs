//! The rules between crates, and the program from outside: by itself, and over real processes.

// Test code is all there is here; the attribute tells clippy so, which lets helpers `unwrap` as tests do.
#[cfg(test)]
mod dependencies;
#[cfg(test)]
mod documentation;
#[cfg(test)]
mod e2e;
#[cfg(test)]
mod exposure;
#[cfg(test)]
mod feeds;
#[cfg(test)]
mod inventories;
#[cfg(test)]
mod layering;
#[cfg(test)]
mod packages;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod program;
#[cfg(test)]
mod purity;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod shipped;
#[cfg(test)]
mod sources;
