//! One entry opened: what it says, and the proof that it stands in its book.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use base::Time;
use kernel::Kernel;
use ledger::Entry;
use merkle::{Cosignature, ProofFile};

use super::figure::{crumbs, kind_title};
use super::page;
use crate::api::ledger::{lacking, lacking_names, mask, readable};
use crate::app::App;
use crate::extract::Path;
use crate::format;
use crate::problem::Problem;
use crate::said;
use crate::texts::{Lang, T};
use crate::view::Frame;
use crate::viewer::{Asked, Here, Viewer};

pub fn router() -> Router<App> {
    Router::new().route("/ledger/{book}/{seq}", get(entry))
}

#[derive(Template)]
#[template(path = "entry.html")]
struct EntryPage {
    frame: Frame,
    /// Names and values of the head.
    head: Vec<(String, String)>,
    /// Role, subject, and the entries about it, where it is told.
    subjects: Vec<(String, String, Option<String>)>,
    /// Why a subject is not told.
    masked: Option<String>,
    /// The body in words.
    said: Vec<(String, String)>,
    body: Option<String>,
    /// Why no body is shown though there is one.
    withheld: Option<String>,
    evidence: Vec<(String, String)>,
    path: String,
    leaf: String,
    origin: String,
    size: String,
    root: String,
    hashes: Vec<String>,
    key: String,
    /// Who cosigned the checkpoint, when, and the key; `None` where there is no witness.
    cosigned: Option<Vec<(String, String)>>,
}

async fn entry(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path((book, seq)): Path<(String, u64)>,
) -> Result<Response, Problem> {
    let entry = readable(&app, &viewer, &book, seq).await?;
    let (name, number) = (entry.book.clone(), entry.seq);
    let proved = app.blocking(move |kernel| kernel.prove(&name, number)).await?;
    let verified = verify(&app, &proved.entry, &proved.proof)?;
    let note = proved.proof.note().to_owned();
    let cosigners = app.blocking(move |kernel| kernel.cosigners(&note)).await?;
    let t = app.texts.t(lang);
    let title = t.with(
        "entry-title",
        &[("kind", kind_title(&app, lang, entry.kind.as_str())), ("seq", entry.seq.to_string())],
    );
    let mut frame = viewer.frame(&app, lang, title, &here);
    if let Some(unit) = app.tree().unit_of_book(&entry.book) {
        frame.crumbs = crumbs(&app, lang, unit);
    }
    let mut head = vec![
        (t.get("entry-book"), said::book_title(&app, lang, &entry.book)),
        (t.get("entry-seq"), entry.seq.to_string()),
        (t.get("entry-kind"), kind_title(&app, lang, entry.kind.as_str())),
        (t.get("entry-occurred"), format::date_time_long(lang, app.moment(entry.occurred))),
        (t.get("entry-recorded"), format::date_time_long(lang, app.moment(entry.recorded))),
        (t.get("entry-actor"), said::actor(&t, &entry.actor)),
    ];
    head.extend(entry.answers.as_ref().map(|post| (t.get("entry-answers"), post.to_string())));
    head.extend(entry.place.as_ref().map(|place| (t.get("entry-place"), place.to_string())));
    let unnamed = lacking_names(&app, &viewer, &entry)?;
    let lines = app.kernel.lines();
    let subjects = entry
        .subjects
        .iter()
        .map(|subject| {
            let role = t.get(&format!("role-{}", subject.role.as_str()));
            match unnamed.is_some() && lines.subject_needs(subject.id.scheme()) == unnamed {
                true => (role, mask(&subject.id), None),
                false => (role, subject.id.to_string(), Some(crate::href::about(&entry.book, &subject.id))),
            }
        })
        .collect();
    let withheld = lacking(&app, &viewer, &entry)?.filter(|_| entry.body.is_some());
    let body = entry.body.as_deref().filter(|_| withheld.is_none()).map(pretty);
    let said = if withheld.is_none() { in_words(&app, lang, &entry).await? } else { Vec::new() };
    let for_those = |text: &str, action: &'static str| {
        let title = app.kernel.policy().action(action).map_or(action, |it| match lang {
            Lang::Zh => it.title_zh,
            Lang::En => it.title_en,
        });
        t.with(text, &[("action", title)])
    };
    let withheld = withheld.map(|action| for_those("entry-withheld", action));
    let masked = unnamed.map(|action| for_those("entry-masked", action));
    let line = said::line(entry.kind.as_str());
    let evidence = entry
        .evidence
        .iter()
        .map(|digest| (digest.clone(), format!("/api/{line}/{}/evidence/{digest}", entry.book)))
        .collect();
    page(&EntryPage {
        frame,
        head,
        subjects,
        masked,
        said,
        body,
        withheld,
        evidence,
        path: format!("/api/ledger/{}/{}", entry.book, entry.seq),
        leaf: entry.leaf().to_string(),
        origin: verified.origin().to_owned(),
        size: format::integer(i128::from(verified.size())),
        root: verified.root().to_string(),
        hashes: proved.proof.proof().iter().map(ToString::to_string).collect(),
        key: app.kernel.verifier().to_string(),
        cosigned: cosigners.map(|all| all.iter().map(|it| cosigned(&app, &t, it)).collect()),
    })
}

/// Who cosigned and when, and the key that checks it.
fn cosigned(app: &App, t: &T, cosignature: &Cosignature) -> (String, String) {
    let seconds = i64::try_from(cosignature.seconds).unwrap_or_default();
    let at = format::date_time_long(t.lang(), app.moment(Time(seconds.saturating_mul(1000))));
    let witness = cosignature.witness.name().to_owned();
    (t.with("proof-cosigned-at", &[("witness", witness), ("at", at)]), cosignature.witness.to_string())
}

/// The body in words.
async fn in_words(app: &App, lang: Lang, entry: &Entry) -> Result<Vec<(String, String)>, Problem> {
    let (of, t, entry) = (app.clone(), app.texts.t(lang), entry.clone());
    let read = move |kernel: &Arc<Kernel>| {
        kernel.read(|tx| said::body(&of, tx, &t, &entry.book, entry.kind.as_str(), entry.body.as_deref()))
    };
    app.blocking(read).await
}

/// Checks the proof as anybody would who has only its text and the public key.
fn verify(app: &App, entry: &Entry, proof: &ProofFile) -> Result<merkle::Checkpoint, Problem> {
    let read: ProofFile = proof.to_string().parse().map_err(kernel::ProofError::Merkle)?;
    let keys = std::slice::from_ref(app.kernel.verifier());
    let checkpoint = read.verify(entry.leaf(), keys).map_err(kernel::ProofError::Merkle)?;
    if read.index() != entry.seq.0 || checkpoint.origin() != app.kernel.origin(&entry.book) {
        tracing::error!(book = %entry.book, seq = %entry.seq, "a proof is of another entry");
        return Err(Problem::internal());
    }
    Ok(checkpoint)
}

fn pretty(body: &str) -> String {
    let value: Result<serde_json::Value, _> = serde_json::from_str(body);
    value.and_then(|value| serde_json::to_string_pretty(&value)).unwrap_or_else(|_| body.to_owned())
}
