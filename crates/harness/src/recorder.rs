//! A store that writes down every statement that is sent to it, for those who ask what the database is asked.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use store::{Engine, Insert, Param, Row, Store, StoreError, Tx, Value, WriteTx, Writer};

/// A statement with the values of each time that it was sent, without repetition.
pub type Heard = BTreeMap<String, Vec<Vec<Value>>>;

/// Rows of a table: its name, its columns, and the cells of each bulk insert.
pub type Bulk = BTreeMap<&'static str, (Vec<&'static str>, Vec<Vec<Value>>)>;

/// What was heard so far. Clones share it.
#[derive(Clone, Default)]
pub struct Ear(Arc<Mutex<(Heard, Bulk)>>);

/// The most sets of values that are kept of one statement.
const VALUES_KEPT: usize = 20;

impl Ear {
    /// Takes what was heard, and begins anew.
    pub fn take(&self) -> (Heard, Bulk) {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn hear(&self, sql: &str, params: &[Param<'_>]) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sets = heard.0.entry(sql.to_owned()).or_default();
        let set = kept(params);
        if sets.len() < VALUES_KEPT && !sets.contains(&set) {
            sets.push(set);
        }
    }

    fn hear_rows(&self, insert: &Insert, cells: &[Param<'_>]) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let columns = || insert.columns.iter().map(|(name, _)| *name).collect();
        heard.1.entry(insert.table).or_insert_with(|| (columns(), Vec::new())).1.push(kept(cells));
    }
}

fn kept(params: &[Param<'_>]) -> Vec<Value> {
    let keep = |param: &Param<'_>| match *param {
        Param::Null => Value::Null,
        Param::Int(number) => Value::Int(number),
        Param::Text(text) => Value::Text(text.to_owned()),
        Param::Blob(bytes) => Value::Blob(bytes.to_owned()),
    };
    params.iter().map(keep).collect()
}

/// The store that is listened to.
pub struct Recorder {
    inner: Arc<dyn Store>,
    ear: Ear,
}

impl Recorder {
    pub fn new(inner: Arc<dyn Store>, ear: Ear) -> Self {
        Self { inner, ear }
    }
}

impl Store for Recorder {
    fn engine(&self) -> Engine {
        self.inner.engine()
    }

    fn writer(&self) -> Result<Box<dyn Writer>, StoreError> {
        Ok(Box::new(RecordedWriter { inner: self.inner.writer()?, ear: self.ear.clone() }))
    }

    fn read(&self, read: &mut dyn FnMut(&mut dyn Tx) -> Result<(), StoreError>) -> Result<(), StoreError> {
        self.inner.read(&mut |tx| read(&mut RecordedTx { inner: tx, ear: &self.ear }))
    }

    fn backup(&self, to: &Path) -> Result<(), StoreError> {
        self.inner.backup(to)
    }

    fn size_bytes(&self) -> Result<u64, StoreError> {
        self.inner.size_bytes()
    }

    fn duty(&self, name: &str) -> Box<dyn store::Duty> {
        self.inner.duty(name)
    }
}

struct RecordedWriter {
    inner: Box<dyn Writer>,
    ear: Ear,
}

impl Writer for RecordedWriter {
    fn begin(&mut self) -> Result<Box<dyn WriteTx + '_>, StoreError> {
        Ok(Box::new(RecordedWrite { inner: self.inner.begin()?, ear: &self.ear }))
    }

    fn reconnect(&mut self) -> Result<(), StoreError> {
        self.inner.reconnect()
    }
}

struct RecordedTx<'t> {
    inner: &'t mut dyn Tx,
    ear: &'t Ear,
}

impl Tx for RecordedTx<'_> {
    fn query(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
        self.ear.hear(sql, params);
        self.inner.query(sql, params)
    }

    fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError> {
        self.ear.hear(sql, params);
        self.inner.execute(sql, params)
    }

    fn insert_many(&mut self, insert: &Insert, cells: &[Param<'_>]) -> Result<(), StoreError> {
        self.ear.hear_rows(insert, cells);
        self.inner.insert_many(insert, cells)
    }

    fn run_script(&mut self, sql: &str) -> Result<(), StoreError> {
        self.inner.run_script(sql)
    }

    fn lock_schema(&mut self) -> Result<(), StoreError> {
        self.inner.lock_schema()
    }

    fn engine(&self) -> Engine {
        self.inner.engine()
    }
}

struct RecordedWrite<'w> {
    inner: Box<dyn WriteTx + 'w>,
    ear: &'w Ear,
}

impl RecordedWrite<'_> {
    fn tx(&mut self) -> RecordedTx<'_> {
        RecordedTx { inner: self.inner.as_tx(), ear: self.ear }
    }
}

impl Tx for RecordedWrite<'_> {
    fn query(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
        self.tx().query(sql, params)
    }

    fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError> {
        self.tx().execute(sql, params)
    }

    fn insert_many(&mut self, insert: &Insert, cells: &[Param<'_>]) -> Result<(), StoreError> {
        self.tx().insert_many(insert, cells)
    }

    fn run_script(&mut self, sql: &str) -> Result<(), StoreError> {
        self.inner.run_script(sql)
    }

    fn lock_schema(&mut self) -> Result<(), StoreError> {
        self.inner.lock_schema()
    }

    fn engine(&self) -> Engine {
        self.inner.engine()
    }
}

impl WriteTx for RecordedWrite<'_> {
    fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.inner.commit()
    }

    fn as_tx(&mut self) -> &mut dyn Tx {
        self
    }
}
