//! How much an owner opens in a book on a day: what is named and subscribed to is recorded for good, though it ends at once.

use base::BookId;
use kernel::{AppendError, Desk};
use store::{Param, Value};

use crate::record::Failure;
use crate::refusal::{Code, Refusal};

/// Queries that one owner names in a book on a day of the city, with the subscriptions that are opened to them.
pub const OPENED_OF_DAY_MAX: i64 = 200;

/// Takes one from what the owner has left of the day, or refuses it.
pub fn take(desk: &mut Desk<'_>, book: &BookId, owner: &str, field: &str) -> Result<(), Failure> {
    const OPENED: &str = "select opened from market_opened where book = $1 and owner = $2 and day = $3";
    const OPEN: &str = "insert into market_opened (book, owner, day, opened) values ($1, $2, $3, 1)
        on conflict (book, owner) do update set day = excluded.day,
        opened = 1 + case when market_opened.day = excluded.day then market_opened.opened else 0 end";
    let day = i64::from(desk.zone().day_of(desk.now()).0);
    let asked = [Param::Text(book.as_str()), Param::Text(owner), Param::Int(day)];
    let opened = desk.read()?.query_one(OPENED, &asked)?;
    if opened.map_or(Ok(0), |row| row.int(0))? >= OPENED_OF_DAY_MAX {
        let detail = format!(
            "an owner opens {OPENED_OF_DAY_MAX} queries and subscriptions in a book on a day at most"
        );
        return Err(AppendError::Refused(Refusal::new(Code::OpenedOfDay, field, detail)));
    }
    desk.aside(OPEN, vec![Value::Text(book.to_string()), Value::Text(owner.to_owned()), Value::Int(day)]);
    Ok(())
}
