//! Configuration: one TOML file, and the environment over it.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use registry::{Level, UnitAdded};
use serde::Deserialize;

use crate::{Error, file_error};

/// Everything that can be set. A file may leave out whatever has a default.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The folder of the database and the signing key.
    pub data: PathBuf,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where browsers reach the site; slips lead here. The listening address, if left out.
    pub public_url: Option<String>,
    /// Proxies whose `X-Forwarded-For` (or else `Forwarded`) tells where a request came from; limits go by that address.
    pub trusted_proxies: Vec<IpAddr>,
    /// A PostgreSQL 15+ database; the embedded one in `data`, if left out. `DATABASE_URL` overrides it.
    pub database_url: Option<String>,
    /// Snapshots that can be read at the same time.
    pub readers: usize,
    /// The name of the installation, which begins the origin of its checkpoints, such as `ledger.example.gov.cn`.
    pub name: String,
    /// The city's time zone, of the IANA database.
    pub zone: String,
    /// The unit at the top of the org tree.
    pub root: UnitAdded,
    pub mqtt: Option<Mqtt>,
    #[serde(skip)]
    pub demonstration: bool,
}

/// The broker that scales are connected to.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mqtt {
    /// `mqtt://host:port`
    pub url: String,
    pub username: Option<String>,
    /// Read from `TAIZHANG_MQTT_PASSWORD`.
    #[serde(skip)]
    pub password: Option<String>,
}

impl std::fmt::Debug for Mqtt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mqtt")
            .field("url", &self.url)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl Default for Config {
    fn default() -> Self {
        let code = base::UnitCode::new("371400").expect("a valid code");
        Self {
            data: "data".into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            trusted_proxies: Vec::new(),
            database_url: None,
            readers: 4,
            name: "taizhang.localhost".into(),
            zone: "Asia/Shanghai".into(),
            root: UnitAdded {
                code,
                parent: None,
                level: Level::City,
                title_zh: "德州市".into(),
                title_en: "Dezhou".into(),
            },
            mqtt: None,
            demonstration: false,
        }
    }
}

impl Config {
    /// Reads a file, if one is named, and the environment.
    pub fn read(path: Option<&Path>) -> Result<Self, Error> {
        let mut config = match path {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| file_error(path, &error))?;
                toml::from_str(&text)
                    .map_err(|error| Error::Config(format!("{}: {error}", path.display())))?
            }
            None => Self::default(),
        };
        if let Ok(url) = std::env::var("DATABASE_URL") {
            config.database_url = Some(url);
        }
        if let (Some(mqtt), Ok(password)) = (&mut config.mqtt, std::env::var("TAIZHANG_MQTT_PASSWORD")) {
            mqtt.password = Some(password);
        }
        if !(1..=64).contains(&config.readers) {
            return Err(Error::Config("readers must be from 1 to 64".into()));
        }
        Ok(config)
    }

    /// Whether browsers come through a proxy that is not trusted, so that limits take all of them for one.
    pub fn hides_callers(&self) -> bool {
        self.base_url().starts_with("https://") && self.trusted_proxies.is_empty()
    }

    pub fn database_path(&self) -> PathBuf {
        self.data.join("taizhang.db")
    }

    /// Where browsers reach the site.
    pub fn base_url(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| format!("http://{}", self.listen))
    }
}
