//! Configuration: one TOML file, and the environment over it.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use notices::{MailTls, Network};
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
    /// Proxies whose `X-Forwarded-For` tells where a request came from; limits go by that address.
    pub trusted_proxies: Vec<IpAddr>,
    /// A PostgreSQL 15+ database; the embedded one in `data`, if left out. `DATABASE_URL` overrides it.
    pub database_url: Option<String>,
    /// A standby of that database which answers what is read, where it is not behind. `DATABASE_REPLICA_URL` overrides it.
    pub replica_url: Option<String>,
    /// Snapshots that can be read at the same time.
    pub readers: usize,
    /// The name of the installation, which begins the origin of its checkpoints, such as `ledger.example.gov.cn`.
    pub name: String,
    /// The city's time zone, of the IANA database.
    pub zone: String,
    /// The unit at the top of the org tree.
    pub root: UnitAdded,
    pub mqtt: Option<Mqtt>,
    /// The mail server that takes notices; without it posts get no e-mail.
    pub smtp: Option<Smtp>,
    pub notices: Notices,
    /// The provider of OpenID Connect that people may sign in with; without it they sign in with a password.
    pub oidc: Option<Oidc>,
    /// Witnesses that cosign the checkpoints of every book, such as the city's installation for a county.
    #[serde(rename = "witness")]
    pub witnesses: Vec<Witness>,
    pub monitoring: Monitoring,
    /// Sales of one scale that are recorded on a day at most; what each of them broke, four breaches at most, is recorded beside it.
    pub device_entries_of_day_max: u64,
    /// A GeoJSON file with the shapes of units for the wall, each with its code in the property `code` or `adcode`;
    /// units stand as tiles, if left out.
    pub map: Option<PathBuf>,
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

/// A witness that is asked for cosignatures (C2SP tlog-witness).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witness {
    /// Where it is asked, such as `https://ledger.dezhou.example/witness`. Inside, its network is one of
    /// `notices.webhook_networks`.
    pub url: String,
    /// Its public key, as its `/witness/key` says.
    pub vkey: String,
}

/// The mail server, and as whom mail is sent.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    pub host: String,
    pub port: u16,
    /// `implicit` (port 465), `starttls` (port 587), or `none` for a relay on the same machine or network.
    pub tls: MailTls,
    /// The sender's address.
    pub from: String,
    pub username: Option<String>,
    /// Read from `TAIZHANG_SMTP_PASSWORD`.
    #[serde(skip)]
    pub password: Option<String>,
}

/// How notices leave the house.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Notices {
    /// Networks inside that webhooks may reach, and where they need no TLS, such as `10.20.0.0/16`. Everything that is not
    /// public is out of their reach otherwise.
    pub webhook_networks: Vec<Network>,
    /// Networks inside, or single ports of them, that subscriptions to EPCIS queries may reach. Administrators set where
    /// notices go, and any outside system where its subscriptions do: so what the ones may reach, the others may not.
    pub subscription_networks: Vec<Network>,
    /// A PEM file of authorities that are trusted besides the system's, for TLS to mail server and webhooks.
    pub authority: Option<PathBuf>,
    /// How long an attempt may take.
    pub timeout_seconds: u64,
}

/// A provider of OpenID Connect. It sends browsers back to `<public_url>/sign-in/provider/back`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// The provider, exactly as it names itself, such as `https://id.dezhou.example`.
    pub issuer: String,
    pub client_id: String,
    /// Read from `TAIZHANG_OIDC_SECRET`. A client without one is protected by PKCE alone.
    #[serde(skip)]
    pub secret: Option<String>,
    /// What the button calls it.
    #[serde(default = "Oidc::default_title_zh")]
    pub title_zh: String,
    #[serde(default = "Oidc::default_title_en")]
    pub title_en: String,
    #[serde(default = "Oidc::default_scopes")]
    pub scopes: Vec<String>,
    /// The claim of the ID token that names a person. The provider must never give one person's to another.
    #[serde(default = "Oidc::default_claim")]
    pub claim: String,
    /// Networks inside in which the provider may be reached, there also without TLS, such as `10.20.0.0/16`.
    #[serde(default)]
    pub networks: Vec<Network>,
}

impl Oidc {
    fn default_title_zh() -> String {
        "统一身份认证".into()
    }

    fn default_title_en() -> String {
        "single sign-on".into()
    }

    fn default_scopes() -> Vec<String> {
        vec!["openid".into()]
    }

    fn default_claim() -> String {
        "sub".into()
    }

    fn check(&self) -> Result<(), Error> {
        let refuse = |reason: &str| Err(Error::Config(format!("oidc: {reason}")));
        if !self.issuer.starts_with("https://") && !self.issuer.starts_with("http://") {
            return refuse("the issuer is no https or http address");
        }
        if self.issuer.starts_with("http://") && self.networks.is_empty() {
            return refuse("an issuer without TLS is reached in named networks alone");
        }
        if !self.scopes.iter().any(|scope| scope == "openid") {
            return refuse("the scopes lack \"openid\"");
        }
        let texts = [&self.client_id, &self.title_zh, &self.title_en, &self.claim];
        if texts.iter().any(|text| text.trim().is_empty()) {
            return refuse("client_id, title_zh, title_en and claim must not be blank");
        }
        Ok(())
    }
}

impl std::fmt::Debug for Oidc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Oidc")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// How the installation is watched over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Monitoring {
    /// Addresses that may read `/metrics` without a token, such as `127.0.0.1`. What a proxy passes on needs a token whatever
    /// its address, if it says that it is one or is named in `trusted_proxies`.
    pub addresses: Vec<IpAddr>,
    /// The file that every backup replaces: its age is told.
    pub backup: Option<PathBuf>,
}

impl Default for Notices {
    fn default() -> Self {
        Self {
            webhook_networks: Vec::new(),
            subscription_networks: Vec::new(),
            authority: None,
            timeout_seconds: 20,
        }
    }
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Smtp").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

impl Smtp {
    /// A password goes with its account, and never in the clear.
    fn check(&self) -> Result<(), Error> {
        let refuse = |reason: &str| Err(Error::Config(format!("smtp: {reason}")));
        match (&self.username, &self.password) {
            (Some(_), None) => refuse("the username has no TAIZHANG_SMTP_PASSWORD"),
            (None, Some(_)) => refuse("TAIZHANG_SMTP_PASSWORD has no username"),
            (Some(_), Some(_)) if self.tls == MailTls::None => {
                refuse("a password needs tls = \"starttls\" or \"implicit\"")
            }
            _ => Ok(()),
        }
    }
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
            replica_url: None,
            readers: 12,
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
            witnesses: Vec::new(),
            monitoring: Monitoring::default(),
            device_entries_of_day_max: base::limits::DEVICE_ENTRIES_OF_DAY_MAX,
            map: None,
            smtp: None,
            notices: Notices::default(),
            oidc: None,
            demonstration: false,
        }
    }
}

/// Reads what stands in a file. What is wrong is told with its line's number and without the line: a password may stand there.
fn parsed(path: &Path, text: &str) -> Result<Config, Error> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        Error::Config(format!("{}, line {line}: {}", path.display(), error.message()))
    })
}

impl Config {
    /// Reads a file, if one is named, and the environment.
    pub fn read(path: Option<&Path>) -> Result<Self, Error> {
        let mut config = match path {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| file_error(path, &error))?;
                parsed(path, &text)?
            }
            None => Self::default(),
        };
        if let Ok(url) = std::env::var("DATABASE_URL") {
            config.database_url = Some(url);
        }
        if let Ok(url) = std::env::var("DATABASE_REPLICA_URL") {
            config.replica_url = Some(url);
        }
        if let (Some(mqtt), Ok(password)) = (&mut config.mqtt, std::env::var("TAIZHANG_MQTT_PASSWORD")) {
            mqtt.password = Some(password);
        }
        if let (Some(smtp), Ok(password)) = (&mut config.smtp, std::env::var("TAIZHANG_SMTP_PASSWORD")) {
            smtp.password = Some(password);
        }
        if let (Some(oidc), Ok(secret)) = (&mut config.oidc, std::env::var("TAIZHANG_OIDC_SECRET")) {
            oidc.secret = Some(secret);
        }
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), Error> {
        if !(1..=64).contains(&self.readers) {
            return Err(Error::Config("readers must be from 1 to 64".into()));
        }
        if !(1..=300).contains(&self.notices.timeout_seconds) {
            return Err(Error::Config("notices.timeout_seconds must be from 1 to 300".into()));
        }
        if self.replica_url.is_some() && self.database_url.is_none() {
            return Err(Error::Config("replica_url needs a database_url whose standby it is".into()));
        }
        // Cookies are kept to TLS, and limits to callers, by how it begins.
        if self
            .public_url
            .as_ref()
            .is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://"))
        {
            return Err(Error::Config("public_url must begin with https:// or http://".into()));
        }
        crate::witnesses(self)?;
        self.oidc.as_ref().map_or(Ok(()), Oidc::check)?;
        self.smtp.as_ref().map_or(Ok(()), Smtp::check)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_file_is_told_without_what_stands_in_it() {
        let wrong = [
            "name = \"ledger.example\"\ndatabse_url = \"postgres://u:secret@db/x\"\n",
            "name = \"ledger.example\"\n[mqtt]\npassword = [\"secret\"]\n",
            "name = \"ledger.example\"\ndatabase_url = \"secret\n",
        ];
        for (text, line) in wrong.into_iter().zip([2, 3, 2]) {
            let told = parsed(Path::new("taizhang.toml"), text).unwrap_err().to_string();
            assert!(told.contains(&format!("line {line}: ")) && !told.contains("secret"), "{told}");
        }
    }

    #[test]
    fn where_browsers_reach_the_site_is_written_as_it_is_compared() {
        let at = |url: &str| Config { public_url: Some(url.into()), ..Config::default() }.check();
        at("https://ledger.example").unwrap();
        at("http://ledger.example").unwrap();
        for wrong in ["HTTPS://ledger.example", "ledger.example", "ftp://ledger.example"] {
            assert!(at(wrong).unwrap_err().to_string().contains("public_url"), "{wrong}");
        }
    }
}
