//! Fleets and plans by their digest, as the journal refers to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use ringway_engine::Engine;
use ringway_model::Digest;
use ringway_scheduler::{FleetSpec, Plan};

use crate::port::Blob;

/// The kinds of blobs, as they are stored.
pub const FLEET: &str = "fleet";
/// A plan.
pub const PLAN: &str = "plan";
/// A document as written.
pub const DOCUMENT: &str = "document";
/// A file that a person handed in as evidence.
pub const EXHIBIT: &str = "exhibit";

/// All registered content that decisions rest on.
#[derive(Clone, Debug, Default)]
pub struct Library {
    /// Fleets.
    pub fleets: BTreeMap<Digest, Arc<FleetSpec>>,
    /// Plans.
    pub plans: BTreeMap<Digest, Arc<Plan>>,
}

/// Content that is not what it is kept as.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LibraryError {
    /// The bytes have another digest.
    #[error("the {kind} kept as {} has another digest", digest.short())]
    Digest {
        /// Its kind.
        kind: String,
        /// The digest it is kept under.
        digest: Digest,
    },
    /// The bytes do not describe such a value.
    #[error("the {kind} {} cannot be read: {why}", digest.short())]
    Unreadable {
        /// Its kind.
        kind: String,
        /// Its digest.
        digest: Digest,
        /// What was wrong.
        why: String,
    },
}

impl Library {
    /// Reads blobs; those of other kinds (documents as written) are not needed to decide and are passed over.
    ///
    /// # Errors
    ///
    /// When a blob is not what it is kept as.
    pub fn read(blobs: &[Blob]) -> Result<Self, LibraryError> {
        let mut library = Self::default();
        for blob in blobs {
            library.add(blob)?;
        }
        Ok(library)
    }

    /// Makes everything known to an engine.
    pub fn provide(&self, engine: &mut Engine) {
        for (digest, fleet) in &self.fleets {
            engine.provide_fleet(*digest, fleet.clone());
        }
        for (digest, plan) in &self.plans {
            engine.provide_plan(*digest, plan.clone());
        }
    }

    fn add(&mut self, blob: &Blob) -> Result<(), LibraryError> {
        let Blob {
            digest,
            kind,
            bytes,
        } = blob;
        if kind != FLEET && kind != PLAN {
            return Ok(());
        }
        if Digest::of(bytes) != *digest {
            return Err(LibraryError::Digest {
                kind: kind.clone(),
                digest: *digest,
            });
        }
        let unreadable = |why: String| LibraryError::Unreadable {
            kind: kind.clone(),
            digest: *digest,
            why,
        };
        if kind == FLEET {
            let fleet = FleetSpec::decode(bytes).map_err(|error| unreadable(error.to_string()))?;
            self.fleets.insert(*digest, Arc::new(fleet));
        } else {
            let plan = Plan::decode(bytes).map_err(|error| unreadable(error.to_string()))?;
            self.plans.insert(*digest, Arc::new(plan));
        }
        Ok(())
    }
}
