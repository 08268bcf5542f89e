//! The real server, in this process, on a port of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use base::{Clock, Entropy};
use kernel::Kernel;
use merkle::SignerKey;
use notices::cosigners::Cosigners;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use store::Store;
use taizhang::{Config, Surroundings};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::Client;

/// The installation that every town is of.
pub(crate) const NAME: &str = "ledger.example";

struct Seeded(StdRng);

impl Entropy for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}

/// Bytes that follow from a seed: the same salts and secrets in every run.
pub fn seeded(seed: u64) -> Box<dyn Entropy> {
    Box::new(Seeded(StdRng::seed_from_u64(seed)))
}

/// The key of an installation: every town's is the same.
pub fn signer(name: &str) -> SignerKey {
    SignerKey::from_seed(name, [7; 32]).unwrap()
}

/// A server that answers until it is dropped.
pub struct Site {
    pub kernel: Arc<Kernel>,
    pub base: String,
    cosigners: Option<Cosigners>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Site {
    /// Opens a kernel on a store and serves it.
    pub fn serve(config: &Config, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        let around = Surroundings { clock, entropy: seeded(20_211_210), signer: signer(&config.name) };
        let kernel = taizhang::open_kernel(config, store, around).unwrap();
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let (served, serving) = (kernel.clone(), config.clone());
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
                let config = Config { listen: listener.local_addr().unwrap(), ..serving };
                let app = taizhang::app(&config, served).unwrap();
                tell.send(format!("http://{}", config.listen)).unwrap();
                let stopped = async { drop(stopped.await) };
                taizhang::serve(app, listener, stopped).await.unwrap();
            });
            runtime.shutdown_background();
        });
        let base = told.recv().expect("the server starts");
        let asks = !config.witnesses.is_empty();
        let cosigners = asks.then(|| taizhang::cosigners(config, &kernel).unwrap());
        Self { cosigners, kernel, base, stop: Some(stop), thread: Some(thread) }
    }

    pub fn client(&self) -> Client {
        Client::new(&self.base)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(cosigners) = self.cosigners.take() {
            cosigners.close();
        }
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the server panicked");
        }
    }
}
