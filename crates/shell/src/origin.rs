//! Where a request that changes something was made: on a page of ours, by a program, or on a page of another site.

use axum::http::{HeaderMap, Method, header};

use crate::problem::Problem;
use crate::texts::Both;

/// Refuses what a page of another site makes a browser send, whoever is signed in. Sessions have a token of their own
/// beside this; what nobody signs in for (a complaint, signing in itself) has this alone.
///
/// Browsers say by `Sec-Fetch-Site` what they know, to sites reached over TLS; elsewhere and where they are older, by
/// `Origin`. Whoever sends neither is no browser, or one that keeps the cookie to itself (`SameSite`).
pub fn check(base_url: &str, method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) || is_own(base_url, headers) {
        return Ok(());
    }
    Err(Problem::forbidden(Both::new(
        "请求来自其他网站，未予办理。请在本系统页面中重新提交。",
        "the request came from another site; send it again from a page of this one",
    )))
}

/// Whether a browser says that a link or page of another site led here. Older ones do not say.
pub fn is_foreign(headers: &HeaderMap) -> bool {
    let said = headers.get("sec-fetch-site").map(|said| said.as_bytes());
    said.is_some_and(|said| !matches!(said, b"same-origin" | b"none"))
}

fn is_own(base_url: &str, headers: &HeaderMap) -> bool {
    if headers.contains_key("sec-fetch-site") {
        return !is_foreign(headers);
    }
    let Some(origin) = headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or_default()) else {
        return true;
    };
    // Reached by another name than the configured one, the site is still what the browser speaks to.
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    origin == base_url || (authority.is_some() && authority == host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(pairs: &[(&'static str, &str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        check("https://ledger.example", &Method::POST, &headers).is_ok()
    }

    #[test]
    fn what_another_site_sends_is_refused_and_what_a_program_sends_is_not() {
        assert!(own(&[]));
        assert!(own(&[("origin", "https://ledger.example")]));
        assert!(own(&[("origin", "http://10.0.0.5:8080"), ("host", "10.0.0.5:8080")]));
        assert!(own(&[("sec-fetch-site", "same-origin"), ("origin", "https://another.name")]));
        assert!(own(&[("sec-fetch-site", "none")]));
        for headers in [
            &[("origin", "https://evil.example"), ("host", "ledger.example")][..],
            &[("origin", "null"), ("host", "ledger.example")],
            &[("origin", "null"), ("host", "null")],
            &[("origin", "https://ledger.example.evil.example"), ("host", "ledger.example")],
            &[("origin", "https://evil.example")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site"), ("origin", "https://ledger.example")],
        ] {
            assert!(!own(headers), "{headers:?}");
        }
        let mut foreign = HeaderMap::new();
        foreign.append("origin", "https://evil.example".parse().unwrap());
        check("https://ledger.example", &Method::GET, &foreign).expect("reading changes nothing");
    }
}
