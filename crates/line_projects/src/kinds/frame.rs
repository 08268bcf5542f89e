//! What projects are grouped by: programmes and industry chains.

use base::Fen;
use matters::PostId;

use super::{body, check_code, check_each, check_fen, check_name};

/// Chains, and programmes, of a book.
pub const GROUPS_MAX: usize = 500;

body! {
    /// A programme (专项) groups projects under one plan of money, such as the renovation of a city's markets.
    ProgrammeFounded = "projects.programme.founded", sought {
        pub programme: String,
        pub title_zh: String,
        pub title_en: Option<String>,
        pub planned_fen: Fen,
    }
    check(this) {
        check_code("programme", &this.programme)?;
        check_name("title_zh", &this.title_zh)?;
        check_each(&this.title_en, |title| check_name("title_en", title))?;
        check_fen("planned_fen", this.planned_fen)
    }
}

body! {
    /// A programme is to cost another sum.
    ProgrammeReplanned = "projects.programme.replanned", sought {
        pub programme: String,
        pub planned_fen: Fen,
        pub reason: String,
        /// The sum until now; written by the recorder.
        #[serde(default)]
        pub before_fen: Fen,
    }
    check(this) {
        check_code("programme", &this.programme)?;
        check_fen("planned_fen", this.planned_fen)?;
        check_name("reason", &this.reason)
    }
}

body! {
    /// An industry chain (产业链) with the post of the leader who answers for it (链长).
    ChainFounded = "projects.chain.founded" {
        pub chain: String,
        pub title_zh: String,
        pub title_en: Option<String>,
        pub leader: PostId,
    }
    check(this) {
        check_code("chain", &this.chain)?;
        check_name("title_zh", &this.title_zh)?;
        check_each(&this.title_en, |title| check_name("title_en", title))
    }
}

body! {
    /// Another post answers for a chain.
    ChainHandedOver = "projects.chain.handed_over" {
        pub chain: String,
        pub leader: PostId,
    }
    check(this) {
        check_code("chain", &this.chain)
    }
}
