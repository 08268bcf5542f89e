//! The fuzz targets, driven without a fuzzer: published documents, changed at random from a fixed seed.

use crate::corpora::{files, folder};
use crate::round_trip;

/// Changes of each document.
const CHANGES: usize = 60;

/// The generator of Steele, Lea and Flood (SplitMix64), which needs no crate.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).expect("a small number")
    }
}

fn mutate(text: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    const WORDS: &[&str] = &[
        "\"",
        "<",
        ">",
        "&",
        "&amp;",
        "&#x41;",
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "null",
        "true",
        "-0",
        "1e9",
        "@context",
        "#text",
        "extension",
        "xmlns:a=\"urn:a\"",
        "a:b=\"c\"",
        "<a:b xmlns:a=\"urn:a:\"/>",
        "_x0041_",
        "ObjectEvent",
        "\"a:b\":1,",
        "\"ex\":\"\",",
        "<!--",
        "]]>",
        "\u{1f600}",
        "xml:lang",
        "xsi:type=\"xsd:integer\"",
    ];
    for _ in 0..=random.below(4) {
        let at = random.below(text.len());
        match random.below(6) {
            0 => text[at] ^= 1 << random.below(8),
            1 => drop(text.drain(at..(at + random.below(40)).min(text.len()))),
            2 => {
                let word = WORDS[random.below(WORDS.len())];
                text.splice(at..at, word.bytes());
            }
            3 => {
                let piece = text[at..(at + random.below(200)).min(text.len())].to_vec();
                let to = random.below(text.len());
                text.splice(to..to, piece);
            }
            4 => {
                let from = random.below(other.len());
                let piece = &other[from..(from + random.below(300)).min(other.len())];
                text.splice(at..at, piece.iter().copied());
            }
            _ => text.truncate(at),
        }
        if text.is_empty() {
            return;
        }
    }
}

fn drive(below: &str, endings: &[&str], target: fn(&[u8])) {
    let Some(folder) = folder(below) else { return };
    let mut random = Random(4);
    let seeds: Vec<Vec<u8>> =
        files(&folder, endings).iter().map(|path| std::fs::read(path).expect("a readable file")).collect();
    for at in 0..seeds.len() {
        target(&seeds[at]);
        for _ in 0..CHANGES {
            let mut text = seeds[at].clone();
            let other = &seeds[random.below(seeds.len())];
            mutate(&mut text, other, &mut random);
            target(&text);
        }
    }
}

#[test]
fn changed_json_documents_are_refused_or_come_back() {
    drive("epcis", &["jsonld", "json"], round_trip::json);
}

#[test]
fn changed_xml_documents_are_refused_or_come_back() {
    drive("epcis", &["xml"], round_trip::xml);
}
