//! Pages built as a line builds them: from outside the crate, through `layout.html` and `parts.html`.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use askama::Template;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use axum::{Router, middleware};
use shell::view::*;
use shell::{Both, Frame, Lang, Problem, Texts, assets, headers, problem};
use tower::ServiceExt;

#[derive(Template)]
#[template(
    ext = "html",
    source = "{% extends \"layout.html\" %}{% import \"parts.html\" as parts %}{% block content %}\
              {% call parts::tile(tile) %}{% endcall %}{% call parts::table(frame, table) %}{% endcall %}\
              {% call parts::field(frame, field) %}{% endcall %}{% endblock %}"
)]
struct Page {
    frame: Frame,
    tile: FigureTile,
    table: TableView,
    field: Field,
}

fn texts() -> Arc<Texts> {
    Arc::new(Texts::new(Texts::SHELL).unwrap())
}

fn page(lang: Lang) -> Page {
    let empty = Empty { title: "no lots".into(), hint: "receive one".into(), action: None };
    let field = Field::new("grams", "Weight", FieldKind::Number).value("<fifteen>").required();
    Page {
        frame: Frame::new(texts().t(lang), "Lots & <sales>", "/m/lots?page=2"),
        tile: FigureTile::new("Sales", "123.46万元").link("/figures/sales"),
        table: TableView::new("lots", "Lots", vec![Column::number("amount", "Amount")], empty),
        field: field.error(Some("enter a number".into())),
    }
}

#[test]
fn a_page_of_another_crate_has_frame_language_switch_and_escaped_text() {
    let html = page(Lang::Zh).render().unwrap();
    assert!(html.contains("<html lang=\"zh-CN\">"));
    assert!(html.contains("<title>Lots &#38; &#60;sales&#62; · 台账</title>"));
    assert!(html.contains("href=\"/m/lots?page=2&#38;lang=en\""));
    assert!(html.contains(&format!("href=\"{}\"", assets::url("style.css"))));
    assert!(!html.contains("csrf-token"), "nobody is signed in");
}

#[test]
fn an_empty_table_says_what_to_do_first_and_a_full_one_aligns_numbers() {
    let mut page = page(Lang::En);
    assert!(page.render().unwrap().contains("receive one"));
    page.table.rows.push(vec![Cell::money(123_450).link("/entries?a=1")]);
    let html = page.render().unwrap();
    let cell = "<td class=\"r\" data-label=\"Amount\"><a href=\"/entries?a=1\">¥1,234.50</a></td>";
    assert!(html.contains(cell), "{html}");
    assert!(!html.contains("receive one"));
}

#[test]
fn a_refused_field_keeps_what_was_typed_and_ties_the_message_to_it() {
    let html = page(Lang::En).render().unwrap();
    assert!(html.contains("value=\"&#60;fifteen&#62;\""));
    assert!(html.contains(" required aria-invalid=\"true\" aria-describedby=\"grams-error\""));
    assert!(html.contains("id=\"grams-error\""));
}

#[test]
fn no_page_has_inline_script_or_style() {
    let html = page(Lang::En).render().unwrap();
    for banned in [" style=", "<style", " onclick=", "javascript:", "<script>"] {
        assert!(!html.contains(banned), "{banned}");
    }
}

#[test]
fn a_figure_with_a_unit_is_set_with_the_unit_apart() {
    let parts = |figure| {
        let tile = FigureTile::new("", figure);
        (tile.value, tile.unit)
    };
    assert_eq!(parts("123.46万元"), ("123.46".into(), Some("万元".into())));
    assert_eq!(parts("-¥1.23 million"), ("-¥1.23".into(), Some("million".into())));
    assert_eq!(parts(">99.9%"), (">99.9%".into(), None));
    assert_eq!(parts("—"), ("—".into(), None));
}

fn router() -> Router {
    let conflict =
        || async { Problem::conflict("over_sold", Both::new("超出进货重量", "more than received")) };
    Router::new()
        .route("/busy", get(|| async { Problem::unavailable(3) }))
        .route("/conflict", get(conflict))
        .merge(assets::router())
        .fallback(|| async { Problem::not_found() })
        .layer(middleware::from_fn_with_state(texts(), problem::negotiated))
        .layer(middleware::from_fn(headers::security))
}

async fn ask(address: &str, headers: &[(&str, &str)]) -> (Response, String) {
    let mut request = Request::get(address);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut response = router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let body = to_bytes(std::mem::take(response.body_mut()), 1 << 20).await.unwrap();
    (response, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_program_gets_a_problem_document_in_its_language_with_both_beside() {
    let (response, body) =
        ask("/conflict", &[("accept-language", "en"), ("accept", "application/json")]).await;
    assert_eq!(response.status(), StatusCode::CONFLICT);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    expect_test::expect![[
        r#"{"detail":"more than received","detail_en":"more than received","detail_zh":"超出进货重量","rule":"over_sold","status":409,"title":"In conflict with the record","title_en":"In conflict with the record","title_zh":"与现有记录冲突","type":"/problems/conflict"}"#
    ]]
    .assert_eq(&body);
}

#[tokio::test]
async fn a_browser_gets_a_page_in_the_language_of_its_cookie() {
    let browser = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    let (response, body) =
        ask("/nowhere", &[browser, ("cookie", "a=b; lang=en"), ("accept-language", "zh")]).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(response.headers()[header::CONTENT_LANGUAGE], "en");
    assert!(body.contains("<h1>Not found</h1>"), "{body}");
    assert!(body.contains("href=\"/nowhere?lang=zh-CN\""));
}

#[tokio::test]
async fn a_partial_update_gets_a_notice_and_retry_after_stands() {
    let (response, body) = ask("/busy", &[("hx-request", "true"), ("accept", "*/*")]).await;
    assert_eq!(response.headers()[header::RETRY_AFTER], "3");
    assert!(
        body.starts_with("\n<div class=\"notice\"") || body.starts_with("<div class=\"notice\""),
        "{body}"
    );
    assert!(body.contains("请在 3 秒后重试"));
}

#[tokio::test]
async fn an_asset_is_cached_for_good_and_an_old_address_leads_to_the_new() {
    let style = assets::url("style.css");
    let (response, body) = ask(&style, &[]).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/css; charset=utf-8");
    assert_eq!(response.headers()[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
    assert!(body.contains("--accent"));
    let etag = response.headers()[header::ETAG].to_str().unwrap().to_owned();
    let (again, empty) = ask(&style, &[("if-none-match", &etag)]).await;
    assert_eq!((again.status(), empty.as_str()), (StatusCode::NOT_MODIFIED, ""));
    let (old, _) = ask("/assets/0123456789abcdef/style.css", &[]).await;
    assert_eq!(old.headers()[header::LOCATION], style.as_str());
    assert_eq!(ask("/assets/x/passwd", &[]).await.0.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn every_answer_carries_the_security_headers_and_is_not_stored() {
    let (response, _) = ask("/nowhere", &[]).await;
    let headers = response.headers();
    assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(headers[header::REFERRER_POLICY], "same-origin");
    let csp = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert_eq!(csp, "default-src 'none'; frame-ancestors 'none'; sandbox", "a problem in JSON is no page");
    let (page, _) = ask("/nowhere", &[("accept", "text/html")]).await;
    let csp = page.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(csp.contains("script-src 'self'; style-src 'self'") && csp.contains("frame-ancestors 'none'"));
    assert!(!csp.contains("unsafe"));
}
