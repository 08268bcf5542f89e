//! What a notice says, in both languages.

use kernel::notices::{Claim, What};
use serde::Serialize;

/// A notice in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Message {
    /// Names the notice: one that comes twice carries the same.
    pub id: String,
    pub what: What,
    /// The matter, or whatever else it is about.
    pub about: String,
    /// The post that is told.
    pub post: String,
    pub title_zh: &'static str,
    pub title_en: &'static str,
    pub text_zh: String,
    pub text_en: String,
    /// The page that it leads to.
    pub url: String,
    /// When it was put out, RFC 3339.
    pub at: String,
}

impl Message {
    pub fn of(claim: &Claim, base_url: &str) -> Self {
        let (title_zh, title_en) = titles(claim.what);
        Self {
            id: claim.notice.clone(),
            what: claim.what,
            about: claim.about.to_string(),
            post: claim.contact.post.to_string(),
            title_zh,
            title_en,
            text_zh: claim.text_zh.clone(),
            text_en: claim.text_en.clone(),
            url: url(claim, base_url),
            at: claim.enqueued.to_string(),
        }
    }

    pub fn subject(&self) -> String {
        format!("{} / {}", self.title_zh, self.title_en)
    }

    /// The text of an e-mail.
    pub fn text(&self) -> String {
        let Self { text_zh, text_en, url, .. } = self;
        format!(
            "{text_zh}\n请登录查看：{url}\n\n{text_en}\nSee {url}\n\n-- \n本邮件由台账系统自动发出，请勿回复。\n\
             Sent by Taizhang; nobody reads replies.\n"
        )
    }
}

fn titles(what: What) -> (&'static str, &'static str) {
    match what {
        What::Opened => ("您有新的待办事项", "A new matter for you"),
        What::HandedOver => ("有事项移交您办理", "A matter was handed over to you"),
        What::Reopened => ("事项重新启动，请您办理", "A matter was reopened for you"),
        What::Returned => ("事项被退回，请继续办理", "A matter was returned to you"),
        What::Submitted => ("有事项报结，请您审核", "A matter waits for your review"),
        What::Escalated => ("事项升级督办", "A matter was escalated"),
        What::Tried => ("联系方式测试", "A contact was tried"),
    }
}

/// The page of a matter; the front page for whatever has none.
fn url(claim: &Claim, base_url: &str) -> String {
    match (claim.about.scheme(), claim.about.home()) {
        ("matter", Some(book)) => format!("{base_url}/matters/{book}/{}", escaped(claim.about.local_part())),
        _ => format!("{base_url}/"),
    }
}

fn escaped(text: &str) -> String {
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
