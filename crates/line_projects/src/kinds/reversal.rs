//! Corrections: an entry takes back another, and contributes the negative of what that one did.

use base::limits::TEXT_CHARS_MAX;
use ledger::check_text;

use super::body;

body! {
    /// An entry of this book should not have been made. It stays where it is; this one takes back what it added.
    EntryReversed = "projects.entry.reversed" {
        /// The number of the entry in this book.
        pub entry: u64,
        pub reason: String,
        /// The kind of that entry; written by the recorder.
        #[serde(default)]
        pub kind: String,
        /// The body of that entry; written by the recorder.
        #[serde(default)]
        #[schema(value_type = Object)]
        pub body: serde_json::Value,
    }
    check(this) {
        check_text("reason", &this.reason, TEXT_CHARS_MAX)
    }
}
