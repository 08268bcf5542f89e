//! Steps that are recorded once.

use std::fmt::Display;

use base::{ActorId, BookId};
use epcis::{Document, Limits};
use kernel::{AppendError, Desk, Kernel};
use line_market::epcis_events::{self, Mode, Sender};
use line_market::record::{Failure, Input, Recorded, record};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, MARKETS, book, setup};

/// Stands for the content of every step: what a step records is fixed by the release.
const VERSION: &str = "1";
/// The key of the last step.
const DONE: &str = "demo/done";

pub(crate) struct Loader<'k> {
    pub kernel: &'k Kernel,
    pub actor: ActorId,
}

impl Loader<'_> {
    /// Does a step in one transaction, or returns what it returned when it was done.
    pub fn once<T, E, F>(&self, book: &BookId, step: &str, mut work: F) -> Result<T, Error>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        E: Display + Send + 'static,
        F: FnMut(&mut Desk<'_>, &BookId, &ActorId) -> Result<T, AppendError<E>> + Send + 'static,
    {
        let (owned, actor, key) = (book.clone(), self.actor.clone(), format!("demo/{step}"));
        let done = self.kernel.append_blocking(move |desk| {
            desk.take(&owned)?;
            if let Some(first) = desk.answered(&owned, actor.as_str(), &key, VERSION)? {
                return Ok(first);
            }
            let result = work(desk, &owned, &actor)?;
            desk.remember(&owned, actor.as_str(), &key, VERSION, &result);
            Ok(result)
        });
        done.map_err(|error| match error {
            AppendError::Refused(refusal) => Error::Append(format!("{book}, {step}: {refusal}")),
            AppendError::Body(error) => Error::Append(format!("{book}, {step}: {error}")),
            AppendError::Store(error) => Error::Store(error),
            AppendError::UnknownBook(book) => Error::Append(format!("there is no book {book}")),
            AppendError::Busy => Error::Append(format!("{book}, {step}: the writer has too much to do")),
            _ => Error::Append(format!("{book}, {step}: it was not recorded")),
        })
    }

    /// Records that do not refer to each other.
    pub fn records(&self, book: &BookId, step: &str, inputs: Vec<Input>) -> Result<Vec<Recorded>, Error> {
        self.once(book, step, move |desk, book, actor| {
            inputs.iter().map(|input| record(desk, book, actor, input)).collect()
        })
    }

    /// A file of records, each run of one kind at a time.
    pub fn file(&self, book: &BookId, file: &'static str, text: &str) -> Result<(), Error> {
        let inputs = setup::read(text).map_err(|(line, reason)| Error::File { file, line, reason })?;
        for (at, run) in inputs.chunk_by(|a, b| a.kind == b.kind).enumerate() {
            self.once(book, &format!("{file}/{at}"), {
                let run = run.to_vec();
                move |desk, book, actor| {
                    run.iter().try_for_each(|input| record(desk, book, actor, input).map(drop))
                }
            })?;
        }
        Ok(())
    }

    /// The events of the farm and the wholesale market.
    pub fn wholesale(&self, book: &BookId, text: &str) -> Result<(), Error> {
        let file = |reason: String| Error::File { file: "epcis-wholesale.jsonld", line: 1, reason };
        let document =
            Document::parse(text.as_bytes(), &Limits::default()).map_err(|error| file(error.to_string()))?;
        let prepared = epcis_events::prepare(book, &Sender::of(&self.actor), &document);
        self.once(book, "wholesale", move |desk, _, _| prepared.record(desk, Mode::Rollback).map(drop))
    }

    pub fn is_done(&self) -> Result<bool, Error> {
        const FIND: &str = "select digest from answered where book = $1 and actor = $2 and key = $3";
        let params = [MARKETS[0].into(), self.actor.as_str().into(), DONE.into()];
        Ok(self.kernel.read(|tx| tx.query_one(FIND, &params))?.is_some())
    }

    pub fn finish(&self) -> Result<(), Error> {
        self.once(&book(MARKETS[0]), DONE.trim_start_matches("demo/"), |_, _, _| Ok::<_, Failure>(()))
    }
}
