//! One question to a host: is it well?
//!
//! The answer tells two kinds of bad news apart. `Down` is a fact about the host: it refused, answered otherwise, or did
//! not answer. `Blind` is a fact about us: the question could not be put, and nothing is known.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, Response, header};
use hyper_util::rt::TokioIo;
use ringway_model::{Sample, Span};
use ringway_policy::validated::Ask;
use tokio::net::TcpStream;

use crate::command::{self, Asked};
use crate::local::duration;
use crate::port::Reach;
use crate::target::Target;
use crate::transport::{Refusal, Stream, Transport};

/// How much of a body is searched for the text it must contain.
const BODY_LIMIT: usize = 64 * 1024;

/// How probes over the network get to a host.
pub(crate) enum Way<'a> {
    /// From here.
    Direct,
    /// From where its SSH connections come from.
    Through(&'a dyn Transport, Arc<Reach>),
}

/// Asks once, from here. `directory` is where a command starts: that of the fleet's document. `values` are environment variables
/// beyond those that tell the host (see [`Target::values`]), which they override.
///
/// Placeholders are filled in `port`, `path` and `body_contains`. Commands are left as they are: they are told by
/// environment variables, for nothing is ever pasted into a shell's text.
pub async fn ask(
    ask: &Ask,
    target: Target<'_>,
    values: &BTreeMap<String, String>,
    directory: &Path,
    timeout: Span,
) -> Sample {
    ask_with(Way::Direct, ask, target, values, directory, timeout).await
}

/// Asks once. Requests and connections go this way; a command is run here, wherever it is meant to run.
pub(crate) async fn ask_by(
    way: Way<'_>,
    ask: &Ask,
    target: Target<'_>,
    directory: &Path,
    timeout: Span,
) -> Sample {
    ask_with(way, ask, target, &BTreeMap::new(), directory, timeout).await
}

async fn ask_with(
    way: Way<'_>,
    ask: &Ask,
    target: Target<'_>,
    values: &BTreeMap<String, String>,
    directory: &Path,
    timeout: Span,
) -> Sample {
    let limit = duration(timeout);
    let answer = match ask {
        Ask::Http {
            port,
            path,
            status,
            body_contains,
        } => {
            let wanted = async {
                let service = way.to(target, port, limit).await?;
                let wanted = Wanted {
                    authority: authority(target, port)?,
                    path: fill(target, path)?,
                    status: *status,
                    text: body_contains
                        .as_deref()
                        .map(|text| fill(target, text))
                        .transpose()?,
                };
                // A request that nobody can send is our fault, whether the service listens or not.
                let request = request(&wanted)?;
                let got = async { get(service.connect().await?, request, &wanted).await };
                in_time(limit, got).await
            };
            wanted.await
        }
        Ask::Tcp { port } => {
            let connected = async {
                let service = way.to(target, port, limit).await?;
                in_time(limit, service.connect()).await.map(drop)
            };
            connected.await
        }
        Ask::Run { run, at: _ } => {
            let mut all = target.values();
            all.extend(values.iter().map(|(n, v)| (n.clone(), v.clone())));
            let values = all.iter().map(|(n, v)| (n.as_str(), v.as_str()));
            judge(command::ask(run, values, directory, limit).await)
        }
    };
    match answer {
        Ok(()) => Sample::Up,
        Err(sample) => sample,
    }
}

/// A service of a host, and the way to it.
enum Service<'a> {
    At(Vec<SocketAddr>),
    Behind(&'a dyn Transport, Arc<Reach>, u16),
}

impl<'a> Way<'a> {
    /// Only an address that is used from here has to be known here.
    async fn to(
        self,
        target: Target<'_>,
        port: &str,
        limit: Duration,
    ) -> Result<Service<'a>, Sample> {
        match self {
            Self::Direct => resolve(target, port, limit).await.map(Service::At),
            Self::Through(transport, reach) => {
                Ok(Service::Behind(transport, reach, port_of(target, port)?))
            }
        }
    }
}

impl Service<'_> {
    async fn connect(&self) -> Result<Box<dyn Stream>, Sample> {
        match self {
            Self::At(addresses) => Ok(Box::new(connect(addresses).await?)),
            Self::Behind(transport, reach, port) => transport
                .connect(Arc::clone(reach), *port)
                .await
                .map_err(|refusal| of_refusal(&refusal)),
        }
    }
}

/// Whether a connection that was refused tells of the host or of us. A host on the way is not the host that is asked.
pub(crate) fn of_refusal(refusal: &Refusal) -> Sample {
    let why = refusal.to_string();
    match refusal {
        Refusal::Unreachable(_) => Sample::Down(why),
        Refusal::HostKeyChanged(_)
        | Refusal::HostKeyUnknown(_)
        | Refusal::Login(_)
        | Refusal::Here(_)
        | Refusal::Jump { .. } => Sample::Blind(why),
    }
}

/// What the end of a command says of the host it was about.
pub(crate) fn judge(asked: Asked) -> Result<(), Sample> {
    let last_line = |output: &str| output.trim().lines().last().unwrap_or("").to_owned();
    match asked {
        Asked::Ended { exit: 0, .. } => Ok(()),
        // What a shell says when there is no such command, or it cannot be executed.
        Asked::Ended {
            exit: exit @ (126 | 127),
            output,
        } => Err(Sample::Blind(format!(
            "the command could not be run ({exit}): {}",
            last_line(&output)
        ))),
        Asked::Ended { exit, output } => Err(Sample::Down(format!(
            "the command ended with {exit}: {}",
            last_line(&output)
        ))),
        Asked::TimedOut { .. } => Err(Sample::Down("the command did not end in time".to_owned())),
        Asked::Cannot(why) => Err(Sample::Blind(why)),
    }
}

fn fill(target: Target<'_>, text: &str) -> Result<String, Sample> {
    target
        .fill(text)
        .map_err(|error| Sample::Blind(error.to_string()))
}

fn port_of(target: Target<'_>, port: &str) -> Result<u16, Sample> {
    let port = fill(target, port)?;
    match port.parse() {
        Ok(0) | Err(_) => Err(Sample::Blind(format!("`{port}` is not a port"))),
        Ok(port) => Ok(port),
    }
}

fn authority(target: Target<'_>, port: &str) -> Result<String, Sample> {
    let port = port_of(target, port)?;
    Ok(if target.address.contains(':') {
        format!("[{}]:{port}", target.address)
    } else {
        format!("{}:{port}", target.address)
    })
}

/// Not to find an address says nothing about the host that has it.
async fn resolve(
    target: Target<'_>,
    port: &str,
    limit: Duration,
) -> Result<Vec<SocketAddr>, Sample> {
    let port = port_of(target, port)?;
    let blind = |why: String| Sample::Blind(format!("`{}` has no address: {why}", target.address));
    let found = tokio::time::timeout(limit, tokio::net::lookup_host((target.address, port)))
        .await
        .map_err(|_| blind("no answer in time".to_owned()))?
        .map_err(|error| blind(error.to_string()))?;
    let addresses: Vec<_> = found.collect();
    if addresses.is_empty() {
        return Err(blind("none is known".to_owned()));
    }
    Ok(addresses)
}

async fn in_time<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, Sample>>,
) -> Result<T, Sample> {
    tokio::time::timeout(limit, answer)
        .await
        .unwrap_or_else(|_| {
            Err(Sample::Down(format!(
                "no answer within {}",
                Span(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX))
            )))
        })
}

async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, Sample> {
    let mut last = Sample::Blind("no address to connect to".to_owned());
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = of_connection(*address, &error),
        }
    }
    Err(last)
}

/// Whether a failed connection tells of the host or of this machine.
fn of_connection(address: SocketAddr, error: &io::Error) -> Sample {
    use rustix::io::Errno;
    let ours = [
        Errno::MFILE,
        Errno::NFILE,
        Errno::NOMEM,
        Errno::NOBUFS,
        Errno::ADDRNOTAVAIL,
        Errno::ACCESS,
        Errno::PERM,
        Errno::AFNOSUPPORT,
        Errno::INVAL,
    ];
    let why = format!("{address}: {error}");
    if Errno::from_io_error(error).is_some_and(|errno| ours.contains(&errno)) {
        Sample::Blind(why)
    } else {
        Sample::Down(why)
    }
}

/// What a good answer is.
struct Wanted {
    authority: String,
    path: String,
    status: u16,
    text: Option<String>,
}

fn request(wanted: &Wanted) -> Result<Request<Empty<Bytes>>, Sample> {
    Request::get(&wanted.path)
        .header(header::HOST, &wanted.authority)
        .header(header::USER_AGENT, "ringway")
        .header(header::CONNECTION, "close")
        .body(Empty::new())
        .map_err(|error| Sample::Blind(format!("`{}`: {error}", wanted.path)))
}

async fn get(
    stream: Box<dyn Stream>,
    request: Request<Empty<Bytes>>,
    wanted: &Wanted,
) -> Result<(), Sample> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(&error))?;
    let mut exchange = pin!(async {
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| broken(&error))?;
        expect(response, wanted).await
    });
    let mut connection = pin!(connection);
    // The connection must be driven for the exchange to go on; when it ends first, what has arrived is still there.
    tokio::select! {
        biased;
        answer = &mut exchange => answer,
        ended = &mut connection => match ended {
            Ok(()) => exchange.await,
            Err(error) => Err(broken(&error)),
        },
    }
}

async fn expect(response: Response<Incoming>, wanted: &Wanted) -> Result<(), Sample> {
    let status = response.status().as_u16();
    if status != wanted.status {
        return Err(Sample::Down(format!(
            "status {status}, expected {}",
            wanted.status
        )));
    }
    let Some(text) = &wanted.text else {
        return Ok(());
    };
    let mut body = response.into_body();
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken(&error))?;
        if let Ok(data) = frame.into_data() {
            let room = BODY_LIMIT - read.len();
            read.extend_from_slice(&data[..data.len().min(room)]);
        }
        if contains(&read, text) {
            return Ok(());
        }
        if read.len() >= BODY_LIMIT {
            break;
        }
    }
    Err(Sample::Down(format!(
        "`{text}` is not in the first {} bytes of the body",
        read.len()
    )))
}

fn contains(body: &[u8], text: &str) -> bool {
    text.is_empty() || body.windows(text.len()).any(|part| part == text.as_bytes())
}

fn broken(error: &hyper::Error) -> Sample {
    Sample::Down(format!("not an HTTP answer: {error}"))
}
