//! `taizhang ready`

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use taizhang::{Config, Error};

use super::say;

const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the server of the configuration whether it is ready, as drills and containers have to.
pub fn run(config: &Config) -> Result<ExitCode, Error> {
    let address = nearest(config.listen);
    let refused = |reason: String| Error::Refused(format!("{address} is not ready: {reason}"));
    let answer = ask(address).map_err(|error| refused(error.to_string()))?;
    let status = answer.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        return Err(refused(status.to_owned()));
    }
    say("ready");
    Ok(ExitCode::SUCCESS)
}

/// A server that listens everywhere is reached here.
fn nearest(listen: SocketAddr) -> SocketAddr {
    let here = match listen.ip() {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    };
    SocketAddr::new(here, listen.port())
}

fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer)?;
    Ok(answer)
}
