//! Reading numbers off a page: all of them, each with where it leads.

use base::{BookId, Seq};

/// A number, or words with one in them, and the address that it is a link to.
#[derive(Debug, Clone)]
pub struct Number {
    pub href: String,
    pub text: String,
    pub shown: Shown,
}

/// What a number says of what lies behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    Sum(i64),
    Ratio(i64, i64),
    /// What a figure came to in the same days of the year before.
    Before(i64),
    Target(i64),
    /// Days that a matter is overdue.
    Days(i32),
    /// In words of an entry or matter.
    Said,
}

impl Shown {
    pub fn sort(&self) -> &'static str {
        match self {
            Self::Sum(_) => "sum",
            Self::Ratio(..) => "ratio",
            Self::Before(_) => "before",
            Self::Target(_) => "target",
            Self::Days(_) => "days",
            Self::Said => "said",
        }
    }
}

/// The part of a wall that changes.
pub fn board(page: &str) -> &str {
    page.split_once("<main id=\"board\">").unwrap().1.split_once("</main>").unwrap().0
}

/// A tag with its attributes, or text.
enum Piece<'a> {
    Tag(&'a str),
    Text(&'a str),
}

fn pieces(markup: &str) -> impl Iterator<Item = Piece<'_>> {
    markup.split('<').flat_map(|piece| {
        let (tag, text) = piece.split_once('>').unwrap_or(("", piece));
        [Piece::Tag(tag), Piece::Text(text)]
    })
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split_once(&format!(" {name}=\""))?.1.split('"').next()?;
    Some(value.replace("&amp;", "&").replace("&#38;", "&"))
}

fn number(tag: &str, name: &str) -> Option<i64> {
    attribute(tag, name)?.parse().ok()
}

fn shown(tag: &str) -> Shown {
    let ratio = number(tag, "data-numerator").zip(number(tag, "data-denominator"));
    if let Some((numerator, denominator)) = ratio {
        return Shown::Ratio(numerator, denominator);
    }
    let days = number(tag, "data-days").and_then(|days| days.try_into().ok()).map(Shown::Days);
    let plain = |name, of: fn(i64) -> Shown| number(tag, name).map(of);
    plain("data-amount", Shown::Sum)
        .or_else(|| plain("data-before", Shown::Before))
        .or_else(|| plain("data-target", Shown::Target))
        .or(days)
        .unwrap_or(Shown::Said)
}

/// The numbers of a piece of a page that are links.
///
/// # Panics
/// On a wall, if one is none: all but times and the names of posts.
pub fn numbers(markup: &str) -> Vec<Number> {
    let is_wall = markup.contains("class=\"strip\"");
    let (mut found, mut link, mut exempt) = (Vec::new(), None::<Number>, false);
    for piece in pieces(markup) {
        match piece {
            Piece::Tag("/a") => {
                found.extend(link.take().filter(|it| it.text.contains(|c: char| c.is_ascii_digit())));
            }
            Piece::Tag(tag) if tag.starts_with("a ") => {
                let href = attribute(tag, "href").unwrap_or_default();
                link = Some(Number { href, text: String::new(), shown: shown(tag) });
            }
            Piece::Tag(tag) => {
                let class = attribute(tag, "class");
                exempt = class.is_some_and(|class| ["as-of", "time", "who"].contains(&class.as_str()));
            }
            Piece::Text(text) => match &mut link {
                Some(number) => number.text.push_str(text),
                None => assert!(
                    !is_wall || exempt || !text.contains(|c: char| c.is_ascii_digit()),
                    "{text:?} leads nowhere"
                ),
            },
        }
    }
    found
}

/// The entries that a figure's page lists.
pub fn entries(page: &str) -> Vec<(BookId, Seq)> {
    let table = page.split_once("id=\"entries\"").map_or("", |(_, table)| table);
    let mut found: Vec<(BookId, Seq)> = Vec::new();
    for piece in pieces(table) {
        let Piece::Tag(tag) = piece else { continue };
        let Some(href) = attribute(tag, "href").filter(|href| href.ends_with("#proof")) else { continue };
        let place = href.strip_prefix("/ledger/").and_then(|it| it.strip_suffix("#proof")).unwrap();
        let (book, seq) = place.split_once('/').unwrap();
        found.push((BookId::new(book).unwrap(), Seq(seq.parse().unwrap())));
    }
    found
}

/// Where the entries go on.
pub fn next(page: &str) -> Option<String> {
    let tags = pieces(page).filter_map(|piece| match piece {
        Piece::Tag(tag) if tag.starts_with("a rel=\"next\"") => attribute(tag, "href"),
        _ => None,
    });
    tags.last()
}
