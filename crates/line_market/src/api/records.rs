//! Recording entries, and the evidence that goes with them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use access::Resource;
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base::limits::EVIDENCE_BYTES_MAX;
use base::{BookId, Seq, SubjectId, Time};
use kernel::{AppendError, Desk, Kernel};
use ledger::Body;
use serde_json::Value;
use shell::evidence::{self, Kept};
use shell::extract::{Entry, Path, body};
use shell::once::{self, Sent};
use shell::pages::From;
use shell::viewer::Viewer;
use shell::{App, Both, Problem};
use store::{StoreError, Tx};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{failure_problem, market, refusal_problem};
use crate::kinds::{ComplaintFiled, ComplaintSettled, LotTransferred, SlipSerial, TransferAccepted};
use crate::policy;
use crate::record::{Input, Recorded, record};
use crate::refusal::{Code, Refusal};
use crate::state;

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(append)).routes(routes!(keep_evidence)).routes(routes!(evidence))
}

/// Records one entry of any of the market's kinds. The right needed has the kind's name.
///
/// A retry with the same `Idempotency-Key` and content gets the first answer. A complaint of somebody who does not settle
/// those of this market names the slip that it is about; its time is the server's, and it comes without evidence.
#[utoipa::path(post, path = "/api/market/{book}/entries", tag = "market", params(("book" = String, Path)),
    request_body = Input,
    responses((status = 201, body = Recorded), (status = 400), (status = 401), (status = 403), (status = 404),
        (status = 409), (status = 413), (status = 415), (status = 429), (status = 503)),
    extensions(("x-action" = json!("market.lot.received"))))]
async fn append(
    State(app): State<App>,
    viewer: Viewer,
    Extension(From(address)): Extension<From>,
    Path(book): Path<String>,
    headers: HeaderMap,
    Entry(input, _turn): Entry<Input>,
) -> Result<Response, Problem> {
    let input = match input.kind.as_str() {
        ComplaintFiled::KIND if !takes_complaints(&app, &viewer, &book)? => {
            limit_complaints(&app, address)?;
            let input = complaint_of_shopper(input)?;
            if let Some(stall) = stall_of(&app, &book, &input).await? {
                limit_complaints_of_stall(&app, address, (&book, &stall))?;
            }
            input
        }
        _ => input,
    };
    let sent = Sent::asked(&headers, &input)?;
    let recorded = record_as(&app, &viewer, &book, input, sent).await?;
    Ok((StatusCode::CREATED, axum::Json(recorded)).into_response())
}

/// Ten complaints a minute for an address, whether it sends the form or calls the API.
pub(crate) fn limit_complaints(app: &App, address: IpAddr) -> Result<(), Problem> {
    app.limits.public(address)?;
    app.limits.sign_in_site(address)?;
    app.limits.sign_in(format!("complaint {address}"))
}

/// Ten complaints a day for an address about one stall, and ten more over the day: what many say of it is not one's to use up.
pub(crate) fn limit_complaints_of_stall(
    app: &App,
    address: IpAddr,
    (book, stall): (&str, &str),
) -> Result<(), Problem> {
    let often = || {
        Both::new(
            "从当前网络对该摊位提交的投诉已达上限，本次投诉未被记录，请稍后再交，或当面向市场管理方反映。",
            "as many complaints about this stall came from your network as may; this one was not recorded: send it later, or \
             tell the market's office",
        )
    };
    app.limits.said_of.take(address, format!("{book}/{stall}"), often)
}

/// The stall that printed the slip of a complaint; a slip that nobody printed is refused where it is recorded.
async fn stall_of(app: &App, book: &str, input: &Input) -> Result<Option<String>, Problem> {
    let slip = input.body.get("slip").and_then(Value::as_str).and_then(SlipSerial::parse);
    let (Some(slip), (book, _)) = (slip, market(app, book)?) else { return Ok(None) };
    let sold = app.blocking(move |kernel| kernel.read(|tx| state::sale_of_slip(tx, &book, slip)));
    Ok(sold.await?.map(|(_, sale)| sale.stall))
}

/// Whether somebody takes complaints down at the market's counter or by telephone: those who settle them do. Anybody else,
/// signed in or not, complains as a shopper.
pub(crate) fn takes_complaints(app: &App, viewer: &Viewer, book: &str) -> Result<bool, Problem> {
    Ok(viewer.allows(app, ComplaintSettled::KIND, &market(app, book)?.1))
}

/// What is left of a complaint to say for a shopper: the form asks for no more.
fn complaint_of_shopper(input: Input) -> Result<Input, Problem> {
    if !input.body.get("slip").is_some_and(Value::is_string) {
        let refusal = Refusal::new(Code::UnknownSlip, "body.slip", "must name the slip that it is about");
        return Err(refusal_problem(refusal));
    }
    Ok(Input { occurred: None, evidence: Vec::new(), ..input })
}

/// Records what a form says, once for each time that the form was shown.
pub(crate) async fn record_form(
    app: &App,
    viewer: &Viewer,
    book: &BookId,
    input: Input,
    form: &str,
    typed: &BTreeMap<String, String>,
) -> Result<Recorded, Problem> {
    record_as(app, viewer, book.as_str(), input, Sent::of(form, typed)).await.map_err(once::told)
}

/// Decides the right, then records; what was sent before is answered as it was.
async fn record_as(
    app: &App,
    viewer: &Viewer,
    book: &str,
    input: Input,
    sent: Option<Sent>,
) -> Result<Recorded, Problem> {
    let (book, resource) = market(app, book)?;
    if app.kernel.policy().action(&input.kind).is_none() || app.kernel.catalogue().get(&input.kind).is_err() {
        // Somebody unknown learns nothing, somebody known learns that there is no such kind.
        viewer.need_any(app, &[policy::READ, policy::CAPTURE], &resource)?;
        let detail = Both::new(
            format!("没有可由此登记的记录种类“{}”。", input.kind),
            format!("the kind {:?} is not in the catalogue, or cannot be recorded here", input.kind),
        );
        return Err(Problem::bad_request("kind", "unknown-kind", detail));
    }
    let owned = match viewer.allows(app, &input.kind, &resource) {
        true => None,
        false => Some(owned(app, viewer, &book, resource, &input).await?),
    };
    let actor = viewer.id();
    let sent = if viewer.actor().is_none() { sent.map(Sent::of_nobody) } else { sent };
    let (of, by) = (book.clone(), actor.clone());
    let decide = move |desk: &mut Desk<'_>| {
        if let Some(was) = &owned {
            let now = desk.now();
            if owner(desk.read()?, &book, &input, now)? != *was {
                let refusal =
                    Refusal::new(Code::OtherOwner, "", "what it is about has gone to somebody else");
                return Err(AppendError::Refused(refusal));
            }
        }
        record(desk, &book, &actor, &input)
    };
    app.append_once((of, by), sent, failure_problem, decide).await
}

/// Whose an input is, for a viewer who may record it of that merchant alone.
async fn owned(
    app: &App,
    viewer: &Viewer,
    book: &BookId,
    resource: Resource,
    input: &Input,
) -> Result<Option<String>, Problem> {
    let (find, about) = (book.clone(), input.clone());
    let found = app.blocking(move |kernel: &std::sync::Arc<Kernel>| {
        kernel.read(|tx| owner(tx, &find, &about, kernel.now()))
    });
    let found = found.await?;
    let resource = match found.as_ref().and_then(|owner| SubjectId::local("merchant", book, owner).ok()) {
        Some(owner) => resource.owned_by(owner),
        None => resource,
    };
    viewer.need(app, &input.kind, &resource)?;
    Ok(found)
}

/// Whose resource an input is about: the merchant that it names, or that has the stall or lot that it names.
fn owner(tx: &mut dyn Tx, book: &BookId, input: &Input, now: Time) -> Result<Option<String>, StoreError> {
    let text = |name: &str| input.body.get(name).and_then(|value| value.as_str()).map(str::to_owned);
    let (merchant, stall, lot) = (text("merchant"), text("stall"), text("lot"));
    // Nobody is given goods that they did not take: to another's stall a merchant offers, and whoever has that accepts.
    let to = text("to_merchant").filter(|_| input.kind == LotTransferred::KIND);
    let offer =
        input.body.get("offer").and_then(Value::as_u64).filter(|_| input.kind == TransferAccepted::KIND);
    if let Some(offer) = offer.filter(|offer| i64::try_from(*offer).is_ok()) {
        let offered = state::offer(tx, book, Seq(offer), now)?;
        return Ok(offered.map(|offered| offered.to_merchant));
    }
    // What is recorded already outweighs what the request says.
    if let Some(lot) = &lot
        && let Some(lot) = state::lot(tx, book, lot)?
    {
        return Ok(Some(lot.merchant).filter(|owner| to.as_ref().is_none_or(|to| to == owner)));
    }
    if let Some(stall) = &stall {
        let tenant = state::stall(tx, book, stall)?.and_then(|stall| stall.merchant);
        return Ok(tenant.filter(|tenant| merchant.as_ref().is_none_or(|named| named == tenant)));
    }
    Ok(None)
}

/// Keeps a file as evidence: a JPEG, PNG or WebP image, or a PDF, by what its bytes say.
#[utoipa::path(post, path = "/api/market/{book}/evidence", tag = "market", params(("book" = String, Path)),
    request_body(content = String, content_type = "application/octet-stream"),
    responses((status = 201, body = Kept), (status = 400), (status = 401), (status = 403), (status = 404), (status = 413),
        (status = 429)),
    extensions(("x-action" = json!("market.evidence.keep"))))]
async fn keep_evidence(
    State(app): State<App>,
    viewer: Viewer,
    Path(book): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let (book, resource) = market(&app, &book)?;
    need_somewhere(&app, &viewer, policy::KEEP_EVIDENCE, &book, &resource)?;
    let bytes = body(request, EVIDENCE_BYTES_MAX).await?;
    let digest = evidence::keep(&app, &viewer, &book, bytes.to_vec()).await?;
    Ok((StatusCode::CREATED, axum::Json(Kept { digest })).into_response())
}

/// A merchant may keep and see evidence in the market that it is a merchant of.
pub(crate) fn need_somewhere(
    app: &App,
    viewer: &Viewer,
    action: &str,
    book: &BookId,
    resource: &Resource,
) -> Result<(), Problem> {
    let tree = app.tree();
    let owners = viewer.actor().map_or_else(Vec::new, |actor| {
        access::scope(app.kernel.policy(), &tree, actor, action).owners(
            &tree,
            &resource.unit,
            resource.line.as_deref(),
        )
    });
    match owners.iter().any(|owner| owner.home() == Some(book.as_str())) {
        true => Ok(()),
        false => viewer.need(app, action, resource),
    }
}

/// A file by its digest.
#[utoipa::path(get, path = "/api/market/{book}/evidence/{digest}", tag = "market",
    params(("book" = String, Path), ("digest" = String, Path)),
    responses((status = 200, content((String = "image/jpeg"), (String = "image/png"), (String = "image/webp"), (String = "application/pdf"))),
        (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("market.evidence.read"))))]
async fn evidence(
    State(app): State<App>,
    viewer: Viewer,
    Path((book, digest)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (book, resource) = market(&app, &book)?;
    viewer.need(&app, policy::READ_EVIDENCE, &resource)?;
    let of = (book.clone(), digest.clone());
    let found = app.blocking(move |kernel| kernel.evidence(&of.0, &of.1)).await?;
    let found = found.ok_or_else(Problem::not_found)?;
    viewer.note_read_of(&app, &resource.unit, &format!("evidence {book}/{digest}")).await?;
    Ok(evidence::shown(found, &digest))
}
