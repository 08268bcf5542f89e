//! The org tree of the demonstration.

use base::ActorId;
use kernel::Kernel;
use registry::{BookOpened, PlaceAdded, PostAdded, UnitAdded};
use serde::Deserialize;

use crate::Error;

/// A file such as `demo/registry.json`: units, those above first.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Org {
    units: Vec<UnitAdded>,
    books: Vec<BookOpened>,
    places: Vec<PlaceAdded>,
    posts: Vec<PostAdded>,
}

/// Adds what is not there yet. A file that begins with a unit below no other founds the installation.
pub(crate) fn load(kernel: &Kernel, by: &ActorId, file: &'static str, text: &str) -> Result<(), Error> {
    let org: Org = serde_json::from_str(text).map_err(|error| Error::File {
        file,
        line: error.line(),
        reason: error.to_string(),
    })?;
    let tree = kernel.tree()?;
    let (roots, below): (Vec<_>, Vec<_>) = org.units.iter().partition(|unit| unit.parent.is_none());
    for root in roots {
        match tree.root() {
            None => kernel.bootstrap(root.clone())?,
            Some(code) if *code == root.code => {}
            Some(code) => return Err(Error::OtherRoot(code.to_string())),
        }
    }
    for unit in below.into_iter().filter(|unit| tree.unit(&unit.code).is_none()) {
        kernel.add_unit(by, unit.clone())?;
    }
    for book in org.books.iter().filter(|it| tree.book(&it.book).is_none()) {
        kernel.open_book(by, book.clone())?;
    }
    for place in org.places.iter().filter(|it| tree.place(&it.place).is_none()) {
        kernel.add_place(by, place.clone())?;
    }
    for post in org.posts.iter().filter(|it| tree.post(&it.post).is_none()) {
        kernel.add_post(by, post.clone())?;
    }
    Ok(())
}
