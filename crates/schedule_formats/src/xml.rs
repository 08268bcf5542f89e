use crate::FormatError;

/// The five entities that XML itself defines; no others are known.
pub(crate) fn predefined(name: &[u8]) -> Result<char, FormatError> {
    Ok(match name {
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        _ => return Err(FormatError::Xml("an entity is not defined".to_owned())),
    })
}
