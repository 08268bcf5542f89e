//! The server put together: configuration, the explicit list of lines, and the way from a database to a running site.

mod clock;
pub mod config;
pub mod connections;
pub mod duties;
pub mod keys;
mod lines;
mod system;

use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use base::{CityZone, Clock, Entropy};
use kernel::{AdminError, AppendError, Kernel, OpenError, Parts};
use line_market::deliveries::{self, Deliveries};
use line_market::mqtt_bridge;
use merkle::SignerKey;
use notices::cosigners::{self, Cosigners};
use notices::{MailSettings, Reach, Worker};
use shell::app::SignOn;
use shell::health::Watch;
use shell::wall::{Shapes, Wall};
use shell::{App, Both, Site, Texts};
use store::{Store, StoreError};
use store_postgres::PostgresStore;
use tokio::net::TcpListener;

pub use config::Config;
pub use lines::{document, texts};
pub use system::{SystemClock, SystemEntropy};

/// Why the server cannot start or a command cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{path}: {reason}")]
    File { path: String, reason: String },
    #[error("the configuration is not valid: {0}")]
    Config(String),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Key(#[from] merkle::Error),
    #[error(transparent)]
    Proof(#[from] kernel::ProofError),
    #[error(transparent)]
    Notices(#[from] notices::Error),
    #[error("{0}")]
    Admin(String),
    #[error("cannot listen on {address}: {reason}")]
    Listen { address: SocketAddr, reason: String },
    #[error("{0}")]
    Refused(String),
}

impl From<AppendError<AdminError>> for Error {
    fn from(error: AppendError<AdminError>) -> Self {
        match error {
            AppendError::Refused(refusal) => Self::Admin(refusal.to_string()),
            other => Self::Admin(other.to_string()),
        }
    }
}

/// Opens the store that the configuration names.
pub fn open_store(config: &Config) -> Result<Arc<dyn Store>, Error> {
    Ok(match &config.database_url {
        Some(url) => Arc::new(with_replica(config, PostgresStore::connect(url, config.readers)?)?),
        None => {
            store::file::make_folder(&config.data).map_err(|error| file_error(&config.data, &error))?;
            Arc::new(store_sqlite::SqliteStore::open_with_readers(&config.database_path(), config.readers)?)
        }
    })
}

/// The store, with the standby that the configuration names.
fn with_replica(config: &Config, store: PostgresStore) -> Result<PostgresStore, Error> {
    let Some(url) = &config.replica_url else { return Ok(store) };
    let (store, is_there) = store.with_replica(url, config.readers)?;
    if !is_there {
        tracing::warn!("the replica cannot be reached; everything is read from the database itself");
    }
    Ok(store)
}

/// What an installation cannot take from its configuration.
pub struct Surroundings {
    pub clock: Arc<dyn Clock>,
    pub entropy: Box<dyn Entropy>,
    pub signer: SignerKey,
}

impl Surroundings {
    /// The system's clock and randomness, and the key in the data folder.
    pub fn of_system(config: &Config) -> Result<Self, Error> {
        let signer = keys::signer(config)?;
        Ok(Self { clock: Arc::new(SystemClock), entropy: Box::new(SystemEntropy::new()), signer })
    }
}

/// Opens the kernel on a store, with every line. The installation is founded where the store holds none.
pub fn open_kernel(
    config: &Config,
    store: Arc<dyn Store>,
    around: Surroundings,
) -> Result<Arc<Kernel>, Error> {
    let zone = CityZone::named(&config.zone).map_err(|error| Error::Config(error.to_string()))?;
    let kernel = Kernel::open(Parts {
        store,
        lines: lines::lines(&zone),
        clock: around.clock,
        entropy: around.entropy,
        zone,
        signer: around.signer,
    })?;
    kernel.bootstrap(config.root.clone())?;
    Ok(kernel)
}

/// Opens everything as the configuration says. Only the run that makes the key founds an installation, or the demonstration: under
/// a key that is there already it would be another one whose checkpoints contradict those of the first. What another key signed is
/// not opened.
pub fn open(config: &Config) -> Result<Arc<Kernel>, Error> {
    let has_key = keys::path(config).exists();
    if has_key {
        need_database(config)?;
    }
    let store = open_store(config)?;
    match (has_key, kernel::is_founded(&*store)?) {
        (true, true) => keys::need_own_ledger(config, &*store)?,
        (true, false) if !config.demonstration => return Err(unfounded(config)),
        (false, true) => {
            return Err(Error::Refused(format!(
                "{} is not there, and the database has an installation: put its key in place, for another one contradicts what it signed",
                keys::path(config).display()
            )));
        }
        (_, false) => {}
    }
    let kernel = open_kernel(config, store, Surroundings::of_system(config)?)?;
    keys::own_ledger(config, &kernel)?;
    Ok(kernel)
}

/// The same of what is there already: neither a key nor an installation is made.
pub fn open_founded(config: &Config) -> Result<Arc<Kernel>, Error> {
    need_key(config)?;
    need_database(config)?;
    open_founded_in(config, config)
}

/// The same, unless another key signed it: what is written or signed there would be of neither.
pub fn open_own(config: &Config) -> Result<Arc<Kernel>, Error> {
    need_key(config)?;
    need_database(config)?;
    let store = open_store(config)?;
    need_founded(config, &*store)?;
    keys::need_own_ledger(config, &*store)?;
    open_kernel(config, store, Surroundings::of_system(config)?)
}

/// The same of the installation whose key is here, in a database elsewhere.
pub fn open_founded_in(config: &Config, place: &Config) -> Result<Arc<Kernel>, Error> {
    need_key(config)?;
    let store = open_store(place)?;
    need_founded(config, &*store)?;
    open_kernel(place, store, Surroundings::of_system(config)?)
}

/// Refuses where no key has been made.
pub fn need_key(config: &Config) -> Result<(), Error> {
    let key = keys::path(config);
    if key.exists() {
        return Ok(());
    }
    Err(Error::Refused(format!("there is no {}: put the installation's key in place", key.display())))
}

/// Whoever opens an embedded database that is not there makes one.
fn need_database(config: &Config) -> Result<(), Error> {
    let is_there = config.database_url.is_some() || config.database_path().exists();
    if is_there { Ok(()) } else { Err(unfounded(config)) }
}

fn need_founded(config: &Config, store: &dyn Store) -> Result<(), Error> {
    if kernel::is_founded(store)? { Ok(()) } else { Err(unfounded(config)) }
}

/// The database in words.
fn named(config: &Config) -> String {
    match &config.database_url {
        Some(_) => "the database that DATABASE_URL names".to_owned(),
        None => config.database_path().display().to_string(),
    }
}

fn unfounded(config: &Config) -> Error {
    let database = named(config);
    Error::Refused(format!(
        "{} is there and {database} holds no installation: name its database by DATABASE_URL if that is PostgreSQL, put a copy in \
         place by taizhang restore or pg_restore, or move the key aside to found another installation",
        keys::path(config).display(),
    ))
}

/// The application round a kernel.
pub fn app(config: &Config, kernel: Arc<Kernel>) -> Result<App, Error> {
    let texts: Texts = texts().map_err(|error| Error::Config(error.to_string()))?;
    let site = Site {
        base_url: config.base_url().trim_end_matches('/').to_owned(),
        secure: config.base_url().starts_with("https://"),
        trusted_proxies: config.trusted_proxies.clone(),
        sends_mail: config.smtp.is_some(),
        demonstration: config.demonstration,
        device_entries_of_day_max: config.device_entries_of_day_max,
        watch: Watch {
            addresses: config.monitoring.addresses.clone(),
            data: config.data.clone(),
            backup: config.monitoring.backup.clone(),
            witnesses: witnesses(config)?.iter().map(|witness| witness.key.to_string()).collect(),
        },
    };
    let wall = Wall::new(lines::wall(), shapes(config)?);
    let app = App::new(kernel, Arc::new(texts), site, lines::nav(), lines::names()).with_wall(wall);
    Ok(match sign_on(config)? {
        Some(sign_on) => app.with_sign_on(sign_on),
        None => app,
    })
}

/// How long a provider is waited for; signing in asks it three times at most, and a request is given up after half a minute.
const PROVIDER_TIME_MAX: Duration = Duration::from_secs(8);

/// The provider that people may sign in with, if the configuration names one.
fn sign_on(config: &Config) -> Result<Option<SignOn>, Error> {
    let Some(oidc) = config.oidc.clone() else { return Ok(None) };
    let networks = oidc.networks;
    let settings = oidc::Settings {
        issuer: oidc.issuer,
        client: oidc.client_id,
        secret: oidc.secret,
        scopes: oidc.scopes,
        claim: oidc.claim,
        reach: Reach { networks, timeout: PROVIDER_TIME_MAX, ..reach(config)? },
    };
    let title = Both::new(oidc.title_zh, oidc.title_en);
    Ok(Some(SignOn { provider: oidc::Provider::new(settings)?, title }))
}

/// The shapes of the map that the configuration names.
fn shapes(config: &Config) -> Result<Shapes, Error> {
    let Some(path) = &config.map else { return Ok(Shapes::default()) };
    let mut bytes = Vec::new();
    let most = u64::try_from(shell::wall::BYTES_MAX + 1).unwrap_or(u64::MAX);
    let read = std::fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
    read.map_err(|error| file_error(path, &error))?;
    Shapes::read(&bytes).map_err(|error| Error::Config(format!("the map {}: {error}", path.display())))
}

/// Every route of the site.
pub fn router(app: App) -> Router {
    lines::router(app)
}

/// The scales' broker, if the configuration names one.
fn mqtt_settings(config: &Config) -> Option<mqtt_bridge::Config> {
    config.mqtt.as_ref().map(|mqtt| mqtt_bridge::Config {
        username: mqtt.username.clone(),
        password: mqtt.password.clone(),
        ..mqtt_bridge::Config::new(&mqtt.url, format!("taizhang.{}", config.name))
    })
}

/// Starts to deliver notices. Close it before the kernel stops.
pub fn carrier(config: &Config, kernel: Arc<Kernel>) -> Result<Worker, Error> {
    let mail = config.smtp.clone().map(|smtp| MailSettings {
        host: smtp.host,
        port: smtp.port,
        tls: smtp.tls,
        from: smtp.from,
        username: smtp.username,
        password: smtp.password,
    });
    let Reach { networks, authority, timeout } = reach(config)?;
    let settings = notices::Settings {
        base_url: config.base_url().trim_end_matches('/').to_owned(),
        name: config.name.clone(),
        mail,
        webhook_networks: networks,
        authority,
        timeout,
        poll: Duration::from_secs(1),
    };
    Ok(notices::start(kernel, settings)?)
}

/// Starts to tell those who subscribed to queries. Close it before the kernel stops.
pub fn deliveries(config: &Config, app: &App) -> Result<Deliveries, Error> {
    let reach = Reach { networks: config.notices.subscription_networks.clone(), ..reach(config)? };
    let settings = deliveries::Settings { reach, poll: Duration::from_secs(1) };
    Ok(deliveries::start(app.clone(), settings)?)
}

/// How often a book that grows is cosigned.
const COSIGNED_EVERY: Duration = Duration::from_secs(10);

/// Starts to have checkpoints cosigned by the witnesses of the configuration. Close it before the kernel stops.
pub fn cosigners(config: &Config, kernel: &Arc<Kernel>) -> Result<Cosigners, Error> {
    let settings = cosigners::Settings {
        witnesses: witnesses(config)?,
        reach: reach(config)?,
        every: COSIGNED_EVERY,
        poll: Duration::from_secs(1),
    };
    Ok(cosigners::start(kernel, &settings)?)
}

/// The witnesses of the configuration, each with a key of its own.
fn witnesses(config: &Config) -> Result<Vec<cosigners::Witness>, Error> {
    let mut all: Vec<cosigners::Witness> = Vec::new();
    for witness in &config.witnesses {
        let wrong = |reason: String| Error::Config(format!("witness {}: {reason}", witness.url));
        if !witness.url.starts_with("https://") && !witness.url.starts_with("http://") {
            return Err(wrong("the url is no http or https address".into()));
        }
        let key = witness.vkey.parse().map_err(|error: merkle::Error| wrong(error.to_string()))?;
        if all.iter().any(|other| other.key == key) {
            return Err(wrong("the key is given twice".into()));
        }
        all.push(cosigners::Witness { url: witness.url.clone(), key });
    }
    Ok(all)
}

/// How far requests go that leave the house.
fn reach(config: &Config) -> Result<Reach, Error> {
    let read = |path: &std::path::PathBuf| std::fs::read(path).map_err(|error| file_error(path, &error));
    Ok(Reach {
        networks: config.notices.webhook_networks.clone(),
        authority: config.notices.authority.as_ref().map(read).transpose()?,
        timeout: Duration::from_secs(config.notices.timeout_seconds),
    })
}

/// Serves until `stop` resolves, then finishes what is under way. Meanwhile the clock of matters runs, here or on another node
/// of the same database.
pub async fn serve(
    app: App,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let (limits, shown) = (app.limits.clone(), app.shown.clone());
    let forget = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(30)).await;
            limits.forget();
            shown.forget();
        }
    });
    let kernel = app.kernel.clone();
    let (has_clock, _watching) = duties::watch(&kernel, "clock");
    let clock = tokio::spawn(clock::run(kernel.clone(), has_clock));
    let _following = duties::follow(kernel.clone());
    let bounds = (connections::Bounds::default(), app.site.trusted_proxies.clone());
    connections::serve(router(app), listener, bounds, stop).await;
    forget.abort();
    clock.abort();
    tokio::task::spawn_blocking(move || kernel.stop()).await.map_err(std::io::Error::other)
}

/// An error that names the file.
pub fn file_error(path: &Path, error: &std::io::Error) -> Error {
    Error::File { path: path.display().to_string(), reason: error.to_string() }
}
