use std::fmt;

use serde::{Deserialize, Serialize};

/// The code (项目代码) under which an investment project is known for its whole life, `2107-371481-04-01-123456`.
///
/// GB/T 40058-2021, chapter 4, gives it twenty-four places in five groups, the hyphens among them: four digits of time
/// (year and month), six of the region (GB/T 2260), two of the central department that guides the business, two of the
/// type of project, and six of which five are random and the last checks. Codes that the platform gave before 2021
/// begin with the whole year and end with a running number. Only the form is checked: how the last digit follows from
/// the others is left to the platform, which gives it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String)]
pub struct ProjectCode(String);

/// Why a text is no project code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    #[error("a project code has 24 places, such as 2107-371481-04-01-123456")]
    Shape,
    #[error("{0:?} is neither a year and month (2107) nor a year before 2021")]
    Time(String),
    #[error("{0:?} is not a region of GB/T 2260")]
    Region(String),
}

/// Digits of each group.
const GROUPS: [usize; 5] = [4, 6, 2, 2, 6];

impl ProjectCode {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The region (GB/T 2260) whose authority gave the code.
    pub fn region(&self) -> &str {
        &self.0[5..11]
    }
}

impl TryFrom<String> for ProjectCode {
    type Error = CodeError;

    fn try_from(text: String) -> Result<Self, CodeError> {
        let groups: Vec<&str> = text.split('-').collect();
        let is_digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
        let sizes: Vec<usize> = groups.iter().map(|group| group.len()).collect();
        if sizes != GROUPS || !groups.iter().all(|group| is_digits(group)) {
            return Err(CodeError::Shape);
        }
        let (time, month) = (groups[0], &groups[0][2..]);
        let is_month = ("01"..="12").contains(&month);
        if !is_month && !("2014"..="2020").contains(&time) {
            return Err(CodeError::Time(time.to_owned()));
        }
        // 00 is the country itself, 10 to 90 are provinces and the like.
        let province = &groups[1][..2];
        if province != "00" && !("11"..="91").contains(&province) {
            return Err(CodeError::Region(groups[1].to_owned()));
        }
        Ok(Self(text))
    }
}

impl From<ProjectCode> for String {
    fn from(code: ProjectCode) -> Self {
        code.0
    }
}

impl fmt::Display for ProjectCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_of_the_standard_or_of_the_years_before_it() {
        for text in ["2107-371481-04-01-123456", "2112-000000-04-05-000019", "2019-371481-48-03-012345"] {
            let code = ProjectCode::try_from(text.to_owned()).unwrap();
            assert_eq!((code.as_str(), code.as_str().len()), (text, 24));
        }
        assert_eq!(ProjectCode::try_from("2107-371481-04-01-123456".to_owned()).unwrap().region(), "371481");
    }

    #[test]
    fn what_has_another_shape_is_refused_and_says_why() {
        for (text, error) in [
            ("", CodeError::Shape),
            ("210737148104011234560000", CodeError::Shape),
            ("2107-371481-04-01-12345", CodeError::Shape),
            ("2107-371481-04-01-12345x", CodeError::Shape),
            ("2107-371481-04-01-１２", CodeError::Shape),
            ("2107-371481-0401--123456", CodeError::Shape),
            ("2113-371481-04-01-123456", CodeError::Time("2113".into())),
            ("2021-371481-04-01-123456", CodeError::Time("2021".into())),
            ("2100-371481-04-01-123456", CodeError::Time("2100".into())),
            ("2107-991481-04-01-123456", CodeError::Region("991481".into())),
        ] {
            assert_eq!(ProjectCode::try_from(text.to_owned()), Err(error), "{text:?}");
        }
    }
}
