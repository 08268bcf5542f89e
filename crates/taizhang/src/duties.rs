//! What one node does for all that share a database: the clock of matters, and the bridge to the scales' broker. A node
//! that dies is relieved within seconds; how the database tells is the store's business.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kernel::Kernel;
use line_market::mqtt_bridge::Bridge;
use shell::app::App;
use store::{DUTY_HOLDS, Engine};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::{Config, Error};

/// Between two looks whether a duty is ours, and at what other nodes appended.
const TICK: Duration = Duration::from_millis(1_000);
const FOLLOW: Duration = Duration::from_millis(250);

/// A task that ends with its owner.
pub struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Until when a duty is ours. A process that was stopped, and goes on, finds that over.
#[derive(Clone)]
pub struct Held(watch::Receiver<Instant>);

impl Held {
    /// Waits until the duty is ours; false when it will never be.
    pub async fn is_ours(&mut self) -> bool {
        self.0.wait_for(|until| Instant::now() < *until).await.is_ok()
    }

    /// Waits until it may have changed hands since `until` was read; false when it will not be looked at any more.
    async fn changes(&mut self, until: Instant) -> bool {
        tokio::select! {
            changed = self.0.changed() => changed.is_ok(),
            () = tokio::time::sleep_until(until.into()), if Instant::now() < until => true,
        }
    }
}

/// Watches whether a duty is ours; gives it up when the task is dropped.
pub fn watch(kernel: &Arc<Kernel>, name: &'static str) -> (Held, Task) {
    let (sender, receiver) = watch::channel(Instant::now());
    let mut duty = kernel.store().duty(name);
    let kernel = kernel.clone();
    let task = tokio::spawn(async move {
        let mut was_ours = false;
        loop {
            let asked = Instant::now();
            let looked = tokio::task::spawn_blocking(move || {
                let is_ours = duty.is_ours();
                (duty, is_ours)
            });
            let Ok((back, is_ours)) = looked.await else { break };
            duty = back;
            kernel.pulse().set_duty(name, is_ours);
            if was_ours != is_ours {
                tracing::info!(duty = name, ours = is_ours, "a duty changed hands");
            }
            was_ours = is_ours;
            sender.send_replace(if is_ours { asked + DUTY_HOLDS } else { asked });
            tokio::time::sleep(TICK).await;
        }
        // Whoever waits for the duty must not think that it stays.
        sender.send_replace(Instant::now());
    });
    (Held(receiver), Task(task))
}

/// Tells this node's listeners what other nodes append, where there may be others.
pub fn follow(kernel: Arc<Kernel>) -> Option<Task> {
    (kernel.store().engine() == Engine::Postgres).then(|| {
        Task(tokio::spawn(async move {
            loop {
                let kernel = kernel.clone();
                match tokio::task::spawn_blocking(move || kernel.follow()).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::warn!(%error, "other nodes cannot be followed"),
                    Err(_) => break,
                }
                tokio::time::sleep(FOLLOW).await;
            }
        }))
    })
}

/// The bridge to the scales' broker, on the node whose duty it is.
pub struct Bridging {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Connects the broker that the configuration names while the duty is ours. Settings that can never work are errors.
pub fn bridge(config: &Config, app: &App) -> Result<Option<Bridging>, Error> {
    let Some(settings) = crate::mqtt_settings(config) else { return Ok(None) };
    settings.check().map_err(|error| Error::Config(error.to_string()))?;
    let (stop, mut stopped) = watch::channel(false);
    let (mut ours, watching) = watch(&app.kernel, "mqtt");
    let app = app.clone();
    let task = tokio::spawn(async move {
        let _watching = watching;
        let mut bridge: Option<Bridge> = None;
        loop {
            let until = *ours.0.borrow_and_update();
            let is_ours = Instant::now() < until;
            match bridge.take() {
                None if is_ours => match line_market::mqtt_bridge::start(app.clone(), settings.clone()) {
                    Ok(started) => bridge = Some(started),
                    Err(error) => tracing::error!(%error, "the bridge to the scales cannot start"),
                },
                Some(started) if !is_ours => started.close().await,
                as_it_was => bridge = as_it_was,
            }
            let goes_on = tokio::select! {
                goes_on = ours.changes(until) => goes_on,
                _ = stopped.changed() => false,
            };
            if !goes_on {
                break;
            }
        }
        if let Some(bridge) = bridge {
            bridge.close().await;
        }
    });
    Ok(Some(Bridging { stop, task }))
}

impl Bridging {
    /// Finishes what is under way and takes leave of the broker.
    pub async fn close(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the bridge to the scales did not end well");
        }
    }
}
