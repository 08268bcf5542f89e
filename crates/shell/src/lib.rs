//! The web face of Taizhang: what every page, table, chart and error looks like, in both languages.
//!
//! The presentational half (texts, formats, tables, charts, problems) is pure: structs in, markup or bytes out. The
//! other half (`app`, `viewer`, `api`, `pages`) joins it to the kernel. Neither knows a line; a line hands its own
//! texts, templates and routes in.

#![cfg_attr(test, allow(clippy::unwrap_used))]

// The macros name the shell's types as other crates do.
extern crate self as shell;

pub mod api;
pub mod app;
pub mod assets;
pub mod caller;
pub mod chart;
mod csrf;
pub mod curves;
mod daily;
pub mod docket;
pub mod evidence;
pub mod export;
pub mod extract;
pub mod format;
pub mod headers;
pub mod health;
pub mod href;
pub mod limits;
pub mod live;
pub mod once;
mod origin;
pub mod pages;
pub mod parts;
pub mod photo;
pub mod problem;
pub mod qr;
pub mod room;
pub mod rows;
pub mod said;
pub mod seats;
pub mod site;
mod still;
pub mod table;
pub mod texts;
pub mod turns;
pub mod typed;
pub mod view;
pub mod viewer;
pub mod wall;

pub use app::{App, NavEntry, Site};
pub use problem::Problem;
pub use table::{TableQuery, TableSpec};
pub use texts::{Both, Lang, T, Texts};
pub use view::Frame;
pub use viewer::Viewer;
