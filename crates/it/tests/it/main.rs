//! The product as its users meet it: over HTTP, on both databases.

#![allow(clippy::unwrap_used)]

mod access;
mod aftermath;
mod audit;
mod binary;
mod crash;
mod descent;
mod disk;
mod drills;
mod duties;
mod epcis;
mod faults;
mod figure_laws;
mod figures;
mod forms;
mod inbox;
mod intrusions;
mod matters;
mod monitoring;
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
mod provider;
mod proxies;
mod public;
mod refusals;
mod replica;
mod second_step;
mod simulation;
mod spread;
mod story;
mod upgrade;
mod upkeep;
mod wall;
mod web;
mod witness;
