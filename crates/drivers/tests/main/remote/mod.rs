//! The driver for hosts behind a connection: what it must show over every transport, and what it says when a connection
//! breaks at the worst moment.

pub(crate) mod conformance;
mod examining;
mod losing;
mod restarting;
mod shell;
pub(crate) mod site;
mod sudo;
mod ways;

mod over_shell {
    use super::shell::Shell;

    fn site() -> impl Future<Output = Option<Shell>> {
        std::future::ready(Some(Shell::new()))
    }

    super::conformance::conformance!(site);
}
