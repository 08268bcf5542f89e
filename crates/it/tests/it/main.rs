//! The product as its users meet it: over HTTP, on both databases.

#![allow(clippy::unwrap_used)]

mod access;
mod aftermath;
mod audit;
mod binary;
mod crash;
mod descent;
mod disk;
mod duties;
mod epcis;
mod faults;
mod figure_laws;
mod figures;
mod forms;
mod inbox;
mod matters;
mod nodes;
mod notices;
mod office;
mod outside;
mod overload;
mod owed;
mod places;
mod plans;
mod project_laws;
mod project_pages;
mod projects;
mod proofs;
mod proxies;
mod public;
mod refusals;
mod second_step;
mod simulation;
mod spread;
mod story;
mod trespass;
mod upkeep;
mod wall;
mod web;
mod witness;
