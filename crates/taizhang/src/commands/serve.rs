//! `taizhang serve`

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use base::{AccountId, ActorId};
use clap::Args;
use kernel::{Kernel, NewAccount};
use taizhang::{Config, Error};
use tokio::net::TcpListener;

use super::say;

#[derive(Args)]
pub struct Options {
    /// Where to listen, instead of the configured address.
    #[arg(long)]
    listen: Option<SocketAddr>,
}

pub fn run(mut config: Config, options: Options) -> Result<ExitCode, Error> {
    config.listen = options.listen.unwrap_or(config.listen);
    let kernel = taizhang::open(&config)?;
    if let Some(password) = found(&config, &kernel)? {
        // What is no terminal may be a log, which others read.
        match std::io::stdout().is_terminal() {
            true => say_password(ADMINISTRATOR, &password),
            false => {
                say("account admin was made; stop the server, and taizhang password admin gives its password")
            }
        }
    }
    serve(&config, kernel, |_| {})
}

/// The account that a new installation begins with.
pub const ADMINISTRATOR: &str = "admin";

/// Gives a new installation its administrator, and returns the password that works once. Where that was broken off before the
/// account had its right, nobody was told its password: both are given now.
pub fn found(config: &Config, kernel: &Arc<Kernel>) -> Result<Option<String>, Error> {
    let system = ActorId::new("system:installation").expect("a valid actor");
    let account = AccountId::new(ADMINISTRATOR).expect("a valid account");
    let grantee = ActorId::new(format!("account:{account}")).expect("a valid actor");
    let password = match &kernel.accounts()?[..] {
        [] => {
            let (unit, title) = (config.root.code.clone(), "系统管理员".into());
            let new = NewAccount { account, unit, title };
            kernel.add_account(&system, new, None)?.one_time_password
        }
        // The last administrator stays, so this one never was any.
        [only] if only.account == account && has_no_grant(kernel, &grantee)? => {
            kernel.reset_password(&system, &account)?.one_time_password
        }
        _ => return Ok(None),
    };
    let grant =
        access::Grant { role: "admin".into(), unit: config.root.code.clone(), line: None, subject: None };
    kernel.give_grant(&system, &grantee, grant)?;
    Ok(password)
}

fn has_no_grant(kernel: &Kernel, account: &ActorId) -> Result<bool, Error> {
    Ok(kernel.actor(account)?.is_some_and(|actor| actor.grants.is_empty()))
}

pub fn say_password(account: &str, password: &str) {
    say(format!("account {account}, one-time password: {password}"));
}

/// Serves until interrupted; `listening` is told the address when requests are taken.
pub fn serve(
    config: &Config,
    kernel: Arc<Kernel>,
    listening: impl FnOnce(String),
) -> Result<ExitCode, Error> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| Error::Refused(error.to_string()))?;
    runtime.block_on(async {
        let address = config.listen;
        let refused = |error: std::io::Error| Error::Listen { address, reason: error.to_string() };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let mut config = config.clone();
        config.listen = listener.local_addr().map_err(refused)?;
        let app = taizhang::app(&config, kernel)?;
        say(format!("listening on {}", config.base_url()));
        if config.hides_callers() {
            tracing::warn!("no trusted_proxies: behind the TLS proxy, limits take all callers for one");
        }
        let bridge = taizhang::duties::bridge(&config, &app)?;
        let carrier = taizhang::carrier(&config, app.kernel.clone())?;
        let deliveries = taizhang::deliveries(&config, &app)?;
        let cosigners = taizhang::cosigners(&config, &app.kernel)?;
        listening(format!("http://{}", config.listen));
        let stop = async {
            interrupted().await;
            if let Some(bridge) = bridge {
                bridge.close().await;
            }
            deliveries.close().await;
            if tokio::task::spawn_blocking(|| cosigners.close()).await.is_err() {
                tracing::error!("the cosigners panicked");
            }
            if tokio::task::spawn_blocking(|| carrier.close()).await.is_err() {
                tracing::error!("the carrier of notices panicked");
            }
        };
        taizhang::serve(app, listener, stop).await.map_err(refused)?;
        Ok(ExitCode::SUCCESS)
    })
}

/// Resolves at SIGINT or SIGTERM.
pub async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
