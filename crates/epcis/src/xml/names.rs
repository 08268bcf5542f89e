//! Member names of JSON as element names of XML: what a name may not hold in XML is written `_xHHHH_`, as SQL/XML
//! (ISO/IEC 9075-14) does.

use std::borrow::Cow;

/// A name without a colon (Namespaces in XML 1.0) for any text.
pub(crate) fn encode(name: &str) -> Cow<'_, str> {
    let fits = |(i, c): (usize, char)| if i == 0 { is_start(c) } else { is_inner(c) };
    if !name.is_empty() && name.char_indices().all(fits) && !name.contains("_x") {
        return Cow::Borrowed(name);
    }
    if name.is_empty() {
        return Cow::Borrowed(EMPTY);
    }
    let mut out = String::with_capacity(name.len() + 16);
    for (i, c) in name.char_indices() {
        let escapes = c == '_' && name[i..].starts_with("_x");
        if fits((i, c)) && !escapes {
            out.push(c);
        } else {
            out.push_str(&format!("_x{:04X}_", u32::from(c)));
        }
    }
    Cow::Owned(out)
}

/// The text behind a name that [`encode`] wrote; other names as they are.
pub(crate) fn decode(name: &str) -> Cow<'_, str> {
    if !name.contains("_x") {
        return Cow::Borrowed(name);
    }
    if name == EMPTY {
        return Cow::Borrowed("");
    }
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find("_x") {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let escaped = rest[2..].split_once('_').filter(|(hex, _)| (4..=6).contains(&hex.len()));
        match escaped.and_then(|(hex, after)| Some((hexadecimal(hex)?, after))) {
            Some((c, after)) => {
                out.push(c);
                rest = after;
            }
            None => {
                out.push_str("_x");
                rest = &rest[2..];
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// No name is empty; no text holds this character.
const EMPTY: &str = "_x0000_";

fn hexadecimal(digits: &str) -> Option<char> {
    let upper = |c: u8| c.is_ascii_digit() || (b'A'..=b'F').contains(&c);
    if !digits.bytes().all(upper) {
        return None;
    }
    u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)
}

fn is_start(c: char) -> bool {
    matches!(c, 'A'..='Z' | '_' | 'a'..='z' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{10000}'..='\u{EFFFF}')
}

fn is_inner(c: char) -> bool {
    is_start(c)
        || matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_a_name_and_comes_back() {
        for (text, name) in [
            ("grade", "grade"),
            ("等级", "等级"),
            ("", "_x0000_"),
            ("1st", "_x0031_st"),
            ("a b", "a_x0020_b"),
            ("@type", "_x0040_type"),
            ("a_x0020_b", "a_x005F_x0020_b"),
            ("_x", "_x005F_x"),
            ("😀:x", "😀_x003A_x"),
        ] {
            assert_eq!(encode(text), name);
            assert_eq!(decode(name), text);
        }
        assert_eq!(decode("my_xyz_name"), "my_xyz_name");
    }
}
