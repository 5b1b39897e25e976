//! Whether the key a host shows is the one it should have.
//!
//! What is known of a host is looked up before it is connected to, so that it can be asked for a key of the kind that is
//! known, and judged when it has shown one. Files are read again when they have changed.
//!
//! # Invariants
//!
//! * A revoked key is refused, whatever else speaks for it.
//! * A host of which a key is known is never taken for a new one, not even when it shows a key of another kind.
//! * A new host is written down under a lock, in one piece, and only if nobody else did so meanwhile.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use russh::Preferred;
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Algorithm, Certificate, HashAlg, PublicKey, PublicKeyOrCertificate};

use super::known_hosts::{Found, KnownHosts, Says, matches_pattern};
use super::route::{Hop, Trust, place};
use crate::transport::Refusal;

/// The files that were read, by path.
#[derive(Debug, Default)]
pub(super) struct Files(Mutex<HashMap<PathBuf, (Stamp, Arc<KnownHosts>)>>);

/// What changes when a file does: its inode, its length, its time in seconds and nanoseconds.
type Stamp = (u64, u64, i64, i64);

impl Files {
    /// A file as it is now. One that does not exist is empty.
    fn read(&self, path: &Path) -> io::Result<Arc<KnownHosts>> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Arc::default()),
            Err(error) => return Err(error),
        };
        let is = file.metadata()?;
        let stamp = (is.ino(), is.len(), is.mtime(), is.mtime_nsec());
        if let Some((_, read)) = self.lock().get(path).filter(|(of, _)| *of == stamp) {
            return Ok(Arc::clone(read));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let read = Arc::new(KnownHosts::read(&String::from_utf8_lossy(&bytes)));
        self.lock()
            .insert(path.to_owned(), (stamp, Arc::clone(&read)));
        Ok(read)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, (Stamp, Arc<KnownHosts>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of a host. Reads files.
    pub(super) fn expect(self: &Arc<Self>, hop: &Hop) -> Result<Expected, Refusal> {
        let mut expected = Expected {
            files: Arc::clone(self),
            address: hop.address.clone(),
            port: hop.port,
            trust: hop.trust.clone(),
            lines: Vec::new(),
            portless: Vec::new(),
        };
        expected.look_up()?;
        Ok(expected)
    }
}

/// A line, and the file it is in.
#[derive(Clone, Debug)]
struct Line {
    file: PathBuf,
    found: Found,
}

/// What is known of a host.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    files: Arc<Files>,
    address: String,
    port: u16,
    trust: Trust,
    /// Lines about the host as it is reached.
    lines: Vec<Line>,
    /// Where its port is not SSH's own, lines about its address without a port. They can speak for a key, not against one:
    /// behind another port there may be another machine.
    portless: Vec<Line>,
}

/// What a key that was shown is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The host's.
    Trusted,
    /// Nothing is known of the host, and that may be changed.
    New,
}

impl Expected {
    fn look_up(&mut self) -> Result<(), Refusal> {
        let Trust::Files { files, .. } = &self.trust else {
            return Ok(());
        };
        self.lines.clear();
        self.portless.clear();
        for path in files {
            let file = self.files.read(path).map_err(|error| {
                Refusal::Here(format!("`{}` cannot be read: {error}", path.display()))
            })?;
            let of = |found| Line {
                file: path.clone(),
                found,
            };
            self.lines
                .extend(file.about(&self.name()).into_iter().map(of));
            if self.port != 22 {
                self.portless
                    .extend(file.about(&self.address).into_iter().map(of));
            }
        }
        Ok(())
    }

    /// The host as files of known hosts name it.
    fn name(&self) -> Cow<'_, str> {
        if self.port == 22 {
            Cow::Borrowed(&self.address)
        } else {
            Cow::Owned(format!("[{}]:{}", self.address, self.port))
        }
    }

    fn place(&self) -> String {
        place(&self.address, self.port)
    }

    fn all(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().chain(&self.portless)
    }

    /// The kinds of keys to ask the host for: first those that are known, and certificates where there is somebody whose
    /// signature counts.
    pub(super) fn prefer(&self, preferred: &mut Preferred) {
        let pinned = match &self.trust {
            Trust::Pinned(pins) => pins
                .iter()
                .filter_map(|pin| PublicKey::from_openssh(pin).ok())
                .map(|key| key.algorithm())
                .collect(),
            Trust::Files { .. } => Vec::new(),
        };
        let known: Vec<Algorithm> = self
            .all()
            .filter(|line| line.found.says == Says::Known)
            .map(|line| line.found.key.algorithm())
            .chain(pinned)
            .collect();
        let is_known = |offered: &Algorithm| known.iter().any(|known| is_kind(known, offered));
        let mut keys: Vec<Algorithm> = preferred.key.to_vec();
        keys.sort_by_key(|offered| !is_known(offered));
        if self.all().any(|line| line.found.says == Says::Authority) {
            preferred.host_key_certificates = Cow::Owned(keys.clone());
        }
        preferred.key = Cow::Owned(keys);
    }

    /// Whether a host that shows this is the one meant.
    pub(super) fn judge(&self, shown: &PublicKeyOrCertificate) -> Result<Verdict, Refusal> {
        let key = shown.public_key();
        let (files, accept_new) = match &self.trust {
            Trust::Pinned(pins) => return self.judge_pinned(pins, &key),
            Trust::Files { files, accept_new } => (files, *accept_new),
        };
        let certificate = shown.certificate();
        for line in self.all().filter(|line| line.found.says == Says::Revoked) {
            let revoked = line.found.key.key_data();
            if key.key_data() == revoked
                || certificate.is_some_and(|shown| shown.signature_key() == revoked)
            {
                return Err(Refusal::HostKeyChanged(format!(
                    "`{}` shows the {}, which {} says is revoked: whoever has it may not be the host",
                    self.place(),
                    told(&key),
                    line.place(),
                )));
            }
        }
        let complaint = match certificate.map(|shown| self.judge_certificate(shown)) {
            Some(Ok(())) => return Ok(Verdict::Trusted),
            Some(Err(complaint)) => Some(complaint),
            None => None,
        };
        let is_shown = |line: &&Line| line.found.key.key_data() == key.key_data();
        let known = |lines: &[Line]| -> Vec<Line> {
            let known = |line: &&Line| line.found.says == Says::Known;
            lines.iter().filter(known).cloned().collect()
        };
        let (lines, portless) = (known(&self.lines), known(&self.portless));
        if lines.iter().any(|line| is_shown(&line)) {
            return Ok(Verdict::Trusted);
        }
        if let Some(other) = lines
            .iter()
            .find(|line| line.found.key.algorithm() == key.algorithm())
            .or(lines.first())
        {
            return Err(self.changed(&key, other));
        }
        if portless.iter().any(|line| is_shown(&line)) {
            return Ok(Verdict::Trusted);
        }
        match complaint {
            Some(complaint) => Err(Refusal::HostKeyUnknown(format!(
                "`{}` shows a certificate that proves nothing: {complaint}",
                self.place()
            ))),
            None if accept_new => Ok(Verdict::New),
            None => Err(self.unknown(&key, files)),
        }
    }

    fn judge_pinned(&self, pins: &[String], key: &PublicKey) -> Result<Verdict, Refusal> {
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let is_it = |pin: &String| {
            *pin == fingerprint
                || PublicKey::from_openssh(pin).is_ok_and(|pin| pin.key_data() == key.key_data())
        };
        if pins.iter().any(is_it) {
            return Ok(Verdict::Trusted);
        }
        Err(Refusal::HostKeyChanged(format!(
            "`{}` shows the {}, which is none of those that `host_keys: {{ pinned: .. }}` names: \
             it was reinstalled, or something else answers for it; when you have made sure which, pin its new key \
             (where it has several, pin the public key itself, so that it is asked for that one)",
            self.place(),
            told(key),
        )))
    }

    /// Why a certificate proves nothing.
    fn judge_certificate(&self, shown: &Certificate) -> Result<(), String> {
        let authorities: Vec<_> = self
            .all()
            .filter(|line| line.found.says == Says::Authority)
            .map(|line| line.found.key.fingerprint(HashAlg::Sha256))
            .collect();
        let signer = KeyData::fingerprint(shown.signature_key(), HashAlg::Sha256);
        if !authorities.contains(&signer) {
            return Err(format!(
                "it is signed by {signer}, which no `@cert-authority` line names for this host"
            ));
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_err(|_| "this machine's clock is before 1970")?
            .as_secs();
        if now < shown.valid_after() || now >= shown.valid_before() {
            return Err("it is not valid at this time, as this machine's clock says".to_owned());
        }
        if shown.cert_type() != CertType::Host {
            return Err("it is a user's, not a host's".to_owned());
        }
        if let Some((option, _)) = shown.critical_options().iter().next() {
            return Err(format!(
                "it has the option `{option}`, which is not understood"
            ));
        }
        let address = self.address.to_lowercase();
        let names = shown.valid_principals();
        // One without names would be good for every host.
        if !names
            .iter()
            .any(|name| matches_pattern(&name.to_lowercase(), &address))
        {
            return Err(format!("it is for `{}`", names.join("`, `")));
        }
        shown
            .validate_at(now, &authorities)
            .map_err(|_| "its signature is wrong".to_owned())
    }

    fn changed(&self, key: &PublicKey, other: &Line) -> Refusal {
        Refusal::HostKeyChanged(format!(
            "`{}` shows the {}, but {} knows it by the {}: it was reinstalled, or something else answers for it; \
             when you have made sure which, `ssh-keygen -R '{}' -f '{}'` takes the old key away",
            self.place(),
            told(key),
            other.place(),
            told(&other.found.key),
            self.name(),
            other.file.display(),
        ))
    }

    fn unknown(&self, key: &PublicKey, files: &[PathBuf]) -> Refusal {
        let shown = files.iter().map(|file| file.display().to_string());
        let port = if self.port == 22 {
            String::new()
        } else {
            format!("-p {} ", self.port)
        };
        Refusal::HostKeyUnknown(format!(
            "nothing says which key `{}` has (not `{}`); it shows the {}: compare that with the host's own, and add it \
             with `ssh-keyscan {port}{} >> {}`, or let new hosts be written down with `host_keys: accept-new`",
            self.place(),
            shown.collect::<Vec<_>>().join("`, `"),
            told(key),
            self.address,
            files.first().map_or_else(
                || "~/.ssh/known_hosts".to_owned(),
                |file| file.display().to_string()
            ),
        ))
    }

    /// Writes a new host down, unless somebody did so meanwhile; then it is judged by that. May wait for another process.
    pub(super) fn learn(&mut self, shown: &PublicKeyOrCertificate) -> Result<(), Refusal> {
        let Trust::Files { files, .. } = &self.trust else {
            return Ok(());
        };
        let Some(path) = files.first().cloned() else {
            return Ok(());
        };
        let fail = |error: io::Error| {
            Refusal::Here(format!("`{}` cannot be written: {error}", path.display()))
        };
        let mut file = open_to_append(&path).map_err(fail)?;
        // Held until the file is closed. Other programs that write such files do not lock them; appending in one piece is
        // what keeps both from harm.
        file.lock().map_err(fail)?;
        self.look_up()?;
        if self.judge(shown)? == Verdict::Trusted {
            return Ok(());
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(fail)?;
        let break_line = if text.last().is_some_and(|&last| last != b'\n') {
            "\n"
        } else {
            ""
        };
        let key = PublicKey::new(shown.public_key().key_data().clone(), "");
        let key = key
            .to_openssh()
            .map_err(|error| Refusal::Here(format!("a key cannot be written down: {error}")))?;
        let line = format!("{break_line}{} {}\n", self.name(), key.trim_end());
        file.write_all(line.as_bytes()).map_err(fail)?;
        tracing::info!(
            host = %self.place(),
            file = %path.display(),
            "wrote down the key of a host that was met for the first time"
        );
        Ok(())
    }
}

impl Line {
    fn place(&self) -> String {
        format!("`{}` line {}", self.file.display(), self.found.line)
    }
}

fn open_to_append(path: &Path) -> io::Result<File> {
    if let Some(directory) = path.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
    }
    OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

/// Whether a host that has a key of the kind `known` can be asked for it as `offered`. An RSA key signs in several ways.
fn is_kind(known: &Algorithm, offered: &Algorithm) -> bool {
    match (known, offered) {
        (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }) => true,
        (known, offered) => known == offered,
    }
}

/// A key as one tells it: its kind and its fingerprint.
pub(super) fn told(key: &PublicKey) -> String {
    format!(
        "{} key {}",
        key.algorithm().as_str(),
        key.fingerprint(HashAlg::Sha256)
    )
}
