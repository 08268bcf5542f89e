//! EPC URNs and Digital Links, one into the other (EPC Tag Data Standard 2.0, sections 6 and 7; CBV 2.0, section 8).
//!
//! A URN says where the company prefix ends and a Digital Link does not: the way back needs that length.

use std::borrow::Cow;

use crate::Rule;
use crate::digital_link::{CANONICAL_BASE, DigitalLink, Element, check_digit};

/// Turns an EPC URN (`urn:epc:id:`, `urn:epc:class:`, `urn:epc:idpat:` with a final `*`) into a link on `base`.
pub fn to_digital_link(urn: &str, base: &str) -> Result<DigitalLink, Rule> {
    let refuse = || Rule::Urn(urn.to_owned());
    if !urn.is_ascii() {
        return Err(refuse());
    }
    let (scheme, body) = split_scheme(urn).ok_or_else(refuse)?;
    let pattern = scheme.starts_with("idpat:");
    // Only a pattern ends in a wildcard; a serial may well be an asterisk.
    let body = if pattern { body.strip_suffix(".*").ok_or_else(refuse)? } else { body };
    let (prefix, rest) = body.split_once('.').ok_or_else(refuse)?;
    if !(6..=12).contains(&prefix.len()) || !is_digits(prefix) {
        return Err(refuse());
    }
    let fields = |n: usize| -> Option<Vec<&str>> {
        let fields: Vec<&str> = rest.splitn(n, '.').collect();
        (fields.len() == n).then_some(fields)
    };
    let (key, value, qualifier) = match scheme {
        "id:sgtin" => {
            let f = fields(2).ok_or_else(refuse)?;
            ("01", turned(prefix, f[0], 13), Some(("21", f[1])))
        }
        "class:lgtin" => {
            let f = fields(2).ok_or_else(refuse)?;
            ("01", turned(prefix, f[0], 13), Some(("10", f[1])))
        }
        "id:upui" => {
            let f = fields(2).ok_or_else(refuse)?;
            ("01", turned(prefix, f[0], 13), Some(("235", f[1])))
        }
        "idpat:sgtin" | "idpat:upui" => ("01", turned(prefix, rest, 13), None),
        "id:sscc" => ("00", turned(prefix, rest, 17), None),
        "id:sgln" => {
            let f = fields(2).ok_or_else(refuse)?;
            ("414", closed(prefix, f[0], 12), Some(("254", f[1])).filter(|(_, ext)| *ext != "0"))
        }
        "id:pgln" => ("417", closed(prefix, rest, 12), None),
        "id:gsrn" => ("8018", closed(prefix, rest, 17), None),
        "id:gsrnp" => ("8017", closed(prefix, rest, 17), None),
        "id:gsin" => ("402", closed(prefix, rest, 16), None),
        "id:ginc" => ("401", joined(prefix, rest), None),
        "id:giai" => ("8004", joined(prefix, rest), None),
        "id:grai" | "id:gdti" | "id:sgcn" => {
            let f = fields(2).ok_or_else(refuse)?;
            let serial = unescape(f[1]).filter(|serial| !serial.is_empty()).ok_or_else(refuse)?;
            let class = closed(prefix, f[0], 12);
            let (key, zero) = with_serial(scheme);
            (key, class.map(|class| format!("{zero}{class}{serial}")), None)
        }
        "idpat:grai" | "idpat:gdti" | "idpat:sgcn" => {
            let (key, zero) = with_serial(scheme);
            (key, closed(prefix, rest, 12).map(|class| format!("{zero}{class}")), None)
        }
        "id:cpi" => {
            let f = fields(2).ok_or_else(refuse)?;
            ("8010", joined(prefix, f[0]), Some(("8011", f[1])))
        }
        "idpat:cpi" => ("8010", joined(prefix, rest), None),
        "id:itip" => {
            let f = fields(4).ok_or_else(refuse)?;
            ("8006", turned(prefix, f[0], 13).map(|g| g + f[1] + f[2]), Some(("21", f[3])))
        }
        "idpat:itip" => {
            let f = fields(3).ok_or_else(refuse)?;
            ("8006", turned(prefix, f[0], 13).map(|g| g + f[1] + f[2]), None)
        }
        _ => return Err(refuse()),
    };
    let key = Element::new(key, &value.ok_or_else(refuse)?).map_err(|_| refuse())?;
    let mut qualifiers = Vec::new();
    if let Some((code, value)) = qualifier {
        let value = unescape(value).ok_or_else(refuse)?;
        qualifiers.push(Element::new(code, &value).map_err(|_| refuse())?);
    }
    DigitalLink::new(base, key, qualifiers)
}

/// Turns a link into its EPC URN; a class without serial or lot becomes a pattern (`urn:epc:idpat:...*`).
///
/// Attributes, a consumer product variant and a lot beside a serial have no place in a URN and are left out.
pub fn to_urn(link: &DigitalLink, prefix_digits: usize) -> Result<String, Rule> {
    let n = prefix_digits;
    if !(6..=12).contains(&n) {
        return Err(Rule::PrefixLength(n));
    }
    let link = link.canonical();
    let key = link.key.value.as_str();
    let qualifier = |code: &str| link.value(code).map(escape);
    let digits = |from: usize, to: usize| key.get(from..to).ok_or(Rule::PrefixLength(n));
    // The indicator or extension digit moves behind the prefix.
    let turned = |end: usize| -> Result<String, Rule> {
        Ok(format!("{}.{}{}", digits(1, 1 + n)?, digits(0, 1)?, digits(1 + n, end)?))
    };
    let plain = |start: usize, end: usize| -> Result<String, Rule> {
        Ok(format!("{}.{}", digits(start, start + n)?, digits(start + n, end)?))
    };
    let serial_after = |scheme: &str, start: usize| -> Result<String, Rule> {
        let class = plain(start, start + 12)?;
        Ok(match digits(start + 13, key.len())? {
            "" => format!("urn:epc:idpat:{scheme}:{class}.*"),
            serial => format!("urn:epc:id:{scheme}:{class}.{}", escape(serial)),
        })
    };
    Ok(match link.key.ai.code {
        "01" => match (qualifier("21"), qualifier("10"), qualifier("235")) {
            (Some(serial), ..) => format!("urn:epc:id:sgtin:{}.{serial}", turned(13)?),
            (_, Some(lot), _) => format!("urn:epc:class:lgtin:{}.{lot}", turned(13)?),
            (.., Some(tpx)) => format!("urn:epc:id:upui:{}.{tpx}", turned(13)?),
            _ => format!("urn:epc:idpat:sgtin:{}.*", turned(13)?),
        },
        "00" => format!("urn:epc:id:sscc:{}", turned(17)?),
        "414" => {
            format!("urn:epc:id:sgln:{}.{}", plain(0, 12)?, qualifier("254").as_deref().unwrap_or("0"))
        }
        "417" => format!("urn:epc:id:pgln:{}", plain(0, 12)?),
        "8017" => format!("urn:epc:id:gsrnp:{}", plain(0, 17)?),
        "8018" => format!("urn:epc:id:gsrn:{}", plain(0, 17)?),
        "402" => format!("urn:epc:id:gsin:{}", plain(0, 16)?),
        code @ ("401" | "8004" | "8010") => {
            let (prefix, rest) = (digits(0, n)?, digits(n, key.len())?);
            if !is_digits(prefix) || rest.is_empty() {
                return Err(Rule::PrefixLength(n));
            }
            let body = format!("{prefix}.{}", escape(rest));
            match (code, qualifier("8011")) {
                ("401", _) => format!("urn:epc:id:ginc:{body}"),
                ("8004", _) => format!("urn:epc:id:giai:{body}"),
                (_, Some(serial)) => format!("urn:epc:id:cpi:{body}.{serial}"),
                _ => format!("urn:epc:idpat:cpi:{body}.*"),
            }
        }
        "8003" => serial_after("grai", 1)?,
        "253" => serial_after("gdti", 0)?,
        "255" => serial_after("sgcn", 0)?,
        "8006" => {
            let body = format!("{}.{}.{}", turned(13)?, digits(14, 16)?, digits(16, 18)?);
            match (qualifier("21"), qualifier("10")) {
                (Some(serial), _) => format!("urn:epc:id:itip:{body}.{serial}"),
                (None, None) => format!("urn:epc:idpat:itip:{body}.*"),
                _ => return Err(Rule::NoUrn(link.to_string())),
            }
        }
        _ => return Err(Rule::NoUrn(link.to_string())),
    })
}

/// The one form under which an identifier is compared and indexed: the canonical Digital Link of a GS1 key,
/// whether it came as URN or as link of any domain; every other URI as it stands.
pub fn canonical(uri: &str) -> Cow<'_, str> {
    let link = if uri.starts_with("urn:epc:") {
        to_digital_link(uri, CANONICAL_BASE)
    } else if uri.starts_with("http") {
        DigitalLink::parse(uri)
    } else {
        return Cow::Borrowed(uri);
    };
    link.map_or(Cow::Borrowed(uri), |link| Cow::Owned(link.into_canonical().to_string()))
}

/// Schemes of EPC URNs whose shape is checked; others (`gid`, `usdod`, `bic`, ...) name no GS1 key.
pub(crate) fn is_gs1_urn(uri: &str) -> bool {
    const SCHEMES: &[&str] = &[
        "sgtin", "lgtin", "upui", "sscc", "sgln", "pgln", "gsrn", "gsrnp", "gsin", "ginc", "giai", "grai",
        "gdti", "sgcn", "cpi", "itip",
    ];
    split_scheme(uri)
        .and_then(|(scheme, _)| scheme.split_once(':'))
        .is_some_and(|(_, s)| SCHEMES.contains(&s))
}

/// `urn:epc:id:sgtin:...` as (`id:sgtin`, `...`).
fn split_scheme(urn: &str) -> Option<(&str, &str)> {
    let rest = urn.strip_prefix("urn:epc:")?;
    let kind = rest.find(':')?;
    let end = kind + 1 + rest.get(kind + 1..)?.find(':')?;
    Some((rest.get(..end)?, rest.get(end + 1..)?))
}

fn with_serial(scheme: &str) -> (&'static str, &'static str) {
    match scheme.split_once(':') {
        Some((_, "grai")) => ("8003", "0"),
        Some((_, "gdti")) => ("253", ""),
        _ => ("255", ""),
    }
}

/// Prefix and reference with the first digit of the reference in front, and the check digit behind.
fn turned(prefix: &str, reference: &str, length: usize) -> Option<String> {
    if reference.is_empty() || !reference.is_ascii() {
        return None;
    }
    let (first, rest) = reference.split_at(1);
    checked(format!("{first}{prefix}{rest}"), length)
}

fn closed(prefix: &str, reference: &str, length: usize) -> Option<String> {
    checked(format!("{prefix}{reference}"), length)
}

fn checked(mut digits: String, length: usize) -> Option<String> {
    if digits.len() != length {
        return None;
    }
    digits.push(check_digit(&digits)?);
    Some(digits)
}

fn joined(prefix: &str, reference: &str) -> Option<String> {
    let reference = unescape(reference).filter(|reference| !reference.is_empty())?;
    Some(format!("{prefix}{reference}"))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit())
}

/// The characters of the 82 that a URN must escape (Tag Data Standard, section 6.3.1 and appendix A).
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '%' | '&' | '/' | '<' | '>' | '?' | '#' => out.push_str(&format!("%{:02X}", u32::from(c))),
            _ => out.push(c),
        }
    }
    out
}

fn unescape(text: &str) -> Option<String> {
    let raw = |c: u8| c.is_ascii_alphanumeric() || b"-._!'()*+,:;=%".contains(&c);
    if text.bytes().all(raw) { crate::digital_link::decode(text) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// URN, path of its link, digits of the company prefix.
    const GOLDEN: &[(&str, &str, usize)] = &[
        ("urn:epc:id:sgtin:0614141.112345.400", "/01/10614141123459/21/400", 7),
        ("urn:epc:id:sgtin:0614141.112345.32a%2Fb", "/01/10614141123459/21/32a%2Fb", 7),
        ("urn:epc:id:sgtin:0614141.112345.(a)!", "/01/10614141123459/21/%28a%29%21", 7),
        ("urn:epc:class:lgtin:4012345.012345.998877", "/01/04012345123456/10/998877", 7),
        ("urn:epc:idpat:sgtin:4012345.012345.*", "/01/04012345123456", 7),
        ("urn:epc:id:sscc:0614141.1234567890", "/00/106141412345678908", 7),
        ("urn:epc:id:sgln:0614141.12345.0", "/414/0614141123452", 7),
        ("urn:epc:id:sgln:0614141.12345.400", "/414/0614141123452/254/400", 7),
        ("urn:epc:id:sgln:061414112345..0", "/414/0614141123452", 12),
        ("urn:epc:id:pgln:4012345.00225", "/417/4012345002256", 7),
        ("urn:epc:id:grai:0614141.12345.400", "/8003/00614141123452400", 7),
        ("urn:epc:idpat:grai:0614141.12345.*", "/8003/00614141123452", 7),
        ("urn:epc:id:giai:0614141.12345400", "/8004/061414112345400", 7),
        ("urn:epc:id:gsrn:0614141.1234567890", "/8018/061414112345678902", 7),
        ("urn:epc:id:gsrnp:0614141.1234567890", "/8017/061414112345678902", 7),
        ("urn:epc:id:gdti:0614141.12345.400", "/253/0614141123452400", 7),
        ("urn:epc:idpat:gdti:0614141.12345.*", "/253/0614141123452", 7),
        ("urn:epc:id:sgcn:4012345.67890.04711", "/255/401234567890104711", 7),
        ("urn:epc:id:cpi:0614141.123ABC.123456789", "/8010/0614141123ABC/8011/123456789", 7),
        ("urn:epc:id:cpi:0614141.12%2FA%23.1", "/8010/061414112%2FA%23/8011/1", 7),
        ("urn:epc:id:itip:4012345.012345.01.02.987", "/8006/040123451234560102/21/987", 7),
        ("urn:epc:idpat:itip:4012345.012345.01.02.*", "/8006/040123451234560102", 7),
        (
            "urn:epc:id:upui:1234567.089456.51qIgY)%3C%26Jp3*j7'SDB",
            "/01/01234567894560/235/51qIgY%29%3C%26Jp3%2Aj7%27SDB",
            7,
        ),
        ("urn:epc:id:ginc:0614141.xyz47%2F11", "/401/0614141xyz47%2F11", 7),
        ("urn:epc:id:gsin:0614141.123456789", "/402/06141411234567890", 7),
    ];

    #[test]
    fn every_scheme_goes_to_a_link_and_back() {
        for (urn, path, digits) in GOLDEN {
            let link = to_digital_link(urn, "https://id.gs1.org").unwrap_or_else(|e| panic!("{urn}: {e}"));
            assert_eq!(link.to_string(), format!("https://id.gs1.org{path}"), "{urn}");
            let read = DigitalLink::parse(&link.to_string()).expect("a printed link parses");
            assert_eq!(to_urn(&read, *digits).as_deref(), Ok(*urn));
        }
    }

    #[test]
    fn urns_that_are_not_well_formed_are_refused() {
        for urn in [
            "",
            "urn:epc:",
            "urn:epc:id:sgtin",
            "urn:epc:id:sgtin:",
            "urn:epc:id:sgtin:0614141.112345",
            "urn:epc:id:sgtin:0614141.112345.",
            "urn:epc:id:sgtin:0614141.1123456.1",
            "urn:epc:id:sgtin:06141.11123456.1",
            "urn:epc:id:sgtin:0614141.11234x.1",
            "urn:epc:id:sgtin:0614141..1",
            "urn:epc:id:sgtin:0614141.1٣234.1",
            "urn:epc:id:sgtin:0614141.112345.a b",
            "urn:epc:id:sgtin:0614141.112345.%ZZ",
            "urn:epc:id:nope:1234567.1.1",
            "urn:epc:idpat:sgtin:0614141.112345.1",
            "urn:epc:id:grai:0614141.12345.",
            "urn:epc:id:giai:0614141.",
            "urn:epc:id:sgtin:0614141.112345.123456789012345678901",
        ] {
            assert_eq!(to_digital_link(urn, "https://a").err(), Some(Rule::Urn(urn.into())), "{urn}");
        }
    }

    #[test]
    fn a_prefix_length_that_does_not_fit_is_refused() {
        let link = DigitalLink::parse("https://a/8004/AB1").expect("a link");
        for n in [0, 5, 6, 12, 13, usize::MAX] {
            assert_eq!(to_urn(&link, n), Err(Rule::PrefixLength(n)));
        }
    }

    #[test]
    fn urn_and_links_of_any_domain_have_one_canonical_form() {
        let one = canonical("urn:epc:id:sgtin:0614141.112345.400");
        assert_eq!(one, "https://id.gs1.org/01/10614141123459/21/400");
        assert_eq!(one, canonical("https://brand.example/x/01/10614141123459/10/L/21/400?17=261231"));
        assert_eq!(canonical("https://example.com/2020/01/05"), "https://example.com/2020/01/05");
        assert_eq!(canonical("urn:epc:id:gid:1.2.3"), "urn:epc:id:gid:1.2.3");
    }
}
