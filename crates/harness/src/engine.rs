//! Where a town's entries are kept.

use std::sync::Arc;

use store::Store;
use store_postgres::testing;
use taizhang::Config;
use tempfile::TempDir;

use crate::site::NAME;

/// The databases that every promise holds on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// A folder of its own, and a fresh database in it or on the server that all tests of a process share.
pub struct Place {
    pub engine: Engine,
    pub folder: TempDir,
    pub database_url: Option<String>,
}

impl Engine {
    /// `None`, after a note, where there is no PostgreSQL.
    pub fn place(self) -> Option<Place> {
        let database_url = match self {
            Self::Sqlite => None,
            Self::Postgres => Some(testing::shared()?.fresh_database()),
        };
        Some(Place { engine: self, folder: tempfile::tempdir().unwrap(), database_url })
    }
}

impl Place {
    /// A configuration whose data is here.
    pub fn config(&self) -> Config {
        Config {
            data: self.folder.path().to_owned(),
            database_url: self.database_url.clone(),
            name: NAME.into(),
            ..Config::default()
        }
    }

    /// The store, opened.
    pub fn store(&self) -> Arc<dyn Store> {
        taizhang::open_store(&self.config()).unwrap()
    }
}
