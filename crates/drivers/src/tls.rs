//! Encrypted streams to servers that show who they are. Decides whom to trust; knows nothing of what is said over them.
//!
//! # Invariants
//!
//! * No server is believed without a certificate that an authority vouches for: there is no way to turn that off.
//! * Trusted are the authorities of the machine, or those of a file and no others.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// What is trusted: read anew each time, so that an authority that is renewed counts at once.
///
/// # Errors
///
/// There is nobody to trust, for people.
pub(crate) async fn trust(ca: Option<PathBuf>) -> Result<Arc<ClientConfig>, String> {
    let roots = tokio::task::spawn_blocking(move || match ca {
        Some(file) => of_file(&file),
        None => of_machine(),
    });
    let roots = roots.await.map_err(|error| error.to_string())??;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions();
    let config = config.map_err(|error| error.to_string())?;
    let config = config.with_root_certificates(roots).with_no_client_auth();
    Ok(Arc::new(config))
}

fn of_file(file: &Path) -> Result<RootCertStore, String> {
    let fail = |why: String| format!("`{}`: {why}", file.display());
    let certificates = CertificateDer::pem_file_iter(file).map_err(|e| fail(pem_words(&e)))?;
    let mut roots = RootCertStore::empty();
    for one in certificates {
        let one = one.map_err(|e| fail(pem_words(&e)))?;
        let added = roots.add(one);
        added.map_err(|e| fail(format!("a certificate in it cannot be used: {e}")))?;
    }
    if roots.is_empty() {
        return Err(fail("there is no certificate in it".to_owned()));
    }
    Ok(roots)
}

fn pem_words(error: &rustls::pki_types::pem::Error) -> String {
    if let rustls::pki_types::pem::Error::Io(error) = error {
        error.to_string()
    } else {
        format!("it is no file of certificates: {error}")
    }
}

fn of_machine() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Some machine has one that is no good: it vouches for nobody, and the others do.
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable == 0 {
        let why = found.errors.first().map(ToString::to_string);
        let why = why.unwrap_or_else(|| "none is installed".to_owned());
        return Err(format!(
            "the authorities of this machine are not known: {why}; `ca` names a file of them"
        ));
    }
    Ok(roots)
}

/// Encrypts a stream to this host.
///
/// # Errors
///
/// The host is not who it should be, or does not speak TLS; for people.
pub(crate) async fn shake_hands(
    trust: Arc<ClientConfig>,
    host: &str,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, String> {
    let name = ServerName::try_from(host.to_owned());
    let name = name.map_err(|_| format!("`{host}` is no name that a certificate can have"))?;
    let shaken = TlsConnector::from(trust).connect(name, stream).await;
    shaken.map_err(|error| {
        let inner = error.get_ref().and_then(|it| it.downcast_ref());
        inner.map_or_else(|| format!("no TLS: {error}"), words)
    })
}

/// What is wrong, and what can be done about it.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library may name further faults at any time, and says itself what they are"
)]
fn words(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(why) = error else {
        return format!("no TLS: {error}");
    };
    match why {
        CertificateError::UnknownIssuer => {
            "nobody who is trusted vouches for its certificate; `ca` names the file of an authority that does".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name".to_owned()
        }
        other if other.to_string().contains("CaUsedAsEndEntity") => {
            "its certificate is that of an authority; it needs one of its own".to_owned()
        }
        other => format!("its certificate is no good: {other}"),
    }
}

#[cfg(test)]
mod tests;
