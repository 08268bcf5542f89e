//! GS1 Digital Link URIs, uncompressed form, on any domain (GS1 Digital Link Standard: URI Syntax 1.4).

mod ai;

use std::borrow::Cow;
use std::fmt::{self, Write};

pub use ai::{AIS, Ai, Charset, Component};

use crate::Rule;

/// The domain of the canonical form.
pub const CANONICAL_BASE: &str = "https://id.gs1.org";

/// An AI with its value, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    pub ai: &'static Ai,
    pub value: String,
}

impl Element {
    /// A checked pair; a GTIN of 8, 12 or 13 digits is filled to 14.
    pub fn new(code: &str, value: &str) -> Result<Self, Rule> {
        let ai = Ai::find(code).ok_or_else(|| Rule::NotDigitalLink(code.to_owned()))?;
        let value = match ai.code {
            "01" => gtin14(value).unwrap_or_else(|| value.to_owned()),
            _ => value.to_owned(),
        };
        ai.check(&value)?;
        Ok(Self { ai, value })
    }
}

/// A parsed Digital Link: base, key, qualifiers in their order, and what follows the question mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigitalLink {
    /// Scheme, authority and any leading path, without a slash at the end.
    pub base: String,
    pub key: Element,
    pub qualifiers: Vec<Element>,
    /// Decoded pairs of the query string: AIs that describe (such as 17), or a resolver's own names.
    pub attributes: Vec<(String, String)>,
}

impl DigitalLink {
    /// Builds a link; the qualifiers must follow the key in the order that GS1 lays down.
    pub fn new(base: &str, key: Element, qualifiers: Vec<Element>) -> Result<Self, Rule> {
        let base = base.trim_end_matches('/');
        if !has_authority(base) {
            return Err(Rule::NotDigitalLink(base.to_owned()));
        }
        Self::below(base, key, qualifiers)
    }

    /// Builds a link below a base that was looked at.
    fn below(base: &str, key: Element, qualifiers: Vec<Element>) -> Result<Self, Rule> {
        check_chain(&key, &qualifiers)?;
        Ok(Self { base: base.to_owned(), key, qualifiers, attributes: Vec::new() })
    }

    /// Reads a link. The key is the last one in the path, so a domain may hang links below any folder.
    pub fn parse(uri: &str) -> Result<Self, Rule> {
        let refuse = || Rule::NotDigitalLink(uri.to_owned());
        let uri_bare = uri.split_once('#').map_or(uri, |(before, _)| before);
        let (path, query) = uri_bare.split_once('?').unwrap_or((uri_bare, ""));
        let mut rest = path.strip_suffix('/').unwrap_or(path);
        let mut qualifiers = Vec::new();
        // What stands before the last value holds every shorter base.
        let is_clean = path
            .strip_suffix('/')
            .unwrap_or(path)
            .rsplit_once('/')
            .is_some_and(|(before, _)| is_clean(before));
        let key = loop {
            let (before, value) = rest.rsplit_once('/').ok_or_else(refuse)?;
            let (base, code) = before.rsplit_once('/').ok_or_else(refuse)?;
            let ai = Ai::find(code).ok_or_else(refuse)?;
            if !is_clean || !begins_with_authority(base) {
                return Err(refuse());
            }
            let element = Element::new(ai.code, &decode(value).ok_or_else(refuse)?)?;
            rest = base;
            if ai.chains.is_some() {
                break element;
            }
            qualifiers.push(element);
        };
        qualifiers.reverse();
        let mut link = Self::below(rest.trim_end_matches('/'), key, qualifiers)?;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name).ok_or_else(refuse)?, decode(value).ok_or_else(refuse)?);
            if let Some(ai) = AIS.iter().find(|ai| ai.code == name) {
                ai.check(&value)?;
            }
            link.attributes.push((name, value));
        }
        Ok(link)
    }

    /// The value of the key or of a qualifier.
    pub fn value(&self, code: &str) -> Option<&str> {
        std::iter::once(&self.key)
            .chain(&self.qualifiers)
            .find(|e| e.ai.code == code)
            .map(|e| e.value.as_str())
    }

    /// The one form of an identity: GS1's domain, no attributes, no consumer product variant, and no lot
    /// beside a serial (as the event hash of CBV 2.0 has it).
    pub fn canonical(&self) -> Self {
        self.clone().into_canonical()
    }

    /// The same, of a link that is not needed otherwise.
    pub fn into_canonical(mut self) -> Self {
        let serialised = self.value("21").is_some();
        self.qualifiers.retain(|e| e.ai.code != "22" && !(serialised && e.ai.code == "10"));
        CANONICAL_BASE.clone_into(&mut self.base);
        self.attributes.clear();
        self
    }
}

impl fmt::Display for DigitalLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)?;
        for element in std::iter::once(&self.key).chain(&self.qualifiers) {
            f.write_char('/')?;
            f.write_str(element.ai.code)?;
            f.write_char('/')?;
            f.write_str(&encoded(&element.value))?;
        }
        for (i, (name, value)) in self.attributes.iter().enumerate() {
            write!(f, "{}{}={}", if i == 0 { '?' } else { '&' }, encode(name), encode(value))?;
        }
        Ok(())
    }
}

/// The GS1 check digit (mod 10, weights 3 and 1 from the right) of digits without their check digit.
pub fn check_digit(digits: &str) -> Option<char> {
    let mut sum = 0_u32;
    for (i, c) in digits.chars().rev().enumerate() {
        sum = (sum + c.to_digit(10)? * if i % 2 == 0 { 3 } else { 1 }) % 10;
    }
    char::from_digit((10 - sum) % 10, 10)
}

/// Fills a GTIN of 8, 12, 13 or 14 digits with zeros to 14; `None` for another length or other characters.
pub fn gtin14(gtin: &str) -> Option<String> {
    let fits = matches!(gtin.len(), 8 | 12 | 13 | 14) && gtin.bytes().all(|c| c.is_ascii_digit());
    fits.then(|| format!("{gtin:0>14}"))
}

/// Percent-encodes everything but the unreserved characters of RFC 3986.
pub fn encode(text: &str) -> String {
    encoded(text).into_owned()
}

fn encoded(text: &str) -> Cow<'_, str> {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    if text.bytes().all(is_unreserved) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_unreserved(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    Cow::Owned(out)
}

/// Decodes percent-encoding; `None` for a broken escape or bytes that are not UTF-8.
pub fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let high = char::from(bytes.next()?).to_digit(16)?;
        let low = char::from(bytes.next()?).to_digit(16)?;
        out.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(out).ok()
}

fn has_authority(base: &str) -> bool {
    is_clean(base) && begins_with_authority(base)
}

/// Whether nothing stands in a text that no base may hold.
fn is_clean(base: &str) -> bool {
    !base.chars().any(|c| matches!(c, '?' | '#' | '<' | '>' | '"') || c.is_whitespace() || c.is_control())
}

fn begins_with_authority(base: &str) -> bool {
    ["https://", "http://"].iter().any(|scheme| {
        let begins = base.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme));
        begins && base.as_bytes().get(scheme.len()).is_some_and(|next| *next != b'/')
    })
}

fn check_chain(key: &Element, qualifiers: &[Element]) -> Result<(), Rule> {
    let chains = key.ai.chains.ok_or_else(|| Rule::NotDigitalLink(key.ai.code.to_owned()))?;
    let follows = |chain: &&[&str]| {
        let mut allowed = chain.iter();
        qualifiers.iter().take_while(|q| allowed.any(|code| *code == q.ai.code)).count()
    };
    // The chain that gets furthest names the qualifier that is out of place.
    let fitting = chains.iter().map(follows).max().unwrap_or(0);
    match qualifiers.get(fitting) {
        None => Ok(()),
        Some(bad) => Err(Rule::Qualifier { key: key.ai.code, qualifier: bad.ai.code }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &str, expected: &str) {
        let printed = match DigitalLink::parse(uri) {
            Ok(link) => link.to_string(),
            Err(rule) => rule.to_string(),
        };
        assert_eq!(printed, expected, "{uri}");
    }

    #[test]
    fn links_of_any_domain_and_folder_are_read_and_written() {
        let same = |uri: &str| check(uri, uri);
        same("https://id.gs1.org/01/09506000134352/21/abc");
        same("http://trace.example.cn:8443/s/01/09506000134352/10/L%2F1/21/7?17=261231&linkType=gs1%3Apip");
        same("https://example.com/414/9506000134376/254/A");
        same("https://example.com/00/095060001343529997");
        same("https://example.com/8010/0614141AB/8011/12");
        check("https://example.com/gtin/9506000134352/lot/A/", "https://example.com/01/09506000134352/10/A");
        check("https://example.com/01/614141999996", "https://example.com/01/00614141999996");
    }

    #[test]
    fn what_breaks_the_syntax_is_refused_with_the_reason() {
        check("https://example.com/01/09506000134353", "check digit of \"09506000134353\" should be 2");
        check("https://example.com/01/09506000134352/8011/1", "AI 8011 does not qualify AI 01 in this place");
        check(
            "https://example.com/01/09506000134352/21/1/10/A",
            "AI 10 does not qualify AI 01 in this place",
        );
        check("https://example.com/01/09506000134352/21/%C3%A9", "AI 21 does not take \"é\"");
        for uri in [
            "",
            "/",
            "https://",
            "https:///01/09506000134352",
            "ftp://a/01/09506000134352",
            "https://a/b/c",
            "https://a/01/%ZZ",
        ] {
            check(uri, &format!("{uri:?} is not a Digital Link with a GS1 key"));
        }
    }

    #[test]
    fn check_digits_follow_the_general_specifications() {
        assert_eq!(check_digit("629104150021"), Some('3'));
        assert_eq!(check_digit("37610425002123456"), Some('9'));
        assert_eq!(check_digit("12a"), None);
    }

    #[test]
    fn the_canonical_form_keeps_the_identity_only() {
        let link = DigitalLink::parse("https://shop.example/x/01/09506000134352/22/2A/10/L1/21/7?17=261231");
        assert_eq!(
            link.map(|l| l.canonical().to_string()),
            Ok("https://id.gs1.org/01/09506000134352/21/7".into())
        );
    }
}
