//! Who there is: the org tree, the books that its units keep, the posts that answer and the people who hold them for a
//! time. Pure: rows in, answers out; every change is an entry of the root book.

mod changed;
mod kinds;
mod place;
mod room;
mod tree;

pub use changed::Rows;
pub use kinds::{BookOpened, Level, PostAdded, PostHeld, PostLeft, UnitAdded, UnitRenamed, check_name};
pub use place::{PlaceAdded, PlaceKind, PlaceRenamed, Position};
pub use tree::{Book, Holding, LEFT_DAYS_MAX, Place, Post, RegistryError, Tree, Unit};
