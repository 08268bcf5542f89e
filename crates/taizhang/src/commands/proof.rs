//! `taizhang proof` and `taizhang key`

use std::path::PathBuf;
use std::process::ExitCode;

use base::{BookId, Seq};
use clap::Args;
use store::file::write_private;
use taizhang::{Config, Error, file_error};

use super::say;

#[derive(Args)]
pub struct Options {
    book: String,
    seq: u64,
    /// The folder to write to.
    #[arg(long, default_value = ".")]
    out: PathBuf,
}

/// Writes `<book>-<seq>.tlog-proof`, `.leaf.json`, and, unless the body was erased, `.body.json` and `.salt`. Whoever runs it alone
/// may read them: head and body are about somebody.
pub fn run(config: &Config, options: &Options) -> Result<ExitCode, Error> {
    let kernel = taizhang::open_own(config)?;
    let book = BookId::new(&options.book).map_err(|error| Error::Refused(error.to_string()))?;
    let proved = kernel.prove(&book, Seq(options.seq))?;
    let write = |end: &str, text: String| {
        let path = options.out.join(format!("{book}-{}.{end}", options.seq));
        write_private(&path, &text).map_err(|error| file_error(&path, &error))?;
        say(path.display());
        Ok::<(), Error>(())
    };
    write("tlog-proof", proved.proof.to_string())?;
    write("leaf.json", proved.entry.head())?;
    if let (Some(body), Some(salt)) = (proved.entry.body, proved.entry.salt) {
        write("body.json", body)?;
        write("salt", hex::encode(salt))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub fn key(config: &Config) -> Result<ExitCode, Error> {
    // Who makes the key founds the installation.
    taizhang::need_key(config)?;
    say(taizhang::Surroundings::of_system(config)?.signer.verifier());
    Ok(ExitCode::SUCCESS)
}
