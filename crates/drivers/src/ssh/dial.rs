//! How an address becomes a stream of bytes: names are looked up, their addresses are tried in turn.
//!
//! Nothing here waits on its own account: whoever asks bounds the whole.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::io::Errno;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::route::place;
use crate::transport::Refusal;

/// How long one address is tried before the next is tried beside it.
const NEXT_AFTER: Duration = Duration::from_millis(300);

/// A name with more addresses than this is a load balancer's, and one of the first answers or none.
const ADDRESSES: usize = 8;

/// Connects.
pub(super) async fn dial(address: &str, port: u16) -> Result<TcpStream, Refusal> {
    let found = tokio::net::lookup_host((address, port))
        .await
        .map_err(|error| Refusal::Unreachable(format!("`{address}` has no address: {error}")))?;
    let mut rest: Vec<SocketAddr> = found.take(ADDRESSES).collect();
    rest.reverse();
    let first = rest.pop().ok_or_else(|| {
        Refusal::Unreachable(format!("`{address}` has no address: none is known"))
    })?;
    let stream = if rest.is_empty() {
        TcpStream::connect(first).await
    } else {
        race(first, rest).await
    };
    let stream = stream.map_err(|error| of(&error, &place(address, port)))?;
    // Many small messages that are waited for: each must go out at once. Where it cannot be set, all is only slower.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// The first that answers, each given a head start; the first failure is the one that is told.
async fn race(first: SocketAddr, mut rest: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut tries = JoinSet::new();
    tries.spawn(TcpStream::connect(first));
    let mut failed = None;
    loop {
        let next = tokio::select! {
            Some(tried) = tries.join_next() => match tried.unwrap_or_else(|error| Err(error.into())) {
                Ok(stream) => return Ok(stream),
                Err(error) => {
                    failed.get_or_insert(error);
                    rest.pop()
                }
            },
            () = tokio::time::sleep(NEXT_AFTER), if !rest.is_empty() => rest.pop(),
        };
        match next {
            Some(next) => drop(tries.spawn(TcpStream::connect(next))),
            None if tries.is_empty() => {
                return Err(failed.unwrap_or_else(|| io::ErrorKind::NotFound.into()));
            }
            None => {}
        }
    }
}

/// What a failed connection says, and of whom: of the host, or of this machine.
fn of(error: &io::Error, place: &str) -> Refusal {
    const OURS: [Errno; 6] = [
        Errno::MFILE,
        Errno::NFILE,
        Errno::NOMEM,
        Errno::NOBUFS,
        Errno::ADDRNOTAVAIL,
        Errno::AFNOSUPPORT,
    ];
    match Errno::from_io_error(error) {
        Some(Errno::CONNREFUSED) => Refusal::Unreachable(format!(
            "`{place}` refuses the connection: nothing listens there"
        )),
        Some(errno) if OURS.contains(&errno) => {
            Refusal::Here(format!("no connection to `{place}`: {error}"))
        }
        _ => Refusal::Unreachable(format!("no connection to `{place}`: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A port that refuses for as long as the socket lives: bound, so that nobody else is given it, and not listening.
    fn closed_port() -> (tokio::net::TcpSocket, SocketAddr) {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = socket.local_addr().unwrap();
        (socket, address)
    }

    #[tokio::test]
    async fn the_next_address_is_tried_when_one_does_not_answer() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = listener.local_addr().unwrap();
        let (_held, closed) = closed_port();
        let stream = race(closed, vec![here]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), here);
        let error = race(closed, vec![closed]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[tokio::test]
    async fn a_closed_port_and_a_name_without_address_are_said_as_such() {
        let (_held, closed) = closed_port();
        let closed = closed.port();
        assert_eq!(
            dial("127.0.0.1", closed).await.unwrap_err(),
            Refusal::Unreachable(format!(
                "`127.0.0.1:{closed}` refuses the connection: nothing listens there"
            ))
        );
        let Refusal::Unreachable(why) = dial("no-such-host.invalid", 22).await.unwrap_err() else {
            panic!("a name without address is unreachable");
        };
        assert!(
            why.starts_with("`no-such-host.invalid` has no address"),
            "{why}"
        );
    }

    #[test]
    fn running_out_of_descriptors_is_our_own_fault() {
        let error = io::Error::from(Errno::MFILE);
        assert!(matches!(of(&error, "web-1:22"), Refusal::Here(_)));
    }
}
