//! Addresses of pages.

use base::{BookId, SubjectId};

/// A text as one segment of a path.
pub fn segment(text: &str) -> String {
    let mut path = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                path.push(char::from(byte))
            }
            other => path.push_str(&format!("%{other:02X}")),
        }
    }
    path
}

/// The page of a matter; none for other subjects.
pub fn matter(subject: &SubjectId) -> Option<String> {
    let book = subject.home().filter(|_| subject.scheme() == "matter")?;
    Some(format!("/matters/{book}/{}", segment(subject.local_part())))
}

/// The entries of a book about a subject.
pub fn about(book: &BookId, subject: &SubjectId) -> String {
    crate::table::with_parameter(&format!("/ledger/{book}"), "about", Some(subject.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matter_has_a_page_whatever_it_is_called() {
        let href = |text: &str| matter(&SubjectId::new(text).unwrap());
        assert_eq!(href("matter:beiyuan/lot-1").as_deref(), Some("/matters/beiyuan/lot-1"));
        assert_eq!(href("matter:beiyuan/a/b?c").as_deref(), Some("/matters/beiyuan/a%2Fb%3Fc"));
        assert_eq!(href("lot:beiyuan/L1"), None);
    }
}
