//! The demonstration year: its walls, on one machine.

use taizhang::Config;

use crate::ground::NAME;
use crate::matters::token;
use crate::pages;
use crate::server::Server;

pub fn measure() {
    let folder = tempfile::Builder::new().prefix("taizhang-bench").tempdir_in("/var/tmp").unwrap();
    let config = Config { data: folder.path().to_owned(), name: NAME.into(), ..Config::default() };
    let kernel = taizhang::open(&config).unwrap();
    let loaded = demo::load(&kernel, kernel.now()).unwrap();
    kernel.tend_days().unwrap();
    while kernel.tend_matters(1_000).unwrap().looked_at > 0 {}
    let today = kernel.zone().day_of(kernel.now());
    let leader = token(&kernel, "leader", None);
    kernel.stop();
    drop(kernel);
    println!("{} entries", loaded.entries);
    let server = Server::start(&config);
    pages::walls(&server, &leader, today, &["371400", "371481", "beiyuan"]);
    println!("memory of the server, at most: {} MiB", server.memory_peak_mib());
    println!(
        "database: {} MiB",
        taizhang::open_store(&config).unwrap().size_bytes().unwrap() / (1024 * 1024)
    );
}
