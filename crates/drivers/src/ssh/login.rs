//! In which order keys are offered, and what is said when none is accepted: files first, in the order written, each with
//! its certificate before it is offered bare; then the agent's.

use std::fmt;
use std::path::Path;

use russh::MethodKind;
use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::signature::Signer as _;
use russh::keys::ssh_encoding::Encode as _;
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey, ssh_key};
use tokio::net::UnixStream;

use super::host_keys::told;
use super::identity::{Identity, Loaded};
use super::route::Hop;
use super::session::{End, Witness};
use crate::transport::Refusal;

/// What there is to log in with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Means<'a> {
    pub(super) loaded: &'a Loaded,
    /// The agent's socket; `None` where it is not asked.
    pub(super) agent: Option<&'a Path>,
}

/// How far a login came.
struct Attempt<'a> {
    handle: &'a mut Handle<Witness>,
    hop: &'a Hop,
    end: &'a End,
    /// What RSA keys sign with; asked for once, when there is such a key.
    rsa: Option<HashAlg>,
    offered: Vec<String>,
    /// What the host accepts.
    accepts: Vec<String>,
    /// A key was right, and not enough.
    is_partial: bool,
    unusable: Vec<String>,
}

/// That an attempt is over.
enum Over {
    /// The user is logged in.
    In,
    /// It makes no sense to offer more.
    Out,
}

/// Logs in.
pub(super) async fn log_in(
    handle: &mut Handle<Witness>,
    hop: &Hop,
    means: Means<'_>,
    end: &End,
) -> Result<(), Refusal> {
    let mut attempt = Attempt {
        handle,
        hop,
        end,
        rsa: None,
        offered: Vec::new(),
        accepts: Vec::new(),
        is_partial: false,
        unusable: means.loaded.unusable.clone(),
    };
    for identity in &means.loaded.identities {
        match attempt.offer_identity(identity).await {
            Ok(()) => {}
            Err(Over::In) => return Ok(()),
            Err(Over::Out) => return Err(attempt.refusal()),
        }
    }
    if let Some(socket) = means.agent {
        match attempt.offer_agents(socket, means.loaded).await {
            Ok(()) => {}
            Err(Over::In) => return Ok(()),
            Err(Over::Out) => return Err(attempt.refusal()),
        }
    }
    Err(attempt.refusal())
}

impl Attempt<'_> {
    async fn offer_identity(&mut self, identity: &Identity) -> Result<(), Over> {
        let public = identity.key.public_key();
        let hash = self.hash_for(public).await;
        if let Some(certificate) = &identity.certificate {
            let mut signer = KeySigner(&identity.key);
            let answer = self
                .handle
                .authenticate_certificate_with(
                    self.hop.user.as_str(),
                    certificate.clone(),
                    hash,
                    &mut signer,
                )
                .await;
            let what = format!(
                "`{}` with its certificate for `{}`",
                identity.path.display(),
                certificate.valid_principals().join("`, `")
            );
            self.read(what, answer)?;
        }
        let key = PrivateKeyWithHashAlg::new(identity.key.clone(), hash);
        let answer = self
            .handle
            .authenticate_publickey(self.hop.user.as_str(), key)
            .await;
        self.read(
            format!("`{}` ({})", identity.path.display(), told(public)),
            answer,
        )
    }

    async fn offer_agents(&mut self, socket: &Path, loaded: &Loaded) -> Result<(), Over> {
        let mut agent = match UnixStream::connect(socket).await {
            Ok(stream) => AgentClient::connect(stream),
            Err(error) => {
                self.unusable
                    .push(format!("the agent at `{}`: {error}", socket.display()));
                return Ok(());
            }
        };
        if let Some(binding) = self.handle.agent_session_binding() {
            // Only keys that are restricted to certain hosts need it, and an agent without such keys need not know it.
            let _ = agent.bind_session(binding, false).await;
        }
        let identities = match agent.request_identities().await {
            Ok(identities) => identities,
            Err(error) => {
                self.unusable
                    .push(format!("the agent at `{}`: {error}", socket.display()));
                return Ok(());
            }
        };
        if identities.is_empty() {
            self.unusable
                .push(format!("the agent at `{}` has no keys", socket.display()));
        }
        for identity in identities {
            let public = identity.public_key().into_owned();
            let hash = self.hash_for(&public).await;
            let (what, answer) = match identity {
                AgentIdentity::PublicKey { key, comment } => {
                    let is_offered = |own: &&std::sync::Arc<Identity>| {
                        own.key.public_key().key_data() == key.key_data()
                    };
                    if loaded.identities.iter().any(|own| is_offered(&own)) {
                        continue;
                    }
                    (
                        format!("the agent's `{comment}` ({})", told(&public)),
                        self.handle
                            .authenticate_publickey_with(
                                self.hop.user.as_str(),
                                key,
                                hash,
                                &mut agent,
                            )
                            .await,
                    )
                }
                AgentIdentity::Certificate {
                    certificate,
                    comment,
                } => (
                    format!("the agent's certificate `{comment}` ({})", told(&public)),
                    self.handle
                        .authenticate_certificate_with(
                            self.hop.user.as_str(),
                            certificate,
                            hash,
                            &mut agent,
                        )
                        .await,
                ),
            };
            self.read(what, answer)?;
        }
        Ok(())
    }

    /// What an RSA key signs with: the best the host knows, and never SHA-1.
    async fn hash_for(&mut self, key: &PublicKey) -> Option<HashAlg> {
        if !key.algorithm().is_rsa() {
            return None;
        }
        if self.rsa.is_none() {
            let best = self.handle.best_supported_rsa_hash().await;
            self.rsa = best.ok().flatten().flatten().or(Some(HashAlg::Sha512));
        }
        self.rsa
    }

    /// Goes on where the next key may be offered.
    fn read<E: fmt::Display>(
        &mut self,
        what: String,
        answer: Result<AuthResult, E>,
    ) -> Result<(), Over> {
        match answer {
            Ok(AuthResult::Success) => Err(Over::In),
            Ok(AuthResult::Failure {
                remaining_methods,
                partial_success,
            }) => {
                self.offered.push(what);
                self.is_partial |= partial_success;
                if self.handle.is_closed() || remaining_methods.is_empty() {
                    return Err(Over::Out);
                }
                self.accepts = remaining_methods.iter().map(String::from).collect();
                if remaining_methods.contains(&MethodKind::PublicKey) {
                    Ok(())
                } else {
                    Err(Over::Out)
                }
            }
            Err(error) => {
                self.unusable.push(format!("{what}: {error}"));
                if self.handle.is_closed() {
                    Err(Over::Out)
                } else {
                    Ok(())
                }
            }
        }
    }

    fn refusal(self) -> Refusal {
        let not_used = if self.unusable.is_empty() {
            String::new()
        } else {
            format!("; not used: {}", self.unusable.join("; "))
        };
        let Hop { user, .. } = self.hop;
        if self.offered.is_empty() {
            return Refusal::Here(format!(
                "there is no key to log in with as `{user}` at `{}`{not_used}; name one in `key`, or start an agent",
                self.hop
            ));
        }
        let offered = self.offered.join(", ");
        let why = match self.end.said() {
            // It counts every key as an attempt, and has had enough; or it does not want this user for another reason.
            Some(parting) => format!("ended the login (`{parting}`)"),
            None if self.handle.is_closed() => {
                return Refusal::Unreachable(format!(
                    "`{}` broke off the login: {}",
                    self.hop,
                    self.end.why()
                ));
            }
            None if self.is_partial => "wants more than the key it accepted".to_owned(),
            None => "does not let anybody in with the keys there are".to_owned(),
        };
        let accepts = if self.accepts.is_empty() {
            String::new()
        } else {
            format!("; it accepts {}", self.accepts.join(", "))
        };
        Refusal::Login(format!(
            "`{}` {why}: `{user}` was offered with {offered}{accepts}{not_used}",
            self.hop
        ))
    }
}

/// Signs with a key of ours where the library asks somebody else to: for certificates, where by itself it would sign with
/// SHA-1 for RSA keys, which no host of these days accepts.
struct KeySigner<'a>(&'a PrivateKey);

/// A signature that could not be made.
#[derive(Debug, thiserror::Error)]
enum SignError {
    #[error(transparent)]
    Key(#[from] ssh_key::Error),
    #[error("the connection was closed")]
    Closed(#[from] russh::SendError),
}

impl russh::Signer for KeySigner<'_> {
    type Error = SignError;

    async fn auth_sign(
        &mut self,
        _key: &AgentIdentity,
        hash: Option<HashAlg>,
        mut to_sign: Vec<u8>,
    ) -> Result<Vec<u8>, SignError> {
        let signature: ssh_key::Signature = if let KeypairData::Rsa(pair) = self.0.key_data() {
            (pair, hash).try_sign(&to_sign)
        } else {
            self.0.try_sign(&to_sign)
        }
        .map_err(ssh_key::Error::from)?;
        let mut encoded = Vec::new();
        signature
            .encode(&mut encoded)
            .map_err(ssh_key::Error::from)?;
        encoded.encode(&mut to_sign).map_err(ssh_key::Error::from)?;
        Ok(to_sign)
    }
}
