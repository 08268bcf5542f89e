use std::{fmt, time::Duration};

use crate::MqttError;

/// Longest topic or client id that MQTT can carry.
const STRING_BYTES_MAX: usize = 65_535;
/// Longest message body that fits one packet with any topic (MQTT 3.1.1, 2.2.3).
const PAYLOAD_BYTES_MAX: usize = 268_435_455 - STRING_BYTES_MAX - 4;
const INFLIGHT_MAX: u16 = 4_096;
const INCOMING_MAX: usize = 65_536;

/// How to reach a broker, and the limits of the link. Start from [`Config::new`].
#[derive(Clone, PartialEq, Eq)]
pub struct Config {
    /// `mqtt://host:port`; without a port, 1883. A host may be a name, IPv4, or IPv6 in brackets.
    pub url: String,
    /// Names the session at the broker. Two links with one id drive each other out.
    pub client_id: String,
    pub username: Option<String>,
    /// Never printed. Needs a user name (MQTT 3.1.1, 3.1.2.9).
    pub password: Option<String>,
    /// Seconds after which broker and client miss each other; 0 turns this off.
    pub keep_alive_s: u16,
    /// `false`: the broker keeps subscriptions and unacknowledged messages while this client is away.
    pub clean_session: bool,
    /// QoS 1 publishes that may await acknowledgement at a time, 1 to 4,096.
    pub inflight_max: u16,
    /// Messages that may lie in the receiver before the link stops reading, 1 to 65,536.
    pub incoming_max: usize,
    /// Longer message bodies are not sent, and are received as [`TooLong`](crate::TooLong).
    pub payload_bytes_max: usize,
    /// Longer topics are not sent, and are received as [`TooLong`](crate::TooLong).
    pub topic_bytes_max: usize,
    /// Seconds that [`Publisher::publish`](crate::Publisher::publish) waits for an acknowledgement; 0 waits for ever.
    pub publish_timeout_s: u32,
}

impl Config {
    /// A persistent session with a keep-alive of 30 s, 64 publishes in flight and bodies up to 256 KiB.
    pub fn new(url: impl Into<String>, client_id: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            client_id: client_id.into(),
            username: None,
            password: None,
            keep_alive_s: 30,
            clean_session: false,
            inflight_max: 64,
            incoming_max: 256,
            payload_bytes_max: 256 * 1024,
            topic_bytes_max: 1_024,
            publish_timeout_s: 30,
        }
    }

    /// Checks every setting, and returns the address that the URL names.
    pub fn check(&self) -> Result<Address, MqttError> {
        let address = Address::parse(&self.url)?;
        if self.client_id.len() > STRING_BYTES_MAX || self.client_id.contains('\0') {
            return Err(setting("client_id", "is too long or holds a null character"));
        }
        if self.client_id.is_empty() && !self.clean_session {
            return Err(setting("client_id", "may be empty only with clean_session"));
        }
        if self.password.is_some() && self.username.is_none() {
            return Err(setting("password", "needs a username"));
        }
        if self.username.as_ref().is_some_and(|name| name.len() > STRING_BYTES_MAX || name.contains('\0')) {
            return Err(setting("username", "is too long or holds a null character"));
        }
        if self.password.as_ref().is_some_and(|password| password.len() > STRING_BYTES_MAX) {
            return Err(setting("password", "is too long"));
        }
        within("inflight_max", usize::from(self.inflight_max), usize::from(INFLIGHT_MAX))?;
        within("incoming_max", self.incoming_max, INCOMING_MAX)?;
        within("payload_bytes_max", self.payload_bytes_max, PAYLOAD_BYTES_MAX)?;
        within("topic_bytes_max", self.topic_bytes_max, STRING_BYTES_MAX)?;
        Ok(address)
    }

    pub(crate) fn publish_timeout(&self) -> Option<Duration> {
        (self.publish_timeout_s > 0).then(|| Duration::from_secs(self.publish_timeout_s.into()))
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("url", &self.url)
            .field("client_id", &self.client_id)
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| "..."))
            .field("keep_alive_s", &self.keep_alive_s)
            .field("clean_session", &self.clean_session)
            .field("inflight_max", &self.inflight_max)
            .field("incoming_max", &self.incoming_max)
            .field("payload_bytes_max", &self.payload_bytes_max)
            .field("topic_bytes_max", &self.topic_bytes_max)
            .field("publish_timeout_s", &self.publish_timeout_s)
            .finish()
    }
}

/// Host and port of a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub host: String,
    pub port: u16,
}

impl Address {
    /// Reads `mqtt://host[:port]`. Messages never repeat the URL, which may hold a password by mistake.
    pub fn parse(url: &str) -> Result<Self, MqttError> {
        let Some(authority) = url.strip_prefix("mqtt://") else {
            return Err(setting("url", "must begin with mqtt:// (TLS is left to a tunnel)"));
        };
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        if authority.contains('@') {
            return Err(setting("url", "must not hold credentials; set username and password"));
        }
        if authority.contains(['/', '?', '#']) || authority.contains(char::is_whitespace) {
            return Err(setting("url", "must be mqtt://host:port and nothing more"));
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) =
                    rest.split_once(']').ok_or_else(|| setting("url", "lacks the bracket after the host"))?;
                let port = match rest {
                    "" => None,
                    rest => Some(
                        rest.strip_prefix(':')
                            .ok_or_else(|| setting("url", "lacks a colon before the port"))?,
                    ),
                };
                (host, port)
            }
            None => match authority.rsplit_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        if host.is_empty() {
            return Err(setting("url", "names no host"));
        }
        if host.contains(':') && !authority.starts_with('[') {
            return Err(setting("url", "needs brackets around an ipv6 host"));
        }
        let port = match port {
            None => 1883,
            Some(port) => match port.parse() {
                Ok(port) if port > 0 => port,
                _ => return Err(setting("url", "has a port that is not between 1 and 65535")),
            },
        };
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            return write!(f, "[{}]:{}", self.host, self.port);
        }
        write!(f, "{}:{}", self.host, self.port)
    }
}

fn setting(setting: &'static str, reason: &str) -> MqttError {
    MqttError::Setting { setting, reason: reason.to_owned() }
}

fn within(name: &'static str, value: usize, max: usize) -> Result<(), MqttError> {
    if (1..=max).contains(&value) {
        return Ok(());
    }
    Err(setting(name, &format!("is {value}, must be between 1 and {max}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_survives_printing_and_reading() {
        for (url, printed) in [
            ("mqtt://localhost", "localhost:1883"),
            ("mqtt://broker.example:8883/", "broker.example:8883"),
            ("mqtt://192.0.2.7:1884", "192.0.2.7:1884"),
            ("mqtt://[2001:db8::1]", "[2001:db8::1]:1883"),
            ("mqtt://[::1]:1885", "[::1]:1885"),
        ] {
            let address = Address::parse(url).expect(url);
            assert_eq!(address.to_string(), printed);
            assert_eq!(Address::parse(&format!("mqtt://{address}")), Ok(address));
        }
    }

    #[test]
    fn urls_that_name_no_plain_broker_are_refused_without_repeating_them() {
        for url in [
            "",
            "localhost:1883",
            "mqtts://secret",
            "mqtt://",
            "mqtt://:1883",
            "mqtt://user:secret@host",
            "mqtt://secret/topic",
            "mqtt://secret:0",
            "mqtt://secret:65536",
            "mqtt://secret:x",
            "mqtt://::1:1883",
            "mqtt://[::1",
            "mqtt://[::1]1883",
        ] {
            let error = Address::parse(url).expect_err(url).to_string();
            assert!(error.starts_with("mqtt url: ") && !error.contains("secret"), "{url}: {error}");
        }
    }

    #[test]
    fn every_limit_is_checked() {
        let check = |change: fn(&mut Config), setting: &str| {
            let mut config = Config::new("mqtt://localhost", "server");
            change(&mut config);
            let error = config.check().expect_err(setting).to_string();
            assert!(error.starts_with(&format!("mqtt {setting}: ")), "{error}");
        };
        check(|c| c.client_id.clear(), "client_id");
        check(|c| c.password = Some("x".to_owned()), "password");
        check(|c| c.username = Some("a\0".to_owned()), "username");
        check(|c| c.inflight_max = 0, "inflight_max");
        check(|c| c.incoming_max = 0, "incoming_max");
        check(|c| c.payload_bytes_max = usize::MAX, "payload_bytes_max");
        check(|c| c.topic_bytes_max = 65_536, "topic_bytes_max");
        assert!(Config::new("mqtt://localhost", "server").check().is_ok());
    }

    #[test]
    fn a_password_is_never_printed() {
        let mut config = Config::new("mqtt://localhost", "server");
        config.username = Some("server".to_owned());
        config.password = Some("hunter2".to_owned());
        let printed = format!("{config:?} {config:#?}");
        assert!(printed.contains("server") && !printed.contains("hunter2"));
    }
}
