/// True for scheme, colon, and something behind it, without spaces, quotes or control characters (RFC 3986).
///
/// A compact IRI (`example:thing`) has this shape too, and stands wherever a URI may.
pub(crate) fn is_absolute(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let mut letters = scheme.bytes();
    let first = letters.next().is_some_and(|c| c.is_ascii_alphabetic());
    let clean = !rest.contains(|c: char| c.is_whitespace() || c.is_control() || "<>\"{}|\\^`".contains(c));
    first
        && letters.all(|c| c.is_ascii_alphanumeric() || b"+-._".contains(&c))
        && !rest.is_empty()
        && rest != "//"
        && clean
}
