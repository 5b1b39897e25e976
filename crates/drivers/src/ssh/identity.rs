//! Which private keys there are, and why the others are not used.
//!
//! A key is read when it is first needed and kept while its file stays as it is, decrypted: opening one costs tens of
//! milliseconds by design, and asking for its passphrase may cost somebody's attention. A key that cannot be used is passed
//! over and named when nobody is let in.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::unistd::geteuid;
use ringway_policy::validated::Command;
use russh::keys::{Certificate, PrivateKey};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::route::Keys;
use crate::secret::{self, Secret};

/// How long it is believed that a key cannot be used: so long that five hundred hosts do not ask five hundred times for a
/// passphrase that is wrong, so short that one who has mended it need not wait.
const BELIEVED: Duration = Duration::from_secs(5);

/// A private key, and the certificate beside it.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) path: PathBuf,
    pub(super) key: Arc<PrivateKey>,
    pub(super) certificate: Option<Certificate>,
}

/// What can be offered, and what cannot, with the reason.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) identities: Vec<Arc<Identity>>,
    pub(super) unusable: Vec<String>,
}

/// The keys that were read.
#[derive(Debug, Default)]
pub(super) struct KeyRing(Mutex<HashMap<PathBuf, Arc<tokio::sync::Mutex<Option<Kept>>>>>);

/// A key as it was read.
#[derive(Debug)]
struct Kept {
    stamp: Stamp,
    passphrase: Option<(Command, PathBuf)>,
    result: Result<Arc<Identity>, String>,
    at: Instant,
}

/// What changes when the file of a key or of its certificate does.
type Stamp = (FileStamp, Option<FileStamp>);

/// Inode, length, and time in seconds and nanoseconds.
type FileStamp = (u64, u64, i64, i64);

impl KeyRing {
    /// The keys of these files.
    pub(super) async fn load(&self, keys: &Keys) -> Loaded {
        let mut loaded = Loaded::default();
        for path in &keys.files {
            match self.get(path, keys.passphrase.as_ref()).await {
                Ok(identity) => loaded.identities.push(identity),
                Err(why) => loaded.unusable.push(format!("`{}`: {why}", path.display())),
            }
        }
        loaded
    }

    /// One key. Whoever asks while it is being read waits for that, so that a passphrase is asked for once.
    async fn get(
        &self,
        path: &Path,
        passphrase: Option<&(Command, PathBuf)>,
    ) -> Result<Arc<Identity>, String> {
        let kept = Arc::clone(
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(path.to_owned())
                .or_default(),
        );
        let mut kept = kept.lock().await;
        let stamp = stamp(path)?;
        if let Some(kept) = kept.as_ref()
            && kept.stamp == stamp
            && (kept.result.is_ok() || kept.at.elapsed() < BELIEVED)
            && kept.passphrase.as_ref() == passphrase
        {
            return kept.result.clone();
        }
        let result = read(path, passphrase).await.map(Arc::new);
        *kept = Some(Kept {
            stamp,
            passphrase: passphrase.cloned(),
            result: result.clone(),
            at: Instant::now(),
        });
        result
    }
}

fn stamp(path: &Path) -> Result<Stamp, String> {
    let of = |path: &Path| {
        std::fs::metadata(path).map(|is| (is.ino(), is.len(), is.mtime(), is.mtime_nsec()))
    };
    let key = of(path).map_err(|error| cannot_read(&error))?;
    Ok((key, of(&beside(path)).ok()))
}

/// Where the certificate of a key lies.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-cert.pub");
    PathBuf::from(name)
}

async fn read(path: &Path, passphrase: Option<&(Command, PathBuf)>) -> Result<Identity, String> {
    let text = read_private(path)?;
    let key = if is_encrypted(&text) {
        let (command, directory) = passphrase
            .ok_or("it has a passphrase, and no `passphrase` names a command that prints it")?;
        let secret = secret::printed_by(command, directory)
            .await
            .map_err(|why| format!("the `passphrase` command gives none: {why}"))?;
        // Turning a passphrase into a key is slow on purpose.
        tokio::task::spawn_blocking(move || decode(&text, Some(&secret)))
            .await
            .map_err(|error| error.to_string())?
            .map_err(|_| "the passphrase does not open it".to_owned())?
    } else {
        decode(&text, None).map_err(|error| format!("it is no private key: {error}"))?
    };
    let certificate = match std::fs::read_to_string(beside(path)) {
        Ok(text) => Some(Certificate::from_openssh(text.trim()).map_err(|error| {
            format!(
                "its certificate `{}` cannot be read: {error}",
                beside(path).display()
            )
        })?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            return Err(format!(
                "its certificate `{}` cannot be read: {error}",
                beside(path).display()
            ));
        }
    };
    Ok(Identity {
        path: path.to_owned(),
        key: Arc::new(key),
        certificate,
    })
}

fn cannot_read(error: &io::Error) -> String {
    format!("it cannot be read: {error}")
}

/// The text of a private key, unless others of this machine can read it too.
fn read_private(path: &Path) -> Result<Zeroizing<String>, String> {
    let mut file = File::open(path).map_err(|error| cannot_read(&error))?;
    let is = file.metadata().map_err(|error| cannot_read(&error))?;
    // As `ssh` does, this looks only at files of one's own: what root has laid out for a group is root's decision.
    if is.uid() == geteuid().as_raw() && is.mode() & 0o077 != 0 {
        return Err(format!(
            "its permissions {:04o} let others read it; `chmod 600` it",
            is.mode() & 0o7777
        ));
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text)
        .map_err(|error| cannot_read(&error))?;
    Ok(text)
}

const OPENSSH: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";

pub(super) fn is_encrypted(text: &str) -> bool {
    if text.trim_start().starts_with(OPENSSH) {
        return PrivateKey::from_openssh(text.trim()).is_ok_and(|key| key.is_encrypted());
    }
    // The first key of the file is the one that is read; what else stands there says nothing of it.
    let mut lines = text.lines().map(str::trim);
    let begins = |line: &&str| line.starts_with("-----BEGIN ") && line.ends_with(" KEY-----");
    let first = lines.find(begins).unwrap_or_default();
    let mut rest = lines.take_while(|line| !line.starts_with("-----END "));
    first == "-----BEGIN ENCRYPTED PRIVATE KEY-----"
        || rest.any(|line| line.starts_with("Proc-Type: 4,ENCRYPTED"))
}

pub(super) fn decode(
    text: &str,
    passphrase: Option<&Secret>,
) -> Result<PrivateKey, russh::keys::Error> {
    if text.trim_start().starts_with(OPENSSH) {
        let key = PrivateKey::from_openssh(text.trim())?;
        return Ok(match passphrase {
            Some(passphrase) => key.decrypt(passphrase.reveal())?,
            None => key,
        });
    }
    russh::keys::decode_secret_key(text, passphrase.map(Secret::reveal))
}
