//! Moving a matter: a form of its own for each move, which keeps what was typed when it is refused.

use askama::Template;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use base::SubjectId;
use base::limits::{EVIDENCE_BYTES_MAX, NAME_CHARS_MAX, TEXT_CHARS_MAX};
use matters::{Due, Event, Extension, Input, Matter, PostId, Term, Verb, Version};

use super::Visit;
use super::history::Told;
use super::sheet::{self, Read, read};
use crate::api::matters::{FileInput, Step, move_matter};
use crate::app::App;
use crate::extract::Path;
use crate::pages::page;
use crate::problem::Problem;
use crate::typed::{File, Sent, Typed};
use crate::view::{Badge, Choice, Crumb, Field, FieldKind, Frame};
use crate::viewer::FORM_BYTES_MAX;
use crate::{docket, evidence, once};

pub fn router() -> Router<App> {
    let limit = DefaultBodyLimit::max(FORM_BYTES_MAX);
    Router::new().route("/matters/{book}/{name}/do/{verb}", get(form).post(act)).layer(limit)
}

/// What may be chosen; phones that keep photos in another format convert them when these are asked for.
const ACCEPT: &str = "image/jpeg,image/png,image/webp,application/pdf";
const FILES: [&str; 3] = ["file", "file2", "file3"];
/// The hidden field of files that came with a form which was refused for something else.
const KEPT: &str = "kept";

#[derive(Template)]
#[template(path = "matters/move.html")]
struct MovePage {
    frame: Frame,
    /// The matter, how it stands and when it is due.
    href: String,
    standing: Badge,
    state: String,
    lead: String,
    /// What others did since the form was shown.
    changed: Vec<Told>,
    error: Option<String>,
    fields: Vec<Field>,
    kept: Vec<String>,
    kept_value: String,
    version: String,
    button: String,
    with_files: bool,
}

fn verb_of(word: &str) -> Result<Verb, Problem> {
    let found = Verb::ALL.into_iter().find(|verb| verb.as_str() == word && !verb.is_of_the_clock());
    found.ok_or_else(Problem::not_found)
}

async fn form(
    Path((book, name, verb)): Path<(String, String, String)>,
    visit: Visit,
) -> Result<Response, Problem> {
    let verb = verb_of(&verb)?;
    let read = read(&visit, &docket::id_of(&book, &name)?).await?;
    let typed = Typed::default()
        .with("version", read.matter.version.to_string())
        .with("effective", visit.app.today().to_string());
    page(&view(&visit, &read, verb, &typed, Vec::new()))
}

async fn act(
    Path((book, name, verb)): Path<(String, String, String)>,
    visit: Visit,
    Sent { mut typed, files }: Sent,
) -> Result<Response, Problem> {
    let verb = verb_of(&verb)?;
    let found = read(&visit, &docket::id_of(&book, &name)?).await?;
    let expected = typed.get("version").parse().map_or(found.matter.version, Version);
    if verb == Verb::Submitted {
        keep(&visit, &found.matter, files, &mut typed).await?;
    }
    let step = step(&visit, &found, verb, &mut typed);
    let mut changed = Vec::new();
    let mut shown = found;
    if let Some(step) = step.filter(|_| typed.is_good()) {
        let form = format!("{} {}", shown.matter.id, verb.as_str());
        let sent = once::Sent::of(&form, typed.values());
        match move_matter(&visit.app, &visit.viewer, &shown.matter, expected, step, sent).await {
            Ok(_) => return Ok(Redirect::to(&sheet::href(&shown.matter)).into_response()),
            Err(problem) => {
                let is_conflict = problem.rule.as_deref() == Some("version");
                let fields = fields(&visit, &shown, verb);
                let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
                typed.refused(visit.lang, once::told(problem), &names)?;
                if is_conflict {
                    shown = read(&visit, &docket::id_of(&book, &name)?).await?;
                    changed = since(&visit, &shown, expected)?;
                    typed.set("version", shown.matter.version.to_string());
                    typed.whole = Some(visit.get("matter-conflict"));
                }
            }
        }
    }
    let again = view(&visit, &shown, verb, &typed, changed);
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&again)?).into_response())
}

/// What people did to a matter after a version.
fn since(visit: &Visit, read: &Read, expected: Version) -> Result<Vec<Told>, Problem> {
    let count = read.matter.version.0.saturating_sub(expected.0) as usize;
    let of_people = read
        .history
        .iter()
        .filter(|entry| matches!(Event::read(entry), Ok(Some(event)) if !event.verb().is_of_the_clock()));
    of_people.take(count).map(|entry| visit.told(entry, &read.gone)).collect()
}

fn view(visit: &Visit, read: &Read, verb: Verb, typed: &Typed, changed: Vec<Told>) -> MovePage {
    let matter = &read.matter;
    let mut frame = visit.frame(format!("{} · {}", visit.verb(verb), matter.title));
    frame.crumbs.push(Crumb { title: matter.title.clone(), href: Some(sheet::href(matter)) });
    let state = if matter.is_paused() { visit.get("matter-paused") } else { visit.state(matter.state) };
    MovePage {
        frame,
        href: sheet::href(matter),
        standing: visit.standing(matter, visit.best(read.rule())),
        state,
        lead: visit.get(&format!("matter-lead-{}", verb.as_str())),
        changed,
        error: typed.whole.clone(),
        fields: fields(visit, read, verb).into_iter().map(|field| filled(typed, field)).collect(),
        kept: kept(typed).into_iter().map(|(_, name)| name).collect(),
        kept_value: typed.get(KEPT).to_owned(),
        version: typed.get("version").to_owned(),
        button: visit.verb(verb),
        with_files: verb == Verb::Submitted,
    }
}

/// A field with what was typed; one that offers a single choice needs none.
fn filled(typed: &Typed, field: Field) -> Field {
    let only = match &field.kind {
        FieldKind::Choice(choices) if choices.len() == 1 => choices.first().map(|it| it.value.clone()),
        _ => None,
    };
    match only {
        Some(value) if typed.get(field.name).is_empty() => typed.field(field).value(value),
        _ => typed.field(field),
    }
}

/// The fields of a move.
fn fields(visit: &Visit, read: &Read, verb: Verb) -> Vec<Field> {
    let matter = &read.matter;
    let label = |key: &str| visit.get(&format!("matter-field-{key}"));
    let choice =
        |name: &'static str, choices: Vec<Choice>| Field::new(name, label(name), FieldKind::Choice(choices));
    let reason =
        || Field::new("reason", label("reason"), FieldKind::Area { chars_max: TEXT_CHARS_MAX }).required();
    let approver = || {
        let posts = docket::approvers(&visit.app, &visit.viewer, matter);
        choice("approver", visit.post_choices(&posts)).required()
    };
    let date = |name: &'static str| Field::new(name, label(name), FieldKind::Date);
    let number = |name: &'static str| Field::new(name, label(name), FieldKind::Number);
    match verb {
        Verb::Submitted => submission(visit, matter),
        Verb::Returned => vec![reason().hint(visit.get("matter-hint-returned"))],
        Verb::Cancelled | Verb::Paused => vec![reason(), approver()],
        Verb::Reopened => vec![
            reason(),
            date("due_day"),
            number("due_days").hint(visit.get("matter-hint-due")),
            choice("due_unit", units(visit)),
            approver(),
        ],
        Verb::HandedOver => vec![
            choice("to", candidates(visit, matter)).required(),
            choice("reviewer", with_none(visit, "matter-reviewer-same", candidates(visit, matter))),
            reason(),
        ],
        Verb::HelperAdded => vec![choice("helper", candidates(visit, matter)).required()],
        Verb::Extended => {
            let days = number("days");
            let days = match matter.due {
                Due::On { .. } => vec![date("day"), days.hint(visit.get("matter-hint-extended"))],
                Due::Within { .. } => vec![days.required()],
            };
            days.into_iter().chain([reason(), approver()]).collect()
        }
        Verb::Excused => {
            let dimensions = read.rule().map(|rule| rule.dimensions.as_slice()).unwrap_or_default();
            let tick = |input: Input| {
                let title = visit.title(input.title_zh(), input.title_en()).to_owned();
                Field::new(input.as_str(), title, FieldKind::Tick)
            };
            let ticks = dimensions.iter().map(|dimension| tick(dimension.input));
            ticks.chain([reason(), date("from").required(), date("until").required(), approver()]).collect()
        }
        _ => Vec::new(),
    }
}

fn submission(visit: &Visit, matter: &Matter) -> Vec<Field> {
    let label = |key: &str| visit.get(&format!("matter-field-{key}"));
    let posts = workers(visit, matter);
    let mut fields = Vec::new();
    if posts.len() != 1 {
        let choices = FieldKind::Choice(visit.post_choices(&posts));
        fields.push(Field::new("by", label("by"), choices).required());
    }
    let file = |name: &'static str| Field::new(name, label(name), FieldKind::File { accept: ACCEPT });
    fields.extend([
        file("file").hint(visit.get("matter-hint-file")),
        file("file2"),
        file("file3"),
        Field::new("title", label("title"), FieldKind::Text { chars_max: NAME_CHARS_MAX })
            .hint(visit.get("matter-hint-title")),
        Field::new("effective", label("effective"), FieldKind::Date)
            .required()
            .hint(visit.get("matter-hint-effective")),
        Field::new("note", label("note"), FieldKind::Area { chars_max: TEXT_CHARS_MAX }),
    ]);
    fields
}

/// The posts of the viewer that may submit.
fn workers(visit: &Visit, matter: &Matter) -> Vec<PostId> {
    let mut posts = docket::posts_of(&visit.app, &visit.viewer);
    posts.retain(|post| *post == matter.owner || matter.helpers.contains(post));
    posts
}

fn units(visit: &Visit) -> Vec<Choice> {
    ["workdays", "calendar_days"]
        .map(|unit| Choice { value: unit.into(), title: visit.get(&format!("matter-unit-{unit}")) })
        .into()
}

fn with_none(visit: &Visit, key: &str, mut choices: Vec<Choice>) -> Vec<Choice> {
    choices.insert(0, Choice { value: String::new(), title: visit.get(key) });
    choices
}

/// The posts near a matter that the viewer may bring into it: those of its county, and of the units above it.
pub fn candidates(visit: &Visit, matter: &Matter) -> Vec<Choice> {
    let mut posts = super::open::posts_near(visit, &matter.id.book());
    posts.retain(|choice| {
        let post = SubjectId::new(&choice.value).ok().and_then(|id| PostId::try_from(id).ok());
        post.is_some_and(|post| docket::may_bring(&visit.app, &visit.viewer, matter, &post))
    });
    posts
}

/// Keeps the files that came with a submission, so that they need not be chosen again if it is refused.
async fn keep(visit: &Visit, matter: &Matter, files: Vec<File>, typed: &mut Typed) -> Result<(), Problem> {
    if files.is_empty() {
        return Ok(());
    }
    docket::need_work(&visit.app, &visit.viewer, matter)?;
    let mut lines: Vec<String> =
        kept(typed).into_iter().map(|(digest, name)| format!("{digest} {name}")).collect();
    for File { field, name, bytes } in files {
        match evidence::keep(&visit.app, &visit.viewer, &matter.id.book(), bytes).await {
            Ok(digest) => lines.push(format!("{digest} {}", title_of(&name))),
            Err(problem) if problem.status == StatusCode::PAYLOAD_TOO_LARGE => {
                let megabytes = EVIDENCE_BYTES_MAX / (1024 * 1024);
                typed.error(&field, visit.t.with("form-file-large", &[("max", megabytes)]));
            }
            Err(problem) if problem.status == StatusCode::BAD_REQUEST => {
                typed.error(&field, visit.get("form-file-refused"));
            }
            Err(problem) => return Err(problem),
        }
    }
    lines.dedup();
    typed.set(KEPT, lines.join("\n"));
    Ok(())
}

/// The name of a file as a title: no path, no ending, nothing that cannot be shown.
fn title_of(name: &str) -> String {
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = base.rsplit_once('.').map_or(base, |(stem, _)| stem);
    let plain: String = stem.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX - 10).collect();
    plain.trim().to_owned()
}

/// The files of a form that were kept: digest and title.
fn kept(typed: &Typed) -> Vec<(String, String)> {
    let pair = |line: &str| {
        let (digest, name) = line.split_once(' ').unwrap_or((line, ""));
        let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_digest.then(|| (digest.to_owned(), title_of(name)))
    };
    typed.get(KEPT).lines().filter_map(pair).take(FILES.len()).collect()
}

/// What a form asks for; what is wrong with it is put beside its fields.
fn step(visit: &Visit, read: &Read, verb: Verb, typed: &mut Typed) -> Option<Step> {
    let (t, matter) = (&visit.t, &read.matter);
    Some(match verb {
        Verb::Taken => Step::Taken { by: matter.owner.clone() },
        Verb::Accepted => Step::Accepted {},
        Verb::Resumed => Step::Resumed {},
        Verb::Submitted => return submitted(visit, matter, typed),
        Verb::Returned => Step::Returned { reason: typed.required(t, "reason")? },
        Verb::Cancelled => {
            let (reason, approver) = (typed.required(t, "reason"), typed.post(t, "approver"));
            Step::Cancelled { reason: reason?, approver: approver? }
        }
        Verb::Paused => {
            let (reason, approver) = (typed.required(t, "reason"), typed.post(t, "approver"));
            Step::Paused { reason: reason?, approver: approver? }
        }
        Verb::Reopened => {
            let (reason, due, approver) =
                (typed.required(t, "reason"), due(visit, typed), typed.post(t, "approver"));
            Step::Reopened { reason: reason?, approver: approver?, due: due? }
        }
        Verb::HandedOver => {
            let (to, reason) = (typed.post(t, "to"), typed.required(t, "reason"));
            let reviewer =
                if typed.get("reviewer").is_empty() { None } else { Some(typed.post(t, "reviewer")?) };
            Step::HandedOver { to: to?, reviewer, reason: reason? }
        }
        Verb::HelperAdded => Step::HelperAdded { helper: typed.post(t, "helper")? },
        Verb::Extended => {
            let (extension, reason, approver) =
                (extension(visit, matter, typed), typed.required(t, "reason"), typed.post(t, "approver"));
            Step::Extended { extension: extension?, reason: reason?, approver: approver? }
        }
        Verb::Excused => {
            let inputs: Vec<Input> =
                Input::ALL.into_iter().filter(|input| typed.is_ticked(input.as_str())).collect();
            if inputs.is_empty() {
                typed.whole = Some(visit.get("matter-no-inputs"));
            }
            let (reason, approver) = (typed.required(t, "reason"), typed.post(t, "approver"));
            let days = [needed_day(visit, typed, "from"), needed_day(visit, typed, "until")];
            let [from, until] = days;
            Step::Excused { inputs, reason: reason?, approver: approver?, from: from?, until: until? }
        }
        Verb::Coloured | Verb::Escalated => return None,
    })
}

fn needed_day(visit: &Visit, typed: &mut Typed, name: &str) -> Option<base::Day> {
    typed.required(&visit.t, name)?;
    typed.day(&visit.t, name)
}

fn submitted(visit: &Visit, matter: &Matter, typed: &mut Typed) -> Option<Step> {
    let mut posts = workers(visit, matter);
    let by = if posts.len() == 1 { posts.pop() } else { typed.post(&visit.t, "by") };
    let effective = needed_day(visit, typed, "effective");
    let files = kept(typed);
    if files.is_empty() {
        typed.error("file", visit.get("matter-no-file"));
    }
    let title = typed.optional("title");
    let effective = effective?;
    let named = |(at, (digest, name)): (usize, (String, String))| {
        let name = if name.is_empty() { visit.get("matter-file") } else { name };
        let title = match &title {
            Some(title) if at > 0 => format!("{title} ({})", at + 1),
            Some(title) => title.clone(),
            None => name,
        };
        FileInput { digest, title, effective }
    };
    let evidence = files.into_iter().enumerate().map(named).collect();
    Some(Step::Submitted { by: by?, evidence, note: typed.optional("note") })
}

fn extension(visit: &Visit, matter: &Matter, typed: &mut Typed) -> Option<Extension> {
    let (day, days) = (typed.day(&visit.t, "day"), typed.days(&visit.t, "days"));
    match (day, days) {
        (Some(day), None) if matches!(matter.due, Due::On { .. }) => Some(Extension::To { day }),
        (None, Some(days)) => Some(Extension::Days { days }),
        _ => {
            typed.error("days", visit.get("matter-one-of"));
            None
        }
    }
}

/// A deadline: a day, or days from today.
pub fn due(visit: &Visit, typed: &mut Typed) -> Option<Due> {
    let (day, days) = (typed.day(&visit.t, "due_day"), typed.days(&visit.t, "due_days"));
    match (day, days) {
        (Some(day), None) => Some(Due::On { day }),
        (None, Some(days)) => {
            let unit = match typed.get("due_unit") {
                "calendar_days" => matters::DayUnit::CalendarDays,
                _ => matters::DayUnit::Workdays,
            };
            Some(Due::Within { term: Term::statutory(days, unit), from: visit.app.today() })
        }
        _ => {
            typed.error("due_days", visit.get("matter-one-of"));
            None
        }
    }
}

/// The fields of a deadline.
pub fn due_fields(visit: &Visit) -> Vec<Field> {
    let label = |key: &str| visit.get(&format!("matter-field-{key}"));
    vec![
        Field::new("due_day", label("due_day"), FieldKind::Date),
        Field::new("due_days", label("due_days"), FieldKind::Number).hint(visit.get("matter-hint-due")),
        Field::new("due_unit", label("due_unit"), FieldKind::Choice(units(visit))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_s_name_becomes_a_title_without_path_ending_or_tricks() {
        assert_eq!(title_of("C:\\照片\\竣工 1.jpg"), "竣工 1");
        assert_eq!(title_of("../../etc/passwd"), "passwd");
        assert_eq!(title_of("a\u{0}\n.b.pdf"), "a.b");
        assert_eq!(title_of(""), "");
        assert_eq!(title_of(&"长".repeat(500)).chars().count(), NAME_CHARS_MAX - 10);
    }

    #[test]
    fn what_is_kept_is_read_back_and_nothing_else_is() {
        let digest = "ab".repeat(32);
        let typed = Typed::default().with(KEPT, format!("{digest} 照片\nnonsense x\n{digest}"));
        assert_eq!(kept(&typed), [(digest.clone(), "照片".to_owned()), (digest, String::new())]);
    }
}
