//! Every choice that documents leave open, made once: hosts in the order of a seeded hash of their names.
//!
//! A host's place depends on the seed and its own name only, so adding a host moves nobody beyond what its own claim
//! takes from others. This is not secrecy: the seed stands in the plan so that anybody can draw again.

use ringway_model::Hasher;

use crate::spec::HostSpec;

/// The place of a name in the order of this seed.
fn draw(seed: u64, name: &str) -> u64 {
    let digest = Hasher::default()
        .part(&seed.to_le_bytes())
        .part(name.as_bytes())
        .finish();
    let first = digest.as_bytes().first_chunk();
    u64::from_be_bytes(*first.expect("a digest has 32 bytes"))
}

/// How many places there are for a host in a ring that takes a share, of which the share takes the first ones.
pub(crate) const PLACES: u32 = 1_000_000;

/// A host's place among those for one ring. It depends on the seed, the ring and the host's own name only.
pub(crate) fn place_in(seed: u64, ring: &str, name: &str) -> u32 {
    let digest = Hasher::default()
        .part(b"ringway joins")
        .part(&seed.to_le_bytes())
        .part(ring.as_bytes())
        .part(name.as_bytes())
        .finish();
    let first = digest.as_bytes().first_chunk();
    let drawn = u64::from_be_bytes(*first.expect("a digest has 32 bytes"));
    u32::try_from(drawn % u64::from(PLACES)).expect("a remainder is smaller than its divisor")
}

/// These hosts in the order of this seed.
pub(crate) fn in_drawn_order(seed: u64, hosts: &[HostSpec], of: &[u32]) -> Vec<u32> {
    let name = |host: u32| hosts[host as usize].name.as_str();
    let mut drawn: Vec<(u64, u32)> = of
        .iter()
        .map(|&host| (draw(seed, name(host)), host))
        .collect();
    drawn.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| name(a.1).cmp(name(b.1))));
    drawn.into_iter().map(|(_, host)| host).collect()
}
