use std::fmt;

use base::{BookId, IdError, SubjectId, UnitCode};
use serde::{Deserialize, Serialize};

use crate::MatterError;

macro_rules! subject_of {
    ($(#[$doc:meta])* $name:ident, $scheme:literal, $form:literal, $fits:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[schema(value_type = String)]
        #[serde(try_from = "SubjectId", into = "SubjectId")]
        pub struct $name(SubjectId);

        impl $name {
            pub fn subject(&self) -> &SubjectId {
                &self.0
            }
        }

        impl TryFrom<SubjectId> for $name {
            type Error = MatterError;
            fn try_from(id: SubjectId) -> Result<Self, MatterError> {
                let fits: fn(&SubjectId) -> bool = $fits;
                let is_ours = id.scheme() == $scheme && fits(&id);
                if is_ours { Ok(Self(id)) } else { Err(MatterError::Id(id, $form)) }
            }
        }

        impl From<$name> for SubjectId {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

subject_of!(
    /// A matter: `matter:<book>/<name>`, in the book that it was opened in.
    MatterId,
    "matter",
    "matter:<book>/<name>",
    |id| id.home().is_some_and(|home| BookId::new(home).is_ok()) && !id.local_part().is_empty()
);
subject_of!(
    /// A post (岗位), which answers whoever holds it: `post:<unit>/<name>`.
    PostId,
    "post",
    "post:<unit>/<name>",
    |id| id.home().is_some_and(|home| UnitCode::new(home).is_ok()) && UnitCode::new(id.local_part()).is_ok()
);

impl MatterId {
    /// A matter that is born in a book.
    pub fn local(book: &BookId, name: &str) -> Result<Self, IdError> {
        SubjectId::local("matter", book, name).map(Self)
    }

    /// The book that it was opened in.
    pub fn book(&self) -> BookId {
        let home = self.0.home().and_then(|home| BookId::new(home).ok());
        home.expect("the id was checked to have a book")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matters_and_posts_are_told_from_other_subjects() {
        let id = |text: &str| SubjectId::new(text).unwrap();
        assert!(MatterId::try_from(id("matter:beiyuan/2026-1")).is_ok());
        assert!(PostId::try_from(id("post:371402/chief")).is_ok());
        for text in ["post:371402/", "post:chief", "post:371402/a/b", "matter:beiyuan/1", "https://post/a"] {
            assert!(PostId::try_from(id(text)).is_err(), "{text}");
        }
        assert!(serde_json::from_str::<MatterId>("\"lot:beiyuan/1\"").is_err());
    }
}
