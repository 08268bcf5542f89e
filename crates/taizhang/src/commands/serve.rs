//! `taizhang serve`

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
    found(&config, &kernel)?;
    serve(&config, kernel, |_| {})
}

/// The account that a new installation begins with.
pub const ADMINISTRATOR: &str = "admin";

/// Gives a new installation its administrator, and prints the password that works once.
pub fn found(config: &Config, kernel: &Arc<Kernel>) -> Result<(), Error> {
    if !kernel.accounts()?.is_empty() {
        return Ok(());
    }
    let system = ActorId::new("system:installation").expect("a valid actor");
    let account = AccountId::new(ADMINISTRATOR).expect("a valid account");
    let new =
        NewAccount {
            account: account.clone(), unit: config.root.code.clone(), title: "系统管理员".into()
        };
    let added = kernel.add_account(&system, new, None)?;
    let grantee = ActorId::new(format!("account:{account}")).expect("a valid actor");
    let grant =
        access::Grant { role: "admin".into(), unit: config.root.code.clone(), line: None, subject: None };
    kernel.give_grant(&system, &grantee, grant)?;
    if let Some(password) = added.one_time_password {
        say(format!("account admin, one-time password: {password}"));
    }
    Ok(())
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
