//! `taizhang verify`: needs the files and the public key, and nothing of the installation.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use base::Time;
use clap::Args;
use ledger::Entry;
use merkle::{ProofFile, VerifierKey, WitnessKey};
use taizhang::{Error, file_error};

use super::say;

/// The last second that is written with four digits of the year.
const SECONDS_MAX: u64 = 253_402_300_799;

#[derive(Args)]
pub struct Options {
    /// The public key, or a file that holds it.
    #[arg(long)]
    key: String,
    /// The canonical head of the entry, byte for byte.
    #[arg(long)]
    leaf: PathBuf,
    /// The canonical body, to be checked against its commitment in the head; needs the salt.
    #[arg(long, requires = "salt")]
    body: Option<PathBuf>,
    /// The salt in hexadecimal digits, or a file that holds it.
    #[arg(long, requires = "body")]
    salt: Option<String>,
    /// The public key of a witness that must have cosigned the checkpoint, or a file that holds it; any number of them.
    #[arg(long)]
    witness: Vec<String>,
    /// The proof file.
    proof: PathBuf,
}

pub fn run(options: &Options) -> Result<ExitCode, Error> {
    let wrong = |what: String| Error::Refused(format!("not verified: {what}"));
    let key: VerifierKey = text_or_file(&options.key)?.parse()?;
    let head = read(&options.leaf)?;
    let proof: ProofFile = read(&options.proof)?.parse()?;
    let salt = match &options.salt {
        Some(salt) => {
            let bytes =
                hex::decode(text_or_file(salt)?).map_err(|error| wrong(format!("the salt: {error}")))?;
            Some(bytes.try_into().map_err(|_| wrong("the salt is not 128 bits".into()))?)
        }
        None => None,
    };
    let body = options.body.as_deref().map(read).transpose()?;
    let entry = Entry::open(&head, body, salt).map_err(|error| wrong(error.to_string()))?;
    let checkpoint = proof.verify(merkle::leaf_hash(head.as_bytes()), std::slice::from_ref(&key))?;
    if proof.index() != entry.seq.0 {
        return Err(wrong(format!("the proof is of entry {}, the head of {}", proof.index(), entry.seq)));
    }
    if checkpoint.origin() != format!("{}/{}", key.name(), entry.book) {
        return Err(wrong(format!(
            "the checkpoint is of {}, the head of book {}",
            checkpoint.origin(),
            entry.book
        )));
    }
    let mut cosigned = Vec::new();
    for witness in &options.witness {
        let witness: WitnessKey = text_or_file(witness)?.parse()?;
        let found = merkle::cosignatures(proof.note(), std::slice::from_ref(&witness))?;
        let found = found.first();
        cosigned
            .push(found.cloned().ok_or_else(|| wrong(format!("{} has not cosigned it", witness.name())))?);
    }
    say(format!(
        "verified: entry {} of {}, {} recorded {}, in a tree of {} entries",
        entry.seq,
        checkpoint.origin(),
        entry.kind,
        entry.recorded,
        checkpoint.size()
    ));
    for cosignature in cosigned {
        let seconds = i64::try_from(cosignature.seconds.min(SECONDS_MAX)).unwrap_or_default();
        say(format!("cosigned by {} at {}", cosignature.witness.name(), Time(seconds * 1000)));
    }
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| file_error(path, &error))
}

fn text_or_file(text: &str) -> Result<String, Error> {
    let path = Path::new(text);
    Ok(if path.exists() { read(path)?.trim().to_owned() } else { text.to_owned() })
}
