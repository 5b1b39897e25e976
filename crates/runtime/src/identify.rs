//! Who is at the other end of the control socket.
//!
//! The kernel says which user a peer process runs as; nothing the peer sends can change that. The mapping from uid to
//! name is a port so that tests can be several people in one process; the product has no option to pretend.

use ringway_model::Actor;

/// Turns a user id into the name of a person.
pub trait Identify: Send + Sync {
    /// The user's name; `uid:1000` where the machine knows none.
    fn name_of(&self, uid: u32) -> Actor;
}

/// The machine's own users, as its name service knows them.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemUsers;

impl Identify for SystemUsers {
    fn name_of(&self, uid: u32) -> Actor {
        let known = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid));
        Actor(match known {
            Ok(Some(user)) => user.name,
            // A user without a name still is one and the same person every time.
            Ok(None) | Err(_) => format!("uid:{uid}"),
        })
    }
}

impl SystemUsers {
    /// The person this process runs as.
    pub fn me(self) -> Actor {
        self.name_of(rustix::process::getuid().as_raw())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_without_a_name_is_called_by_its_number() {
        assert_eq!(SystemUsers.name_of(0), Actor("root".to_owned()));
        assert_eq!(
            SystemUsers.name_of(4_000_000_123),
            Actor("uid:4000000123".to_owned())
        );
    }
}
