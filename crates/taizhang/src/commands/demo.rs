//! `taizhang demo`: the demonstration year, and a market day that goes on through the real interfaces.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use base::BookId;
use clap::Args;
use kernel::Kernel;
use serde::{Deserialize, Serialize};
use simulate::{Operator, Plan, ScaleCredential, Stop, Transport};
use taizhang::{Config, Error, file_error};

use super::{say, serve};

#[derive(Args)]
pub struct Options {
    /// Where to listen, instead of the configured address.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Leave the simulated market day out.
    #[arg(long)]
    quiet: bool,
}

/// Who may sign in to the demonstration, beside its data.
const ACCOUNTS: &str = "demo-accounts.txt";

/// The book whose day is played.
const MARKET: &str = "beiyuan";

/// What the simulated day signs in with; kept beside the data, readable by its owner only.
#[derive(Serialize, Deserialize)]
struct Credentials {
    scales: Vec<(u32, String)>,
    operator: String,
}

pub fn run(mut config: Config, options: &Options) -> Result<ExitCode, Error> {
    config.listen = options.listen.unwrap_or(config.listen);
    config.demonstration = true;
    need_own_folder(&config)?;
    let kernel = taizhang::open(&config)?;
    let mark = mark(&config);
    std::fs::write(&mark, "").map_err(|error| file_error(&mark, &error))?;
    let loaded = demo::load(&kernel, kernel.now()).map_err(|error| Error::Refused(error.to_string()))?;
    if loaded.entries > 0 {
        say(format!("{} entries of the demonstration loaded", loaded.entries));
    }
    if let Some(password) = serve::found(&config, &kernel)? {
        serve::say_password(serve::ADMINISTRATOR, &password);
    }
    show_accounts(&config, &kernel)?;
    let credentials = credentials(&config.data.join("demo-credentials.json"), &kernel)?;
    let quiet = options.quiet;
    serve::serve(&config, kernel, move |base_url| {
        if !quiet {
            tokio::spawn(play(base_url, credentials));
        }
    })
}

/// What says of a folder that it is the demonstration's.
fn mark(config: &Config) -> PathBuf {
    config.data.join("demonstration")
}

/// The demonstration goes into no ledger of others: nothing of it could ever be taken out again. A database elsewhere is asked when
/// it is opened.
fn need_own_folder(config: &Config) -> Result<(), Error> {
    if mark(config).exists() || config.data.join(ACCOUNTS).exists() {
        return Ok(());
    }
    if taizhang::keys::path(config).exists() {
        return Err(Error::Refused(format!(
            "{} is the folder of an installation with records of its own: give the demonstration another one",
            config.data.display()
        )));
    }
    Ok(())
}

/// Makes the demonstration accounts once, and prints them at every start.
fn show_accounts(config: &Config, kernel: &Arc<Kernel>) -> Result<(), Error> {
    let path = config.data.join(ACCOUNTS);
    if !path.exists() {
        let accounts = demo::accounts(kernel).map_err(|error| Error::Refused(error.to_string()))?;
        let lines: String = accounts
            .iter()
            .map(|(account, password, title)| format!("{account}  {password}  {title}\n"))
            .collect();
        store::file::write_private(&path, &lines).map_err(|error| file_error(&path, &error))?;
    }
    let text = std::fs::read_to_string(&path).map_err(|error| file_error(&path, &error))?;
    say("demonstration accounts (account, password, role):");
    say(text.trim_end());
    Ok(())
}

fn credentials(path: &Path, kernel: &Arc<Kernel>) -> Result<Credentials, Error> {
    if let Ok(text) = std::fs::read_to_string(path) {
        return serde_json::from_str(&text)
            .map_err(|error| Error::File { path: path.display().to_string(), reason: error.to_string() });
    }
    let book = BookId::new(MARKET).expect("a valid book");
    let refused = |error: demo::Error| Error::Refused(error.to_string());
    let scales = demo::scale_credentials(kernel, &book).map_err(refused)?;
    let operator = demo::operator_token(kernel, &book).map_err(refused)?;
    let credentials = Credentials { scales, operator };
    let text = serde_json::to_string(&credentials).expect("credentials are JSON");
    store::file::write_private(path, &text).map_err(|error| file_error(path, &error))?;
    Ok(credentials)
}

/// Sells until the server stops.
async fn play(base_url: String, credentials: Credentials) {
    let book = BookId::new(MARKET).expect("a valid book");
    let scales = credentials.scales.into_iter();
    let scales =
        scales.map(|(scale, credential)| ScaleCredential { book: book.clone(), scale, credential }).collect();
    let run =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_millis();
    let run = u64::try_from(run).unwrap_or(u64::MAX);
    let mut plan = Plan::new(20_211_210, run, Transport::Http { base_url: base_url.clone() }, scales);
    plan.stalls = Some(40);
    plan.operator = Some(Operator { base_url, token: credentials.operator });
    if let Err(error) = simulate::run(plan, Stop::new(), |_| {}).await {
        tracing::error!(%error, "the simulated market day cannot be played");
    }
}
