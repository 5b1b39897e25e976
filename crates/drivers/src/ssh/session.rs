//! One connection: from its first byte to a user who is logged in.
//!
//! The host's key is checked before anything is proved to it. What a host asks for of its own accord is refused: there is
//! nothing here that it could want to connect to.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use russh::client::{
    ChannelOpenHandle, Config, DisconnectReason, Handle, Handler, Msg, connect_stream,
};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKeyOrCertificate};
use russh::{Channel, Disconnect, Preferred, SshId, cipher, compression, kex, mac};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;

use super::host_keys::{Expected, Verdict};
use super::login::{Means, log_in};
use super::route::{Hop, Route};
use crate::transport::{Refusal, Stream};

/// The key exchange that costs least comes first: the hybrid ones cost several times its processor time, on the hosts too.
const KEY_EXCHANGES: &[kex::Name] = &[
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::ECDH_SHA2_NISTP256,
    kex::ECDH_SHA2_NISTP384,
    kex::ECDH_SHA2_NISTP521,
    kex::MLKEM768X25519_SHA256,
    kex::DH_G14_SHA256,
    kex::DH_G16_SHA512,
    kex::DH_G18_SHA512,
    kex::DH_GEX_SHA256,
    kex::EXTENSION_SUPPORT_AS_CLIENT,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
];

const CIPHERS: &[cipher::Name] = &[
    cipher::AES_128_GCM,
    cipher::AES_256_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_128_CTR,
    cipher::AES_192_CTR,
    cipher::AES_256_CTR,
];

const MACS: &[mac::Name] = &[
    mac::HMAC_SHA256_ETM,
    mac::HMAC_SHA512_ETM,
    mac::HMAC_SHA256,
    mac::HMAC_SHA512,
];

/// Kinds of host keys, the cheapest to check first. SHA-1 is not among them.
const HOST_KEYS: &[Algorithm] = &[
    Algorithm::Ed25519,
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP256,
    },
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP384,
    },
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP521,
    },
    Algorithm::Rsa {
        hash: Some(HashAlg::Sha512),
    },
    Algorithm::Rsa {
        hash: Some(HashAlg::Sha256),
    },
];

/// What a host may send on a channel before it is told that there is room for more. Scripts print little; five hundred
/// hosts that print much at once are held to 32 MiB by this.
const WINDOW: u32 = 64 * 1024;

/// Messages of a channel that wait to be read before the whole connection waits: many more than there are of a script's
/// answer, so that one who does not look at it holds up nobody.
const WAITING: usize = 256;

/// Questions without an answer after which a host counts as gone.
const UNANSWERED: usize = 3;

static PREFERRED: LazyLock<Preferred> = LazyLock::new(|| Preferred {
    kex: Cow::Borrowed(KEY_EXCHANGES),
    key: Cow::Borrowed(HOST_KEYS),
    host_key_certificates: Cow::Borrowed(&[]),
    cipher: Cow::Borrowed(CIPHERS),
    mac: Cow::Borrowed(MACS),
    // Scripts are small, and compressing them costs more than it saves.
    compression: Cow::Borrowed(&[compression::NONE]),
});

/// A connection on which a user is logged in.
pub(super) struct Session {
    handle: Handle<Witness>,
    end: Arc<End>,
}

/// Why a connection ended; empty while it has not.
#[derive(Debug, Default)]
pub(super) struct End(OnceLock<Ended>);

/// How it ended.
#[derive(Debug)]
enum Ended {
    /// The host said so, with these words.
    Said(String),
    /// It broke, as it looks from here.
    Broke(String),
}

impl End {
    /// What is known of it.
    pub(super) fn why(&self) -> String {
        match self.0.get() {
            Some(Ended::Said(words)) => format!("the host ended the connection: {words}"),
            Some(Ended::Broke(why)) => why.clone(),
            None => "the connection was closed".to_owned(),
        }
    }

    /// The host's own words.
    pub(super) fn said(&self) -> Option<&str> {
        match self.0.get()? {
            Ended::Said(words) => Some(words),
            Ended::Broke(_) => None,
        }
    }
}

/// How far a connection has come, for what is said when it comes no further.
#[derive(Debug, Default)]
pub(super) struct Progress(AtomicU8);

/// Nothing has come back yet.
const DIALLING: u8 = 0;
/// There is a connection, and silence.
const CONNECTED: u8 = 1;
/// The other side has said something.
const HEARD: u8 = 2;
/// The keys are exchanged.
const EXCHANGED: u8 = 3;

impl Progress {
    fn reach(&self, stage: u8) {
        self.0.fetch_max(stage, Ordering::Relaxed);
    }

    /// The stream to the host is there.
    pub(super) fn connected(&self) {
        self.reach(CONNECTED);
    }

    /// What is said of a host that took too long.
    pub(super) fn too_late(&self, hop: &Hop, limit: Duration) -> Refusal {
        let limit = ringway_model::Span(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
        Refusal::Unreachable(match self.0.load(Ordering::Relaxed) {
            DIALLING => format!("`{hop}` does not answer: no connection within {limit}"),
            CONNECTED => {
                format!(
                    "`{hop}` accepts connections and says nothing: no SSH banner within {limit}"
                )
            }
            HEARD => format!("`{hop}` does not finish the key exchange within {limit}"),
            _ => format!("`{hop}` does not finish the login within {limit}"),
        })
    }
}

impl Session {
    /// Opens one over `stream`.
    pub(super) async fn open(
        stream: Box<dyn Stream>,
        route: &Route,
        expected: Expected,
        means: Means<'_>,
        progress: &Arc<Progress>,
    ) -> Result<Self, Refusal> {
        let hop = route.end();
        let mut preferred = PREFERRED.clone();
        expected.prefer(&mut preferred);
        let config = Config {
            client_id: SshId::Standard(Cow::Borrowed(concat!(
                "SSH-2.0-ringway_",
                env!("CARGO_PKG_VERSION")
            ))),
            window_size: WINDOW,
            channel_buffer_size: WAITING,
            preferred,
            keepalive_interval: Some(route.keepalive),
            keepalive_max: UNANSWERED,
            ..Config::default()
        };
        let end = Arc::new(End::default());
        let witness = Witness {
            expected,
            end: Arc::clone(&end),
        };
        let (settled, unsettled) = oneshot::channel();
        let stream = Watched {
            stream,
            progress: Some(Arc::clone(progress)),
            unsettled: Some(unsettled),
        };
        // The library keeps the whole key exchange in this future, and once more in its own task.
        let mut handle = Box::pin(connect_stream(Arc::new(config), stream, witness))
            .await
            .map_err(|fault| fault.refusal(hop))?;
        progress.reach(EXCHANGED);
        Box::pin(log_in(&mut handle, hop, means, &end)).await?;
        // Where it has ended meanwhile, the first command will find out.
        let _ = settled.send(());
        Ok(Self { handle, end })
    }

    /// Whether nothing can be done with it any more.
    pub(super) fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// Why it ended.
    pub(super) fn end(&self) -> &Arc<End> {
        &self.end
    }

    /// Whether the host still answers, as far as can be said within `limit`.
    pub(super) async fn answers(&self, limit: Duration) -> bool {
        let asked = tokio::time::timeout(limit, self.handle.send_ping()).await;
        matches!(asked, Ok(Ok(()))) && !self.is_closed()
    }

    /// Opens a channel for a command.
    pub(super) async fn command(&self) -> Result<Channel<Msg>, russh::Error> {
        self.handle.channel_open_session().await
    }

    /// Connects to somewhere else from there.
    pub(super) async fn tunnel(
        &self,
        address: &str,
        port: u16,
    ) -> Result<Channel<Msg>, russh::Error> {
        self.handle
            .channel_open_direct_tcpip(address, port.into(), "127.0.0.1", 0)
            .await
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // A word of parting, so that the host's log does not speak of a broken connection. Where there is no room for it at
        // once the connection is just closed.
        let parting = self
            .handle
            .disconnect(Disconnect::ByApplication, "done", "en");
        let _ = std::pin::pin!(parting).poll(&mut Context::from_waker(std::task::Waker::noop()));
    }
}

/// Why a connection did not come about.
#[derive(Debug)]
pub(super) enum Fault {
    /// We do not want it.
    Refused(Refusal),
    /// It does not work.
    Broken(russh::Error),
}

impl From<russh::Error> for Fault {
    fn from(error: russh::Error) -> Self {
        Self::Broken(error)
    }
}

impl Fault {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the library's errors are many; those that are not told apart speak for themselves"
    )]
    fn refusal(self, hop: &Hop) -> Refusal {
        let error = match self {
            Self::Refused(refusal) => return refusal,
            Self::Broken(error) => error,
        };
        Refusal::Unreachable(match error {
            russh::Error::NoCommonAlgo {
                kind,
                ours: _,
                theirs,
            } => format!(
                "`{hop}` and Ringway have no {} algorithm in common; it offers {}",
                format!("{kind:?}").to_lowercase(),
                theirs.join(", ")
            ),
            russh::Error::Version => format!("`{hop}` does not speak SSH"),
            russh::Error::WrongServerSig | russh::Error::Signature(_) => {
                format!("`{hop}` cannot prove that it has the key it shows")
            }
            russh::Error::Disconnect | russh::Error::HUP => {
                format!("`{hop}` closed the connection during the key exchange")
            }
            russh::Error::IO(error) if is_end(&error) => {
                format!("`{hop}` closed the connection during the key exchange")
            }
            error => format!("`{hop}`: {error}"),
        })
    }
}

fn is_end(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

/// What the library asks while it speaks with a host.
pub(super) struct Witness {
    expected: Expected,
    end: Arc<End>,
}

impl Handler for Witness {
    type Error = Fault;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Fault> {
        let verdict = self.expected.judge(shown).map_err(Fault::Refused)?;
        if verdict == Verdict::Trusted {
            return Ok(true);
        }
        let mut expected = self.expected.clone();
        let shown: PublicKeyOrCertificate = match shown.certificate() {
            Some(certificate) => certificate.clone().into(),
            None => shown.public_key().into(),
        };
        // The file it is written into may be locked by another process.
        tokio::task::spawn_blocking(move || expected.learn(&shown))
            .await
            .map_err(|error| Fault::Refused(Refusal::Here(error.to_string())))?
            .map_err(Fault::Refused)?;
        Ok(true)
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the library's errors are many; those that are not told apart speak for themselves"
    )]
    async fn disconnected(&mut self, reason: DisconnectReason<Fault>) -> Result<(), Fault> {
        let ended = match reason {
            DisconnectReason::ReceivedDisconnect(said) => Ended::Said(said.message),
            DisconnectReason::Error(Fault::Broken(error)) => Ended::Broke(match error {
                russh::Error::KeepaliveTimeout => {
                    format!("the host left {UNANSWERED} questions unanswered")
                }
                russh::Error::Disconnect | russh::Error::HUP => {
                    "the host closed the connection".to_owned()
                }
                russh::Error::IO(error) if is_end(&error) => {
                    "the host closed the connection".to_owned()
                }
                error => error.to_string(),
            }),
            DisconnectReason::Error(Fault::Refused(refusal)) => Ended::Broke(refusal.to_string()),
        };
        // The first reason is the one.
        let _ = self.end.0.set(ended);
        Ok(())
    }

    // What the host wants to open is dropped, which refuses it.

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        _: ChannelOpenHandle,
        _: &mut russh::client::Session,
    ) -> Result<(), Fault> {
        Ok(())
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: ChannelOpenHandle,
        _: &mut russh::client::Session,
    ) -> Result<(), Fault> {
        Ok(())
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        _: Channel<Msg>,
        _: ChannelOpenHandle,
        _: &mut russh::client::Session,
    ) -> Result<(), Fault> {
        Ok(())
    }

    async fn server_channel_open_session(
        &mut self,
        _: Channel<Msg>,
        _: ChannelOpenHandle,
        _: &mut russh::client::Session,
    ) -> Result<(), Fault> {
        Ok(())
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        _: ChannelOpenHandle,
        _: &mut russh::client::Session,
    ) -> Result<(), Fault> {
        Ok(())
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: ChannelOpenHandle,
        _: &mut russh::client::Session,
    ) -> Result<(), Fault> {
        Ok(())
    }

    async fn server_channel_open_x11(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: ChannelOpenHandle,
        _: &mut russh::client::Session,
    ) -> Result<(), Fault> {
        Ok(())
    }
}

/// A stream that notes when the other side says something for the first time, and that ends when whoever opens the
/// connection stops waiting for it: the library's task would wait for ever for a host that falls silent in the middle of the
/// key exchange.
struct Watched {
    stream: Box<dyn Stream>,
    progress: Option<Arc<Progress>>,
    unsettled: Option<oneshot::Receiver<()>>,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if let Some(unsettled) = &mut self.unsettled {
            match Pin::new(unsettled).poll(cx) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => self.unsettled = None,
                Poll::Ready(Err(_)) => {
                    return Poll::Ready(Err(std::io::ErrorKind::ConnectionAborted.into()));
                }
            }
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before
            && let Some(progress) = self.progress.take()
        {
            progress.reach(HEARD);
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
