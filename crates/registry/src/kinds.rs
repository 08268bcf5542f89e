use base::{AccountId, BookId, Day, SubjectId, UnitCode, limits::NAME_CHARS_MAX};
use ledger::{Body, BodyError, Rule, check_text};
use serde::{Deserialize, Serialize};

/// What an org unit is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// A prefecture-level city (地级市) or a municipality; its code is of GB/T 2260.
    City,
    /// A county, district or county-level city (县级); its code is of GB/T 2260.
    County,
    /// A functional zone (功能区), which GB/T 2260 does not know.
    Zone,
    /// A township or subdistrict (乡镇、街道).
    Town,
    Bureau,
    Market,
    Plant,
    Other,
}

impl Level {
    pub const ALL: [Self; 8] = [
        Self::City,
        Self::County,
        Self::Zone,
        Self::Town,
        Self::Bureau,
        Self::Market,
        Self::Plant,
        Self::Other,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::City => "city",
            Self::County => "county",
            Self::Zone => "zone",
            Self::Town => "town",
            Self::Bureau => "bureau",
            Self::Market => "market",
            Self::Plant => "plant",
            Self::Other => "other",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == text)
    }
}

/// A unit joined the org tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnitAdded {
    #[schema(value_type = String)]
    pub code: UnitCode,
    /// The unit above; only the root has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub parent: Option<UnitCode>,
    pub level: Level,
    pub title_zh: String,
    pub title_en: String,
}

/// A unit was given other titles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnitRenamed {
    #[schema(value_type = String)]
    pub unit: UnitCode,
    pub title_zh: String,
    pub title_en: String,
}

/// A unit opened a book for a line of work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BookOpened {
    #[schema(value_type = String)]
    pub book: BookId,
    #[schema(value_type = String)]
    pub unit: UnitCode,
    /// The line of work whose entries it takes, such as `market`.
    pub line: String,
    pub title_zh: String,
    pub title_en: String,
}

/// A post (岗位) was set up: it answers, whoever holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostAdded {
    /// `post:<unit>/<name>`.
    #[schema(value_type = String)]
    pub post: SubjectId,
    #[schema(value_type = String)]
    pub unit: UnitCode,
    pub title_zh: String,
    pub title_en: String,
}

/// Somebody holds a post from a day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostHeld {
    #[schema(value_type = String)]
    pub post: SubjectId,
    #[schema(value_type = String)]
    pub account: AccountId,
    /// The first day.
    #[schema(value_type = String, format = Date)]
    pub from: Day,
    /// The last day, where it is known beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    pub until: Option<Day>,
}

/// The holder of a post left it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostLeft {
    #[schema(value_type = String)]
    pub post: SubjectId,
    #[schema(value_type = String)]
    pub account: AccountId,
    /// The last day on which the post was held; the day before the first, where it is taken back.
    #[schema(value_type = String, format = Date)]
    pub until: Day,
}

impl Body for UnitAdded {
    const KIND: &'static str = "kernel.unit.added";

    fn check(&self) -> Result<(), BodyError> {
        check_titles(&self.title_zh, &self.title_en)?;
        let code = self.code.as_str();
        let fits = match self.level {
            Level::City => {
                is_division(code)
                    && code.ends_with("00")
                    && (!code.ends_with("0000") || is_municipality(code))
            }
            Level::County => is_division(code) && !code.ends_with("00"),
            _ => true,
        };
        if !fits {
            let detail = format!("is not the code that GB/T 2260 gives a {}", self.level.as_str());
            return Err(BodyError::new("code", Rule::Format, detail));
        }
        if self.parent.as_ref() == Some(&self.code) {
            return Err(BodyError::new("parent", Rule::Consistency, "is the unit itself"));
        }
        Ok(())
    }
}

impl Body for UnitRenamed {
    const KIND: &'static str = "kernel.unit.renamed";

    fn check(&self) -> Result<(), BodyError> {
        check_titles(&self.title_zh, &self.title_en)
    }
}

impl Body for BookOpened {
    const KIND: &'static str = "kernel.book.opened";

    fn check(&self) -> Result<(), BodyError> {
        check_titles(&self.title_zh, &self.title_en)?;
        check_name("line", &self.line)
    }
}

impl Body for PostAdded {
    const KIND: &'static str = "kernel.post.added";

    fn check(&self) -> Result<(), BodyError> {
        check_titles(&self.title_zh, &self.title_en)?;
        check_post(&self.post)?;
        if self.post.home() != Some(self.unit.as_str()) {
            return Err(BodyError::new("post", Rule::Consistency, "names another unit"));
        }
        Ok(())
    }
}

impl Body for PostHeld {
    const KIND: &'static str = "kernel.post.held";

    fn check(&self) -> Result<(), BodyError> {
        check_post(&self.post)?;
        match self.until {
            Some(until) if until < self.from => {
                Err(BodyError::new("until", Rule::Consistency, "lies before the first day"))
            }
            _ => Ok(()),
        }
    }
}

impl Body for PostLeft {
    const KIND: &'static str = "kernel.post.left";
    const SOUGHT: bool = true;

    fn check(&self) -> Result<(), BodyError> {
        check_post(&self.post)
    }
}

/// Refuses what is not a short name of lower-case letters, digits and `_`, such as a line's or a role's.
pub fn check_name(field: &str, name: &str) -> Result<(), BodyError> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() || name.len() > 40 || !name.chars().all(fits) {
        let detail = "must be 1 to 40 lower-case letters, digits and \"_\"";
        return Err(BodyError::new(field, Rule::Format, detail));
    }
    Ok(())
}

fn check_titles(zh: &str, en: &str) -> Result<(), BodyError> {
    check_text("title_zh", zh, NAME_CHARS_MAX)?;
    check_text("title_en", en, NAME_CHARS_MAX)
}

fn check_post(post: &SubjectId) -> Result<(), BodyError> {
    let is_slug = |text: &str| UnitCode::new(text).is_ok();
    if post.scheme() == "post" && post.home().is_some_and(is_slug) && is_slug(post.local_part()) {
        return Ok(());
    }
    Err(BodyError::new("post", Rule::Format, "is not of the form post:<unit>/<name>"))
}

/// Six digits, the first two those of a province-level division (GB/T 2260-2007, table 1).
pub(crate) fn is_division(code: &str) -> bool {
    const PROVINCES: [&str; 34] = [
        "11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41", "42",
        "43", "44", "45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "71", "81", "82",
    ];
    code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()) && PROVINCES.contains(&&code[..2])
}

/// Beijing, Tianjin, Shanghai and Chongqing are cities of the rank of a province.
pub(crate) fn is_municipality(code: &str) -> bool {
    matches!(code, "110000" | "120000" | "310000" | "500000")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(code: &str, level: Level) -> UnitAdded {
        let title = "x".to_owned();
        UnitAdded {
            code: UnitCode::new(code).unwrap(),
            parent: None,
            level,
            title_zh: title.clone(),
            title_en: title,
        }
    }

    #[test]
    fn governments_carry_codes_of_gb_t_2260_and_others_any() {
        for code in ["371400", "110000", "659000"] {
            assert_eq!(unit(code, Level::City).check(), Ok(()), "{code}");
        }
        for code in ["371402", "110101", "419001"] {
            assert_eq!(unit(code, Level::County).check(), Ok(()), "{code}");
        }
        for (code, level) in [
            ("370000", Level::City),
            ("371402", Level::City),
            ("371400", Level::County),
            ("991402", Level::County),
            ("37140", Level::County),
            ("dezhou", Level::City),
        ] {
            assert_eq!(unit(code, level).check().unwrap_err().field, "code", "{code}");
        }
        assert_eq!(unit("beiyuan", Level::Market).check(), Ok(()));
    }

    #[test]
    fn a_post_stands_in_its_unit_and_ends_after_it_begins() {
        let id = |text| SubjectId::new(text).unwrap();
        let added = |post, unit| PostAdded {
            post: id(post),
            unit: UnitCode::new(unit).unwrap(),
            title_zh: "经理".into(),
            title_en: "Manager".into(),
        };
        assert_eq!(added("post:beiyuan/manager", "beiyuan").check(), Ok(()));
        assert_eq!(added("post:beiyuan/manager", "371402").check().unwrap_err().rule, Rule::Consistency);
        for post in ["lot:beiyuan/manager", "post:manager", "post:beiyuan/a/b", "post:beiyuan/"] {
            assert_eq!(added(post, "beiyuan").check().unwrap_err().rule, Rule::Format, "{post}");
        }
        let held = |from, until| PostHeld {
            post: id("post:beiyuan/manager"),
            account: AccountId::new("wei").unwrap(),
            from: Day(from),
            until,
        };
        assert_eq!(held(10, Some(Day(10))).check(), Ok(()));
        assert_eq!(held(10, Some(Day(9))).check().unwrap_err().field, "until");
    }
}
