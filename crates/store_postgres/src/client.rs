//! A connection whose calls block, but not for ever on a server that has fallen silent: one that was stopped, or whose
//! machine still takes what it is sent. The driver itself waits for as long as the line stands.

use std::{future::Future, io, pin::pin, time::Duration};

use tokio::{
    runtime::{Builder, Runtime},
    time::{Instant, timeout},
};
use tokio_postgres::{
    Config, Error, NoTls, Row, Statement,
    config::LoadBalanceHosts,
    types::{ToSql, Type},
};

/// How long a server may take to let somebody in, and how long it may be silent before it is asked by way of another
/// connection whether it is there; unless the URL has another `connect_timeout`.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// Why a call has no result.
#[derive(Debug)]
pub enum Fault {
    Driver(Error),
    /// Nothing was heard of the server.
    Silent,
    /// This machine has no more threads or files.
    Machine(io::Error),
}

/// A connection to one server.
pub struct Client {
    /// Present until dropped. It runs while a call waits.
    runtime: Option<Runtime>,
    client: tokio_postgres::Client,
    /// Of that server alone.
    config: Config,
    /// The longest that a call may take.
    longest: Option<Duration>,
}

impl Client {
    /// Connects to the first of the servers that lets us in.
    pub fn connect(config: &Config, longest: Option<Duration>) -> Result<Self, Fault> {
        let mut last = Fault::Silent;
        for server in each_server(config) {
            let runtime = Builder::new_current_thread().enable_all().build().map_err(Fault::Machine)?;
            let connecting = async { timeout(patience(&server), server.connect(NoTls)).await };
            match runtime.block_on(connecting) {
                Ok(Ok((client, connection))) => {
                    // What ends it is told by the call that is under way, or by the next.
                    drop(runtime.spawn(connection));
                    return Ok(Self { runtime: Some(runtime), client, config: server, longest });
                }
                Ok(Err(error)) => last = Fault::Driver(error),
                Err(_) => last = Fault::Silent,
            }
            // Names may still be looked up.
            runtime.shutdown_background();
        }
        Err(last)
    }

    pub fn query(
        &mut self,
        statement: &Statement,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Fault> {
        self.wait(self.client.query(statement, params))
    }

    /// The one row of statements that take no parameters.
    pub fn query_one(&mut self, sql: &str) -> Result<Row, Fault> {
        self.wait(self.client.query_one(sql, &[]))
    }

    pub fn execute(&mut self, statement: &Statement, params: &[&(dyn ToSql + Sync)]) -> Result<u64, Fault> {
        self.wait(self.client.execute(statement, params))
    }

    pub fn batch_execute(&mut self, sql: &str) -> Result<(), Fault> {
        self.wait(self.client.batch_execute(sql))
    }

    pub fn prepare_typed(&mut self, sql: &str, types: &[Type]) -> Result<Statement, Fault> {
        self.wait(self.client.prepare_typed(sql, types))
    }

    /// Waits for an answer as long as the server answers others.
    fn wait<T>(&self, asked: impl Future<Output = Result<T, Error>>) -> Result<T, Fault> {
        let Some(runtime) = &self.runtime else { return Err(Fault::Silent) };
        runtime.block_on(async {
            let (mut asked, began) = (pin!(asked), Instant::now());
            loop {
                if let Ok(answer) = timeout(patience(&self.config), &mut asked).await {
                    return answer.map_err(Fault::Driver);
                }
                let goes_on = self.longest.is_none_or(|longest| began.elapsed() < longest);
                if !(goes_on && answers(&self.config).await) {
                    // The answer may have come while it was this process that stood still.
                    let last = timeout(Duration::ZERO, &mut asked).await;
                    return last.map_or(Err(Fault::Silent), |answer| answer.map_err(Fault::Driver));
                }
            }
        })
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // A runtime must not be waited for on a thread of another one.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn patience(config: &Config) -> Duration {
    config.get_connect_timeout().copied().unwrap_or(PATIENCE)
}

/// Whether a server lets somebody in, or says why not.
async fn answers(config: &Config) -> bool {
    match timeout(patience(config), config.connect(NoTls)).await {
        Ok(Ok(_)) => true,
        Ok(Err(error)) => error.as_db_error().is_some(),
        Err(_) => false,
    }
}

/// The servers of a URL one by one: the driver would wait for the first one to let us in as long as it stands still.
fn each_server(config: &Config) -> Vec<Config> {
    let (hosts, addresses, ports) = (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    let count = hosts.len().max(addresses.len());
    if count < 2 || config.get_load_balance_hosts() != LoadBalanceHosts::Disable {
        return vec![config.clone()];
    }
    let one = |index: usize| {
        let mut one = Config::new();
        one.ssl_mode(config.get_ssl_mode())
            .ssl_negotiation(config.get_ssl_negotiation())
            .keepalives(config.get_keepalives())
            .keepalives_idle(config.get_keepalives_idle())
            .target_session_attrs(config.get_target_session_attrs())
            .channel_binding(config.get_channel_binding());
        config.get_user().map(|user| one.user(user));
        config.get_password().map(|password| one.password(password));
        config.get_dbname().map(|name| one.dbname(name));
        config.get_options().map(|options| one.options(options));
        config.get_application_name().map(|name| one.application_name(name));
        config.get_connect_timeout().map(|time| one.connect_timeout(*time));
        config.get_tcp_user_timeout().map(|time| one.tcp_user_timeout(*time));
        config.get_keepalives_interval().map(|time| one.keepalives_interval(time));
        config.get_keepalives_retries().map(|retries| one.keepalives_retries(retries));
        match hosts.get(index) {
            Some(tokio_postgres::config::Host::Tcp(name)) => drop(one.host(name)),
            Some(tokio_postgres::config::Host::Unix(path)) => drop(one.host_path(path)),
            None => {}
        }
        addresses.get(index).map(|address| one.hostaddr(*address));
        ports.get(index).or(ports.first()).map(|port| one.port(*port));
        one
    };
    (0..count).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_of_a_url_has_all_but_the_others() {
        let url =
            "postgres://user@a:1,b:2/name?password=word&target_session_attrs=read-write&connect_timeout=2";
        let config: Config = url.parse().unwrap();
        let [first, second] = &each_server(&config)[..] else { panic!("two servers") };
        let alone = |host: &str| -> Config { url.replace("a:1,b:2", host).parse().unwrap() };
        assert_eq!((first, second), (&alone("a:1"), &alone("b:2")));
        assert_eq!(each_server(first), [alone("a:1")]);
    }
}
