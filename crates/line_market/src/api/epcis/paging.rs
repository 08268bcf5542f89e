//! Lists that are given out page by page.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base::{Seq, Time};
use kernel::{Desk, Page};
use shell::extract::Path;
use shell::viewer::{Viewer, still_let_in};
use shell::{App, Both, Problem};
use store::{StoreError, Tx};

use super::answers::{NEXT_PAGE_TOKEN_EXPIRES, query_problem};
use super::formats::{Media, answer};
use super::requests::{Parameters, answer_type, owner};
use crate::api::failure_problem;
use crate::epcis_events::tokens::{self, Listing};
use crate::epcis_events::{PER_PAGE, QueryRefusal, search};
use crate::policy::QUERY;

/// Items of one page of a list that is no list of events.
const PER_PAGE_MAX: usize = 1_000;

/// A page of a list, unless there is no answer.
pub type Looked<T> = Result<Result<Page<T>, QueryRefusal>, StoreError>;

/// A list that was asked for: its tokens hold for it alone.
pub struct List {
    path: String,
    parameters: Parameters,
    listing: Listing,
    token: Option<String>,
    per_page: Option<String>,
}

impl List {
    /// The list at an address that the viewer asked for; the parameters of its pages are taken out.
    pub fn of(app: &App, viewer: &Viewer, uri: &Uri, parameters: &mut Parameters) -> Self {
        let whole = Parameters::of(uri);
        let (token, per_page) = (parameters.take("nextPageToken"), parameters.take("perPage"));
        let mut asked = Parameters::of(uri);
        for name in ["nextPageToken", "perPage"] {
            asked.take(name);
        }
        let asked = format!("{}?{}", uri.path(), asked.sorted());
        let listing = Listing::of(&owner(app, viewer), &asked);
        Self { path: uri.path().to_owned(), parameters: whole, listing, token, per_page }
    }

    /// The same list, of this definition of it alone.
    pub fn of_definition(self, app: &App, viewer: &Viewer, number: Seq) -> Self {
        let mut asked = self.parameters.clone();
        for name in ["nextPageToken", "perPage"] {
            asked.take(name);
        }
        let asked = format!("{}#{number}?{}", self.path, asked.sorted());
        Self { listing: Listing::of(&owner(app, viewer), &asked), ..self }
    }

    /// Answers with the page that was asked for: what `read` finds of so many items from a place on, printed, and the
    /// headers that lead to the next page if there is any.
    pub async fn answer<T>(
        self,
        app: &App,
        media: Media,
        read: impl FnOnce(&mut dyn Tx, Option<&str>, usize) -> Looked<T> + Send + 'static,
        print: impl FnOnce(Vec<T>, Time) -> String + Send + 'static,
    ) -> Result<Response, Problem> {
        let (count, now, owner) = (self.per_page()?, app.kernel.now(), self.listing.owner().to_owned());
        let (printed, next, list) = app
            .search(&owner, move |kernel| {
                let page = search(kernel, |tx| match self.place(tx, now)? {
                    Ok(place) => read(tx, place.as_deref(), count),
                    Err(refusal) => Ok(Err(refusal)),
                })?;
                let page = page.map_err(|refusal| query_problem(&refusal))?;
                Ok::<_, Problem>((print(page.items, now), page.next, self))
            })
            .await?;
        // What took its time is told to whoever may still see it.
        still_let_in().await?;
        Ok(list.lead(app, answer(media, printed), next.as_deref(), now))
    }

    /// The number of items of a page.
    fn per_page(&self) -> Result<usize, Problem> {
        match self.per_page.as_deref().map(str::parse) {
            None => Ok(PER_PAGE),
            Some(Ok(count @ 1..=PER_PAGE_MAX)) => Ok(count),
            Some(_) => {
                let zh = format!("每页条数应为 1 至 {PER_PAGE_MAX}。");
                let en = format!("must be a number from 1 to {PER_PAGE_MAX}");
                Err(Problem::bad_request("perPage", "range", Both::new(zh, en)))
            }
        }
    }

    /// Where the page begins; refused if the token is not of this list.
    fn place(&self, tx: &mut dyn Tx, now: Time) -> Result<Result<Option<String>, QueryRefusal>, StoreError> {
        let Some(token) = &self.token else { return Ok(Ok(None)) };
        Ok(self.listing.place(tx, token, now)?.map(Some).ok_or(QueryRefusal::Token))
    }

    fn lead(self, app: &App, mut page: Response, next: Option<&str>, now: Time) -> Response {
        let Some(place) = next else { return page };
        let (token, expires) = self.listing.token(place, now);
        let link = self.parameters.next_page(app, &self.path, &token);
        for (name, text) in [(header::LINK, link), (NEXT_PAGE_TOKEN_EXPIRES, expires.to_string())] {
            page.headers_mut().extend(HeaderValue::try_from(text).map(|text| (name, text)));
        }
        page
    }
}

/// Ends a page token before its time. One that holds no longer, or never did, is ended as well.
#[utoipa::path(delete, path = "/epcis/nextPageToken/{token}", tag = "epcis", params(("token" = String, Path)),
    responses((status = 204), (status = 401), (status = 403), (status = 406), (status = 429), (status = 503)),
    extensions(("x-action" = json!("market.epcis.query"))))]
pub async fn end_token(
    State(app): State<App>,
    viewer: Viewer,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    viewer.need_somewhere(&app, QUERY)?;
    answer_type(&headers)?;
    let owner = owner(&app, &viewer);
    let end = move |desk: &mut Desk<'_>| Ok(tokens::invalidate(desk, &owner, &token)?);
    match app.append(failure_problem, end).await? {
        true => Ok(StatusCode::NO_CONTENT.into_response()),
        false => Err(Problem::too_many_requests(60)),
    }
}
