//! What a page of a figure reads, in one go.

use base::{BookId, Month};
use figures::Figure;
use kernel::{Behind, Branch, Compared, FigureError, Kernel, Page, Period, Point, Value};

use crate::api::figures::{Question, Reached, reached};
use crate::app::App;
use crate::said;
use crate::texts::T;

/// Entries on a page.
const ENTRIES: usize = 50;
/// Values of a dimension that are shown.
const PARTS: usize = 30;
/// Days that a course is drawn day by day; a longer one goes by months.
const COURSE_DAYS_MAX: i32 = 92;

/// The course of a sum: what each day or month is called and asked for, and its amount.
pub type Course = Vec<(String, Period, i64)>;

/// A value of a dimension, what it is called, and its part of the figure.
pub struct OfValue {
    pub value: String,
    pub title: String,
    pub amount: i64,
}

/// What a page reads of a sum beyond its value.
pub struct OfSum {
    pub course: Course,
    pub by_dimension: Vec<(&'static str, Vec<OfValue>)>,
    pub behind: Page<Behind>,
}

/// What a page reads.
pub struct Read {
    pub value: Value,
    pub compared: Vec<Compared>,
    pub reached: Vec<Reached>,
    pub branches: Vec<(Branch, Value)>,
    pub of_sum: Option<OfSum>,
}

pub fn read(
    kernel: &Kernel,
    naming: &(App, T),
    (name, definition): (&str, Option<&'static Figure>),
    question: &Question,
    cursor: Option<&str>,
) -> Result<Read, FigureError> {
    let (books, period, chosen) = (&question.books, question.period, question.dimension.as_str());
    let of_sum = |figure: &'static Figure| {
        let dimensions = if chosen.is_empty() { figure.dimensions } else { &[] };
        let parts = |dimension: &&'static str| match kernel.by_dimension(name, books, period, dimension) {
            Ok(values) => Ok(Some((*dimension, titled(kernel, naming, books, (name, dimension), values)?))),
            // The figure has more to show than that.
            Err(FigureError::Many { .. }) => Ok(None),
            Err(error) => Err(error),
        };
        Ok::<_, FigureError>(OfSum {
            course: course(kernel, name, books, period, chosen)?,
            by_dimension: dimensions
                .iter()
                .filter_map(|it| parts(it).transpose())
                .collect::<Result<_, FigureError>>()?,
            behind: kernel.behind(name, books, period, chosen, cursor, ENTRIES)?,
        })
    };
    Ok(Read {
        value: kernel.figure(name, books, period, chosen)?,
        compared: kernel.compared(name, books, period, chosen)?,
        reached: reached(kernel, name, question)?,
        branches: kernel.by_branch(name, &question.unit, books, period, chosen)?,
        of_sum: definition.map(of_sum).transpose()?,
    })
}

pub fn course(
    kernel: &Kernel,
    name: &str,
    books: &[BookId],
    period: Period,
    dimension: &str,
) -> Result<Course, FigureError> {
    if period.days() <= COURSE_DAYS_MAX {
        let day = |point: Point| (point.day.to_string(), Period::on(point.day), point.amount);
        return Ok(kernel.series(name, books, period, dimension)?.into_iter().map(day).collect());
    }
    let within =
        |month: Month| Period::new(month.first_day().max(period.from), month.last_day().min(period.to));
    let months = kernel.series_by_month(name, books, period, dimension)?;
    Ok(months.into_iter().map(|(month, amount)| (month.to_string(), within(month), amount)).collect())
}

/// Values of a dimension, the first thirty of them with what they are called in the first book that knows them.
fn titled(
    kernel: &Kernel,
    (app, t): &(App, T),
    books: &[BookId],
    (figure, dimension): (&str, &str),
    values: Vec<(String, i64)>,
) -> Result<Vec<OfValue>, store::StoreError> {
    let of = (said::line(figure), dimension);
    kernel.read(|tx| {
        let mut all = Vec::new();
        for (value, amount) in values.into_iter().take(PARTS) {
            let mut title = value.clone();
            for book in books {
                title = said::value_title(app, tx, t, book, of, &value)?;
                if title != value {
                    break;
                }
            }
            all.push(OfValue { value, title, amount });
        }
        Ok(all)
    })
}
