//! The command line.

mod commands;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use taizhang::{Config, Error};

/// The writer makes and drops many small texts, which the C library's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Taizhang (台账): the working ledger of a city.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// The configuration file.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    /// The folder of the database and the signing key, instead of the configured one.
    #[arg(long, global = true)]
    data: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the site.
    Serve(commands::serve::Options),
    /// Load the demonstration year, serve it, and let a simulated market day go on.
    Demo(commands::demo::Options),
    /// Play a day against a running server's real interfaces.
    Simulate(commands::simulate::Options),
    /// Write the proof of an entry, and the bytes of its leaf, to files.
    Proof(commands::proof::Options),
    /// Check a proof file offline, with only the public key.
    Verify(commands::verify::Options),
    /// Recompute everything from the database, and name the first entry that does not fit.
    Audit,
    /// Empty every derived table and rebuild it from the entries.
    Replay,
    /// Write a consistent copy of the database while it is in use.
    Backup {
        to: PathBuf,
        /// An earlier copy of the embedded database, if there is one, that this one has to go on from.
        #[arg(long)]
        from: Option<PathBuf>,
    },
    /// Put a copy of the embedded database in place, after it has passed an audit.
    Restore { from: PathBuf },
    /// Give an account a one-time password and end its sessions; a new installation gets its administrator first.
    Password { account: String },
    /// Ask the server of this configuration whether it is ready.
    Ready,
    /// Print the public key that checks this installation's proofs.
    Key,
    /// Print the OpenAPI document.
    Openapi,
}

fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    // A log that cannot be written, say to a full disk, must not end the thread that writes to it.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    log.log_internal_errors(false).init();
    match run(Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("taizhang: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let mut config = Config::read(arguments.config.as_deref())?;
    if let Some(data) = arguments.data {
        config.data = data;
    }
    match arguments.command {
        Command::Serve(options) => commands::serve::run(config, options),
        Command::Demo(options) => commands::demo::run(config, &options),
        Command::Simulate(options) => commands::simulate::run(options),
        Command::Proof(options) => commands::proof::run(&config, &options),
        Command::Verify(options) => commands::verify::run(&options),
        Command::Audit => commands::upkeep::audit(&config),
        Command::Replay => commands::upkeep::replay(&config),
        Command::Backup { to, from } => commands::upkeep::backup(&config, &to, from.as_deref()),
        Command::Restore { from } => commands::upkeep::restore(&config, &from),
        Command::Password { account } => commands::upkeep::password(&config, &account),
        Command::Ready => commands::ready::run(&config),
        Command::Key => commands::proof::key(&config),
        Command::Openapi => commands::openapi(),
    }
}
