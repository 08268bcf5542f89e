//! The benchmarks, in one command: the server as a process of its own, loaded over real HTTP by clients on the same
//! machine, on both databases, beside a naive baseline on PostgreSQL.
//!
//! `cargo run --release -p bench` prints a table; `-- --sales 10000000` is the run whose figures stand in
//! `BENCHMARKS.md`.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod baseline;
mod capture;
mod client;
mod day;
mod demonstration;
mod ground;
mod matters;
mod pages;
mod queries;
mod reads;
mod sales;
mod server;
mod stats;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use store_postgres::testing::Cluster;

use crate::ground::Ground;
use crate::server::Server;

/// As in the server's own program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What is measured. Everything follows from the seed but the salts and the times.
#[derive(Parser, Debug, Clone)]
pub struct Plan {
    /// Sales that each database is loaded with.
    #[arg(long, default_value_t = 1_000_000)]
    pub sales: u64,
    /// EPCIS events that each database captures after the sales.
    #[arg(long, default_value_t = 200_000)]
    pub events: u64,
    /// Queries of events of each sort.
    #[arg(long, default_value_t = 2_000)]
    pub reads: usize,
    /// Lines of a batch of sales.
    #[arg(long, default_value_t = 500)]
    pub batch: u32,
    /// Scales that sell at the same time, each on a connection of its own.
    #[arg(long, default_value_t = 8)]
    pub scales: u32,
    /// Slips of the lot that is recalled.
    #[arg(long, default_value_t = 100_000)]
    pub recalled: u64,
    /// Matters that each database is loaded with, a fifth of them open.
    #[arg(long, default_value_t = 100_000)]
    pub matters: u64,
    /// Screens that follow a wall during the mixed day.
    #[arg(long, default_value_t = 0)]
    pub viewers: usize,
    /// Seconds that the mixed day goes on at half of what the server keeps up with.
    #[arg(long, default_value_t = 0)]
    pub soak: u64,
    /// Keeps the database of matters or of queries here; one that is there already is not loaded again.
    #[arg(long)]
    pub folder: Option<std::path::PathBuf>,
    #[arg(long, value_enum, default_values_t = [What::Sqlite, What::Postgres, What::Baseline])]
    pub on: Vec<What>,
}

impl Plan {
    /// Batches of each scale that make up so many sales; at least one.
    pub fn batches(&self, sales: u64) -> u64 {
        (sales / u64::from(self.scales) / u64::from(self.batch)).max(1)
    }
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Sqlite,
    Postgres,
    /// Matters, on SQLite.
    Matters,
    /// Matters, on PostgreSQL.
    MattersPostgres,
    /// EPCIS events alone, captured and queried, on SQLite.
    Queries,
    /// EPCIS events alone, captured and queried, on PostgreSQL.
    QueriesPostgres,
    /// The same events as documents in a table of SQLite.
    QueriesBaseline,
    /// The walls of the demonstration year, on SQLite.
    Demonstration,
    /// The mixed day of a city, offered up to saturation and beyond, on SQLite.
    Day,
    /// The same on PostgreSQL.
    DayPostgres,
    /// The same on PostgreSQL with a streaming standby that answers what is read.
    DayReplica,
    /// A table with a JSONB column and a batch a transaction, on PostgreSQL.
    Baseline,
}

fn main() -> ExitCode {
    if let Some(code) = server::serve_if_asked() {
        return code;
    }
    let plan = Plan::parse();
    println!("{plan:?}");
    for what in &plan.on {
        println!("\n## {what:?}");
        match what {
            What::Sqlite => measure(&plan, None),
            What::Postgres => {
                let cluster = Cluster::start().expect("PostgreSQL 15 is installed");
                measure(&plan, Some(cluster.fresh_database()));
            }
            What::Matters => matters::measure(&plan, None),
            What::MattersPostgres => {
                let cluster = Cluster::start().expect("PostgreSQL 15 is installed");
                matters::measure(&plan, Some(cluster.fresh_database()));
            }
            What::Queries => queries::measure(&plan, None),
            What::QueriesPostgres => {
                let cluster = Cluster::start().expect("PostgreSQL 15 is installed");
                queries::measure(&plan, Some(cluster.fresh_database()));
            }
            What::QueriesBaseline => queries::baseline(&plan),
            What::Demonstration => demonstration::measure(),
            What::Day => day::measure(&plan, &[]),
            What::DayPostgres => {
                day::measure(&plan, &[Cluster::start().expect("PostgreSQL 15 is installed")])
            }
            What::DayReplica => {
                let mut server = Cluster::start().expect("PostgreSQL 15 is installed");
                let standby = server.standby(false).expect("a standby follows");
                day::measure(&plan, &[server, standby]);
            }
            What::Baseline => {
                let cluster = Cluster::start().expect("PostgreSQL 15 is installed");
                baseline::measure(&plan, &cluster.fresh_database());
            }
        }
    }
    ExitCode::SUCCESS
}

fn measure(plan: &Plan, database_url: Option<String>) {
    let ground = Ground::lay(plan, database_url);
    let server = Server::start(&ground.config);
    sales::measure(plan, &ground, &server);
    reads::measure(plan, &ground, &server);
    capture::measure(plan, 0, &ground, &server);
    println!("memory of the server, at most: {} MiB", server.memory_peak_mib());
    println!("database: {} MiB", ground.database_mib());
}
