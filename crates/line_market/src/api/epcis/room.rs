//! Documents in hand: their bytes, and room for what these come to until they are recorded or refused.

use axum::body::Bytes;
use axum::extract::Request;
use base::limits::REQUEST_BYTES_MAX;
use shell::Problem;
use shell::extract::body;
use tokio::sync::{Semaphore, SemaphorePermit};

/// What all documents in hand may come to in memory.
const KIBIBYTES_MAX: u32 = 256 * 1024;
/// What an object or list of JSON, or an element of XML, may come to.
const BYTES_PER_NODE: usize = 1_024;

static ROOM: Semaphore = Semaphore::const_new(KIBIBYTES_MAX as usize);

/// Kept until the document is done with.
pub type Room = SemaphorePermit<'static>;

/// The bytes of a document, once there is room for it; whoever comes first is served first.
pub async fn document(request: Request) -> Result<(Bytes, Room), Problem> {
    let bytes = body(request, REQUEST_BYTES_MAX).await?;
    let nodes = bytes.iter().filter(|byte| matches!(byte, b'{' | b'[' | b'<')).count();
    let kibibytes = u32::try_from((bytes.len() * 4 + nodes * BYTES_PER_NODE) / 1_024).unwrap_or(u32::MAX);
    let room = ROOM.acquire_many(kibibytes.clamp(1, KIBIBYTES_MAX)).await;
    Ok((bytes, room.expect("nobody closes it")))
}
