//! What the root book says of the logs of others.

use base::SubjectId;
use base::limits::{NAME_CHARS_MAX, TEXT_CHARS_MAX};
use ledger::{Body, BodyError, Rule, check_text};
use merkle::{Fork, Hash, PROOF_LINES_MAX, VerifierKey};
use serde::{Deserialize, Serialize};

/// Bytes of a signed checkpoint that is kept as evidence: three lines, and the signatures of the log's own keys.
const NOTE_BYTES_MAX: usize = 16 * 1024;

/// The log of another installation (被见证日志) is trusted to be who it says, and witnessed from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogTrusted {
    /// The origin of its checkpoints, such as `ledger.leling.example/beiyuan`; or the name of an installation, for all of
    /// its books.
    pub origin: String,
    /// The public key that it signs with (C2SP signed-note), as its `/log/key` says.
    pub vkey: String,
    pub title: String,
    /// The post that a fork becomes a matter of, and the one that reviews it: both or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub owner: Option<SubjectId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub reviewer: Option<SubjectId>,
}

impl Body for LogTrusted {
    const KIND: &'static str = "kernel.witness.trusted";

    fn check(&self) -> Result<(), BodyError> {
        check_text("title", &self.title, NAME_CHARS_MAX)?;
        check_origin(&self.origin)?;
        self.vkey
            .parse::<VerifierKey>()
            .map_err(|error| BodyError::new("vkey", Rule::Format, error.to_string()))?;
        match (&self.owner, &self.reviewer) {
            (None, None) => Ok(()),
            (Some(owner), Some(reviewer)) if owner != reviewer => Ok(()),
            (Some(_), Some(_)) => {
                Err(BodyError::new("reviewer", Rule::Consistency, "must not be the owner itself"))
            }
            (Some(_), None) => Err(BodyError::new("reviewer", Rule::Consistency, "goes with the owner")),
            (None, Some(_)) => Err(BodyError::new("owner", Rule::Consistency, "goes with the reviewer")),
        }
    }
}

/// A log is trusted no more; what was cosigned and found stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogDropped {
    /// The number of the entry that trusted it.
    pub log: u64,
}

impl Body for LogDropped {
    const KIND: &'static str = "kernel.witness.dropped";

    fn check(&self) -> Result<(), BodyError> {
        check_number("log", self.log)
    }
}

/// A log contradicts itself (分叉): the two checkpoints are signed by its key and cannot be of one growing tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForkFound {
    pub origin: String,
    /// The signed checkpoint that was cosigned.
    pub first: String,
    /// The signed checkpoint that contradicts it.
    pub second: String,
    /// Where the sizes differ, the hashes that lead from another beginning to the second root, in base64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proof: Vec<String>,
}

impl ForkFound {
    pub(crate) fn of(origin: &str, fork: &Fork) -> Self {
        Self {
            origin: origin.to_owned(),
            first: fork.first.clone(),
            second: fork.second.clone(),
            proof: fork.proof.iter().map(|hash| hash.to_base64()).collect(),
        }
    }

    /// The evidence, to be checked again with the keys of the log.
    pub fn evidence(&self) -> merkle::Result<Fork> {
        let proof = self.proof.iter().map(|hash| Hash::from_base64(hash)).collect::<merkle::Result<_>>()?;
        Ok(Fork { first: self.first.clone(), second: self.second.clone(), proof })
    }
}

impl Body for ForkFound {
    const KIND: &'static str = "kernel.witness.fork";

    fn check(&self) -> Result<(), BodyError> {
        check_origin(&self.origin)?;
        for (field, note) in [("first", &self.first), ("second", &self.second)] {
            check_text(field, note, NOTE_BYTES_MAX)?;
            merkle::unverified(note)
                .map_err(|error| BodyError::new(field, Rule::Format, error.to_string()))?;
        }
        let hashes = self.evidence().is_ok() && self.proof.len() <= PROOF_LINES_MAX;
        if hashes { Ok(()) } else { Err(BodyError::new("proof", Rule::Format, "is no consistency proof")) }
    }
}

/// Somebody has seen to a fork: checkpoints that extend what was cosigned are cosigned again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForkAcknowledged {
    /// The number of the entry that found it.
    pub fork: u64,
    /// What was found out, and what was done.
    pub reason: String,
}

impl Body for ForkAcknowledged {
    const KIND: &'static str = "kernel.witness.acknowledged";

    fn check(&self) -> Result<(), BodyError> {
        check_text("reason", &self.reason, TEXT_CHARS_MAX)?;
        check_number("fork", self.fork)
    }
}

fn check_origin(origin: &str) -> Result<(), BodyError> {
    match merkle::is_origin(origin) {
        true => Ok(()),
        false => Err(BodyError::new("origin", Rule::Format, "is not one line of at most 255 bytes")),
    }
}

fn check_number(field: &'static str, number: u64) -> Result<(), BodyError> {
    if number > i64::MAX as u64 {
        return Err(BodyError::new(field, Rule::Range, "is not the number of an entry"));
    }
    Ok(())
}
