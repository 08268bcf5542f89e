use std::borrow::Cow;

use crate::digital_link::{CANONICAL_BASE, DigitalLink};
use crate::moment;
use crate::urn;
use crate::vocabulary::Vocabulary;

/// A value of a member of the standard, in the one form that is hashed.
pub(super) fn standard_value(parent: &str, name: &str, value: &str) -> String {
    let words = match (parent, name) {
        (_, "eventTime" | "time" | "startTime" | "endTime") => return instant(value),
        (_, "bizStep") => Vocabulary::BizStep,
        (_, "disposition" | "set" | "unset") => Vocabulary::Disposition,
        ("bizTransactionList", "type") => Vocabulary::BizTransactionType,
        ("sourceList" | "destinationList", "type") => Vocabulary::SourceDestinationType,
        ("sensorReport", "type") => Vocabulary::Measurement,
        ("sensorReport", "exception") => Vocabulary::SensorAlert,
        ("sensorReport", "component") => Vocabulary::SensorComponent,
        _ => return extension_value(value),
    };
    if value.contains([':', '/']) {
        return web_word(value);
    }
    format!("{}{value}", words.web())
}

/// A value of a user extension: a GS1 key as a link, a number through a 64-bit float.
pub(super) fn extension_value(value: &str) -> String {
    let value = web_word(value);
    match link(&value) {
        Some(link) => link,
        None => number(&value).into_owned(),
    }
}

/// The web form of a word of the standard vocabularies that is written as URN or compact IRI.
fn web_word(value: &str) -> String {
    const FORMS: &[(&str, &str)] = &[
        ("gs1:", "https://gs1.org/voc/"),
        ("cbv:", "https://ref.gs1.org/cbv/"),
        ("urn:epcglobal:cbv:bizstep:", "https://ref.gs1.org/cbv/BizStep-"),
        ("urn:epcglobal:cbv:disp:", "https://ref.gs1.org/cbv/Disp-"),
        ("urn:epcglobal:cbv:btt:", "https://ref.gs1.org/cbv/BTT-"),
        ("urn:epcglobal:cbv:sdt:", "https://ref.gs1.org/cbv/SDT-"),
        ("urn:epcglobal:cbv:er:", "https://ref.gs1.org/cbv/ER-"),
    ];
    let web = |(from, to): &(&str, &str)| value.strip_prefix(from).map(|word| format!("{to}{word}"));
    FORMS.iter().find_map(web).unwrap_or_else(|| value.to_owned())
}

/// The canonical link of a GS1 key, with as much percent-encoding as the published hashes have.
fn link(uri: &str) -> Option<String> {
    let link = if uri.starts_with("urn:epc:") {
        urn::to_digital_link(uri, CANONICAL_BASE).ok()?
    } else if uri.starts_with("http") {
        DigitalLink::parse(uri).ok()?
    } else {
        return None;
    };
    let link = link.canonical();
    let mut out = link.base;
    for element in std::iter::once(&link.key).chain(&link.qualifiers) {
        out.push('/');
        out.push_str(element.ai.code);
        out.push('/');
        for c in element.value.chars() {
            match c {
                '"' | '%' | '&' | '/' | '<' | '>' | '?' | '#' | '!' | '(' | ')' | '*' | '+' | ',' | ':' => {
                    out.push_str(&format!("%{:02X}", u32::from(c)));
                }
                _ => out.push(c),
            }
        }
    }
    Some(out)
}

/// UTC with milliseconds, rounded; what is no moment stays as it is.
fn instant(value: &str) -> String {
    let Some(exact) = moment::exact(value) else { return value.to_owned() };
    let digit = |i: usize| exact.fraction.as_bytes().get(i).map_or(0, |c| i64::from(c - b'0'));
    let ms = digit(0) * 100 + digit(1) * 10 + digit(2) + i64::from(digit(3) >= 5);
    moment::utc_text(exact.seconds_utc * 1000 + ms)
}

/// A number as the published hashes have it: through a 64-bit float, whole ones with every digit of that.
fn number(value: &str) -> Cow<'_, str> {
    let numeric = |c: u8| c.is_ascii_digit() || b".-+eE".contains(&c);
    if value.is_empty() || !value.bytes().all(numeric) {
        return Cow::Borrowed(value);
    }
    match value.parse::<f64>() {
        // Zero has one form: adding it takes the sign from another zero.
        Ok(number) if number.is_finite() && number.fract() == 0.0 => {
            Cow::Owned(format!("{:.0}", number + 0.0))
        }
        Ok(number) if number.is_finite() => Cow::Owned(number.to_string()),
        _ => Cow::Borrowed(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_their_hashed_form() {
        for (written, hashed) in [
            ("200.0", "200"),
            ("-0.0", "0"),
            ("0.3434", "0.3434"),
            ("111100001111000011110000", "111100001111000003641344"),
            ("nan", "nan"),
            ("1e999", "1e999"),
            (
                "urn:epc:id:sgtin:0614141.112345.a%2Fb(c)",
                "https://id.gs1.org/01/10614141123459/21/a%2Fb%28c%29",
            ),
            (
                "https://shop.example/01/10614141123459/10/L/21/7?17=261231",
                "https://id.gs1.org/01/10614141123459/21/7",
            ),
            ("https://example.com/2020/01/05", "https://example.com/2020/01/05"),
        ] {
            assert_eq!(extension_value(written), hashed);
        }
    }

    #[test]
    fn moments_are_rounded_to_the_millisecond() {
        assert_eq!(instant("2023-02-02T12:04:03.1415+01:00"), "2023-02-02T11:04:03.142Z");
        assert_eq!(instant("2023-12-31T23:59:59.9995Z"), "2024-01-01T00:00:00.000Z");
        assert_eq!(instant("yesterday"), "yesterday");
    }
}
