//! Languages and their texts: Fluent resources, one bundle a language, one handle a request.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

/// A language the pages are written in. Chinese comes first wherever nobody chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Lang {
    /// Simplified Chinese, `zh-CN`.
    #[default]
    Zh,
    /// English, `en`.
    En,
}

/// A language tag that names neither Chinese nor English, or is no tag at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown language {0:?}, expected zh-CN or en")]
pub struct UnknownLanguage(pub String);

impl Lang {
    /// Every language, the first one first.
    pub const ALL: [Lang; 2] = [Lang::Zh, Lang::En];

    /// The BCP 47 tag, as it stands in `lang` attributes and `Content-Language`.
    pub const fn tag(self) -> &'static str {
        match self {
            Lang::Zh => "zh-CN",
            Lang::En => "en",
        }
    }

    /// The language's name in itself, as a language switch shows it.
    pub const fn own_name(self) -> &'static str {
        match self {
            Lang::Zh => "中文",
            Lang::En => "English",
        }
    }

    /// The other language.
    pub const fn other(self) -> Lang {
        match self {
            Lang::Zh => Lang::En,
            Lang::En => Lang::Zh,
        }
    }

    /// The best language for an `Accept-Language` header (RFC 9110, section 12.5.4); Chinese when the header
    /// is absent, malformed or asks for neither.
    pub fn negotiate(accept_language: Option<&str>) -> Lang {
        let mut best: Option<(u16, Lang)> = None;
        for range in accept_language.unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default();
            let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1000), per_mille);
            let lang = if tag == "*" { Some(Lang::default()) } else { tag.parse().ok() };
            if let (Some(lang), Some(weight)) = (lang, weight)
                && weight > best.map_or(0, |(best, _)| best)
            {
                best = Some((weight, lang));
            }
        }
        best.map_or(Lang::default(), |(_, lang)| lang)
    }

    /// What a page is shown in: the `lang` parameter if given, else what was remembered (a cookie), else
    /// the browser's wish. An unknown tag in either of the first two is passed over.
    pub fn choose(parameter: Option<&str>, remembered: Option<&str>, accept_language: Option<&str>) -> Lang {
        let known = |tag: Option<&str>| tag.and_then(|tag| tag.parse().ok());
        known(parameter).or_else(|| known(remembered)).unwrap_or_else(|| Lang::negotiate(accept_language))
    }
}

impl FromStr for Lang {
    type Err = UnknownLanguage;

    /// Reads a tag by its primary subtag: `zh`, `zh-Hans-CN`, `en-GB` and so on, in any case.
    fn from_str(tag: &str) -> Result<Lang, UnknownLanguage> {
        let mut subtags = tag.split('-');
        let primary = subtags.next().unwrap_or_default().to_ascii_lowercase();
        let well_formed =
            subtags.all(|s| (1..=8).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric()));
        match primary.as_str() {
            "zh" if well_formed => Ok(Lang::Zh),
            "en" if well_formed => Ok(Lang::En),
            _ => Err(UnknownLanguage(tag.to_owned())),
        }
    }
}

impl fmt::Display for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tag())
    }
}

/// A quality value, `1`, `0.8`, `0.125`, in thousandths.
fn per_mille(quality: &str) -> Option<u16> {
    let (whole, fraction) = quality.split_once('.').unwrap_or((quality, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let fraction: u16 = format!("{fraction:0<3}").parse().ok()?;
    match whole {
        "0" => Some(fraction),
        "1" if fraction == 0 => Some(1000),
        _ => None,
    }
}

/// A text in both languages, for what is made at run time and may be read in either (errors above all).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Both {
    /// Chinese.
    pub zh: Cow<'static, str>,
    /// English.
    pub en: Cow<'static, str>,
}

impl Both {
    /// A text from its Chinese and its English form.
    pub fn new(zh: impl Into<Cow<'static, str>>, en: impl Into<Cow<'static, str>>) -> Both {
        Both { zh: zh.into(), en: en.into() }
    }

    /// The text in one language.
    pub fn get(&self, lang: Lang) -> &str {
        match lang {
            Lang::Zh => &self.zh,
            Lang::En => &self.en,
        }
    }
}

/// Why a set of texts was refused when the server started.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextsError {
    /// A resource is not valid Fluent.
    #[error("{lang} texts do not parse: {reason}")]
    Syntax { lang: Lang, reason: String },
    /// Two resources of one language define the same key.
    #[error("{lang} texts define {key:?} twice")]
    Twice { lang: Lang, key: String },
}

/// A key that one language lacks, or has with other variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The key.
    pub key: String,
    /// The language that lacks it.
    pub absent_in: Lang,
}

/// All texts of the installation: the shell's own and those of every line.
pub struct Texts {
    zh: FluentBundle<FluentResource>,
    en: FluentBundle<FluentResource>,
    keys: BTreeMap<Lang, BTreeSet<String>>,
}

impl Texts {
    /// The shell's own texts, to be handed in with those of the lines.
    pub const SHELL: [(Lang, &'static str); 16] = [
        (Lang::Zh, include_str!("../texts/zh-CN.ftl")),
        (Lang::Zh, include_str!("../texts/zh-CN/figures.ftl")),
        (Lang::Zh, include_str!("../texts/zh-CN/health.ftl")),
        (Lang::Zh, include_str!("../texts/zh-CN/matters.ftl")),
        (Lang::Zh, include_str!("../texts/zh-CN/notices.ftl")),
        (Lang::Zh, include_str!("../texts/zh-CN/said.ftl")),
        (Lang::Zh, include_str!("../texts/zh-CN/wall.ftl")),
        (Lang::Zh, include_str!("../texts/zh-CN/witness.ftl")),
        (Lang::En, include_str!("../texts/en.ftl")),
        (Lang::En, include_str!("../texts/en/figures.ftl")),
        (Lang::En, include_str!("../texts/en/health.ftl")),
        (Lang::En, include_str!("../texts/en/matters.ftl")),
        (Lang::En, include_str!("../texts/en/notices.ftl")),
        (Lang::En, include_str!("../texts/en/said.ftl")),
        (Lang::En, include_str!("../texts/en/wall.ftl")),
        (Lang::En, include_str!("../texts/en/witness.ftl")),
    ];

    /// Builds the bundles from Fluent resources, several a language.
    pub fn new(resources: impl IntoIterator<Item = (Lang, &'static str)>) -> Result<Texts, TextsError> {
        let mut texts = Texts { zh: bundle(Lang::Zh), en: bundle(Lang::En), keys: BTreeMap::new() };
        for (lang, source) in resources {
            let resource = FluentResource::try_new(source.to_owned())
                .map_err(|(_, errors)| TextsError::Syntax { lang, reason: join(&errors) })?;
            let keys = texts.keys.entry(lang).or_default();
            for entry in resource.entries() {
                if let fluent_syntax::ast::Entry::Message(message) = entry
                    && !keys.insert(message.id.name.to_owned())
                {
                    return Err(TextsError::Twice { lang, key: message.id.name.to_owned() });
                }
            }
            let bundle = match lang {
                Lang::Zh => &mut texts.zh,
                Lang::En => &mut texts.en,
            };
            bundle
                .add_resource(resource)
                .map_err(|errors| TextsError::Syntax { lang, reason: join(&errors) })?;
        }
        Ok(texts)
    }

    /// The keys that only one language has, in order. Empty in a sound installation.
    pub fn missing(&self) -> Vec<Missing> {
        let none = BTreeSet::new();
        let keys = |lang| self.keys.get(&lang).unwrap_or(&none);
        let lacking = |lang: Lang| {
            keys(lang.other())
                .difference(keys(lang))
                .map(move |key| Missing { key: key.clone(), absent_in: lang })
        };
        Lang::ALL.into_iter().flat_map(lacking).collect()
    }

    /// Whether a language has a key.
    pub fn has(&self, lang: Lang, key: &str) -> bool {
        self.keys.get(&lang).is_some_and(|keys| keys.contains(key))
    }

    /// The handle for one request.
    pub fn t(self: &Arc<Self>, lang: Lang) -> T {
        T { texts: Arc::clone(self), lang }
    }

    fn format<'a>(&'a self, lang: Lang, key: &str, args: Option<&'a FluentArgs<'_>>) -> Option<Cow<'a, str>> {
        let bundle = match lang {
            Lang::Zh => &self.zh,
            Lang::En => &self.en,
        };
        let pattern = bundle.get_message(key)?.value()?;
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, args, &mut errors);
        for error in errors {
            tracing::warn!(key, %lang, %error, "text has a fault");
        }
        Some(text)
    }
}

fn bundle(lang: Lang) -> FluentBundle<FluentResource> {
    let id: LanguageIdentifier = lang.tag().parse().expect("our own tags are well-formed");
    let mut bundle = FluentBundle::new_concurrent(vec![id]);
    // Isolation marks are for mixed writing directions; here they would only spoil copied text.
    bundle.set_use_isolating(false);
    bundle
}

fn join(errors: &[impl fmt::Display]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The texts in the language of one request.
#[derive(Clone)]
pub struct T {
    texts: Arc<Texts>,
    lang: Lang,
}

impl T {
    /// The language.
    pub fn lang(&self) -> Lang {
        self.lang
    }

    /// All texts, e.g. to get at the other language.
    pub fn texts(&self) -> &Arc<Texts> {
        &self.texts
    }

    /// A text without variables. An unknown key is logged and comes back as itself, so that it is seen.
    pub fn get(&self, key: &str) -> String {
        self.found(key, self.texts.format(self.lang, key, None))
    }

    /// A text with variables: `t.with("rows-of", &[("n", "12"), ("all", "1,200")])`.
    /// (In a template without the `&`: askama borrows arguments itself.) A number chooses plural forms; what is to be shown with separators is handed in as formatted text.
    pub fn with<'v, V: Into<FluentValue<'v>> + Clone>(&self, key: &str, args: &[(&'v str, V)]) -> String {
        let args: FluentArgs<'v> = args.iter().map(|(name, value)| (*name, value.clone().into())).collect();
        self.found(key, self.texts.format(self.lang, key, Some(&args)))
    }

    fn found(&self, key: &str, text: Option<Cow<'_, str>>) -> String {
        match text {
            Some(text) => text.into_owned(),
            None => {
                tracing::error!(key, lang = %self.lang, "text is missing");
                key.to_owned()
            }
        }
    }
}

impl fmt::Debug for T {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("T").field(&self.lang).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(resources: &[(Lang, &'static str)]) -> Arc<Texts> {
        Arc::new(Texts::new(resources.iter().copied()).expect("texts parse"))
    }

    #[test]
    fn tags_are_read_by_their_primary_subtag() {
        for tag in ["zh", "zh-CN", "ZH-hans-cn", "zh-TW"] {
            assert_eq!(tag.parse(), Ok(Lang::Zh), "{tag}");
        }
        for tag in ["en", "en-GB", "EN-us"] {
            assert_eq!(tag.parse(), Ok(Lang::En), "{tag}");
        }
        for tag in ["", "fr", "english", "zh_CN", "en-", "en-toolongsubtag", "zhx"] {
            assert_eq!(tag.parse::<Lang>(), Err(UnknownLanguage(tag.to_owned())));
        }
    }

    #[test]
    fn negotiation_follows_the_weights_and_falls_back_to_chinese() {
        let cases = [
            (None, Lang::Zh),
            (Some(""), Lang::Zh),
            (Some("fr, de"), Lang::Zh),
            (Some("en"), Lang::En),
            (Some("en-GB,en;q=0.9"), Lang::En),
            (Some("fr;q=1, en;q=0.3, zh;q=0.2"), Lang::En),
            (Some("zh-CN;q=0.5,en;q=0.8"), Lang::En),
            (Some("en;q=0.5, zh;q=0.5"), Lang::En),
            (Some("en;q=0, zh;q=0.1"), Lang::Zh),
            (Some("en;q=9"), Lang::Zh),
            (Some("*;q=0.4, en;q=0.3"), Lang::Zh),
        ];
        for (header, lang) in cases {
            assert_eq!(Lang::negotiate(header), lang, "{header:?}");
        }
    }

    #[test]
    fn a_parameter_beats_the_cookie_and_the_cookie_beats_the_browser() {
        assert_eq!(Lang::choose(Some("en"), Some("zh-CN"), Some("zh")), Lang::En);
        assert_eq!(Lang::choose(Some("xx"), Some("en"), Some("zh")), Lang::En);
        assert_eq!(Lang::choose(None, None, Some("en")), Lang::En);
    }

    #[test]
    fn texts_take_variables_and_choose_plurals() {
        let t = texts(&[(Lang::En, "lots = { $n ->\n    [one] one lot\n   *[other] { $n } lots\n }\n")])
            .t(Lang::En);
        assert_eq!(t.with("lots", &[("n", 1)]), "one lot");
        assert_eq!(t.with("lots", &[("n", 7)]), "7 lots");
        assert_eq!(t.get("nowhere"), "nowhere");
    }

    #[test]
    fn a_key_of_one_language_only_is_reported() {
        let texts = texts(&[(Lang::Zh, "a = 甲\nb = 乙\n"), (Lang::En, "a = A\nc = C\n")]);
        assert_eq!(
            texts.missing(),
            [
                Missing { key: "c".into(), absent_in: Lang::Zh },
                Missing { key: "b".into(), absent_in: Lang::En },
            ]
        );
    }

    #[test]
    fn a_key_defined_twice_or_broken_syntax_stops_the_start() {
        let twice = Texts::new([(Lang::Zh, "a = 甲\n"), (Lang::Zh, "a = 乙\n")]).err();
        assert_eq!(twice, Some(TextsError::Twice { lang: Lang::Zh, key: "a".into() }));
        assert!(matches!(
            Texts::new([(Lang::En, "a = { $n\n")]).err(),
            Some(TextsError::Syntax { lang: Lang::En, .. })
        ));
    }

    #[test]
    fn the_shells_own_texts_are_complete_in_both_languages() {
        assert_eq!(texts(&Texts::SHELL).missing(), []);
    }
}
