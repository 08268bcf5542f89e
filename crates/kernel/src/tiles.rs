use base::BookId;
use merkle::{TileId, TileSource};
use store::{Param, StoreError, Tx};

use crate::schema::READ_TILE;

/// The stored tiles of one book.
pub struct StoredTiles<'a> {
    pub tx: &'a mut dyn Tx,
    pub book: &'a BookId,
}

impl TileSource for StoredTiles<'_> {
    type Error = StoreError;

    fn tile(&mut self, id: TileId) -> Result<Option<Vec<u8>>, StoreError> {
        // No book has one so far out, whoever asks for it.
        let Ok(index) = i64::try_from(id.index) else { return Ok(None) };
        let params = [Param::Text(self.book.as_str()), Param::Int(i64::from(id.level)), Param::Int(index)];
        let row = self.tx.query_one(READ_TILE, &params)?;
        row.map(|row| row.blob(0).map(<[u8]>::to_vec)).transpose()
    }
}

/// Brings an error of the tree back to the store's, where it came from.
pub(crate) fn store_error(error: merkle::Error) -> StoreError {
    match error {
        merkle::Error::Source(source) => match source.downcast::<StoreError>() {
            Ok(error) => *error,
            Err(other) => StoreError::Schema(other.to_string()),
        },
        other => StoreError::Schema(other.to_string()),
    }
}
