//! Signing in with a provider of OpenID Connect (Core 1.0, Discovery 1.0): authorization code flow with PKCE (RFC 7636).
//! Ends with what the provider calls somebody; what that means here, others know.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod claims;
mod jws;
mod provider;
mod trip;

pub use claims::ClaimError;
pub use jws::JwsError;
pub use provider::{Error, Provider, Settings};
pub use trip::Trip;
