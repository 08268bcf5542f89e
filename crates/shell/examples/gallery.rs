//! Every component on one page, with sample text: `cargo run -p shell --example gallery`, then open the
//! address it prints. `/wall`, `/missing` and `?lang=en` show the other sheets.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use shell::chart::{self, Point, Series};
use shell::format::{self, Moment};
use shell::table::{Direction, TableSpec};
use shell::view::*;
use shell::{Lang, Problem, TableQuery, Texts, assets, export, headers, problem, qr};
use tokio_stream::{Stream, StreamExt};

#[derive(Template)]
#[template(path = "gallery.html")]
struct Gallery {
    frame: Frame,
    sample: &'static str,
    tiles: Vec<FigureTile>,
    lots: TableView,
    charts: Vec<Chart>,
    live: LiveList,
    form_title: &'static str,
    fields: Vec<Field>,
    nothing: TableView,
    badges: Vec<Badge>,
    digest: &'static str,
    qr: String,
}

/// The Chinese or the English of a sample text.
fn pick(lang: Lang, zh: &'static str, en: &'static str) -> &'static str {
    if lang == Lang::Zh { zh } else { en }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let texts = Arc::new(Texts::new(Texts::SHELL).map_err(std::io::Error::other)?);
    let app = Router::new()
        .route("/", get(gallery))
        .route("/wall", get(gallery))
        .route("/live", get(live))
        .fallback(|| async { Problem::not_found() })
        .with_state(Arc::clone(&texts))
        .merge(assets::router())
        .layer(middleware::from_fn_with_state(texts, problem::negotiated))
        .layer(middleware::from_fn(headers::security));
    let port = std::env::args().nth(1).unwrap_or_else(|| "0".to_owned());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    eprintln!("http://{}", listener.local_addr()?);
    axum::serve(listener, app).await
}

async fn live() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let items = |n| {
        let item = LiveItem {
            time: format!("08:{n:02}:07"),
            text: format!("示例 / sample · {n}"),
            href: Some("/".to_owned()),
            badge: Some(Badge { mark: Mark::Done, text: "合格".to_owned() }),
        };
        LiveItems { items: &[item], empty: "" }.to_string()
    };
    let events = tokio_stream::iter(1..).map(move |n| Ok(Event::default().event("list").data(items(n))));
    Sse::new(events.throttle(Duration::from_secs(5))).keep_alive(KeepAlive::default())
}

async fn gallery(State(texts): State<Arc<Texts>>, headers: HeaderMap, request: Request) -> Response {
    let lang = problem::asked_lang(request.uri(), &headers);
    let address = request.uri().path_and_query().map_or("/", |address| address.as_str()).to_owned();
    let t = texts.t(lang);
    let spec = TableSpec {
        sortable: &["lot", "received", "weight", "amount"],
        sort: ("received", Direction::Descending),
        per_page: 50,
    };
    let query = match TableQuery::parse(&spec, &address) {
        Ok(query) => query,
        Err(error) => return Problem::from(error).into_response(),
    };
    let mut frame = Frame::new(t.clone(), pick(lang, "今日市场", "The market today"), address.as_str());
    fill(&mut frame);
    if request.uri().path() == "/wall" {
        frame.sheet = Sheet::Wall;
    }
    let mut lots = lots(&frame, &query);
    if let Some(format) = query.export {
        return match export::written(format, pick(lang, "示例批次", "sample-lots"), &lots) {
            Ok(response) => response,
            Err(_) => Problem::internal().into_response(),
        };
    }
    if query.filter.is_some() {
        lots.rows.clear();
        lots.pager = None;
    }
    let page = Gallery {
        sample: pick(lang, "示例数据，仅供查看版式", "Sample data, to look at the layout"),
        tiles: tiles(lang),
        lots,
        charts: charts(&frame),
        live: LiveList {
            id: "live",
            title: pick(lang, "实时记录", "As it happens").into(),
            source: "/live".into(),
            items: vec![
                LiveItem {
                    time: "14:07:09".into(),
                    text: pick(lang, "A12 摊位售出 上海青 1.250 千克", "Stall A12 sold pak choi, 1.250 kg")
                        .into(),
                    href: Some("/".into()),
                    badge: None,
                },
                LiveItem {
                    time: "14:06:52".into(),
                    text: pick(
                        lang,
                        "快检：豇豆批次 2026-0305-017 农药残留",
                        "Rapid test: cowpeas 2026-0305-017, pesticide",
                    )
                    .into(),
                    href: Some("/".into()),
                    badge: Some(Badge { mark: Mark::Red, text: pick(lang, "不合格", "Failed").into() }),
                },
            ],
            empty: t.get("empty-entries"),
        },
        form_title: pick(lang, "登记进货", "Receive a lot"),
        fields: fields(&frame),
        nothing: TableView::new(
            "complaints",
            pick(lang, "投诉", "Complaints"),
            vec![Column::text("a", "a")],
            Empty {
                title: pick(lang, "暂无投诉", "No complaints").into(),
                hint: pick(
                    lang,
                    "顾客扫描小票二维码后可在此提交投诉。",
                    "Shoppers can complain from the page their slip opens.",
                )
                .into(),
                action: Some(Link {
                    title: pick(lang, "打印投诉公示牌", "Print the notice").into(),
                    href: "/".into(),
                }),
            },
        ),
        badges: [
            (Mark::Blue, t.get("state-blue")),
            (Mark::Yellow, t.get("state-yellow")),
            (Mark::Red, t.get("state-red")),
            (Mark::Done, t.get("state-done")),
            (Mark::Plain, t.get("state-normal")),
        ]
        .map(|(mark, text)| Badge { mark, text })
        .into(),
        digest: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        qr: qr::svg("https://example.org/s/7f3a9c", "example.org").unwrap_or_default(),
        frame,
    };
    match page.render() {
        Ok(page) => Html(page).into_response(),
        Err(_) => Problem::internal().into_response(),
    }
}

fn fill(frame: &mut Frame) {
    let lang = frame.lang;
    let lines = [
        ("市场", "Market"),
        ("项目", "Projects"),
        ("督查", "Oversight"),
        ("招商", "Investment"),
        ("待办事项", "Matters"),
        ("追溯", "Trace"),
        ("系统管理", "Administration"),
    ];
    let item =
        |(i, (zh, en))| NavItem { title: pick(lang, zh, en).into(), href: "/".into(), current: i == 0 };
    frame.nav = lines.into_iter().enumerate().map(item).collect();
    frame.crumbs = vec![
        Crumb { title: pick(lang, "示例市", "Sample City").into(), href: Some("/".into()) },
        Crumb { title: pick(lang, "示例县", "Sample County").into(), href: Some("/".into()) },
        Crumb { title: pick(lang, "东门农贸市场", "East Gate Market").into(), href: None },
    ];
    frame.viewer_name = Some(pick(lang, "王敏", "Wang Min").into());
    frame.csrf = "sample".into();
    frame.as_of = Some("2026-03-05 14:07".into());
    frame.flash = Some(Flash { mark: Mark::Done, text: frame.t.get("form-saved") });
}

fn tiles(lang: Lang) -> Vec<FigureTile> {
    let tile = |zh, en, figure: String| FigureTile::new(pick(lang, zh, en), &figure).link("/");
    let mut tiles = vec![
        tile("今日成交额", "Sales today", format::money_short(lang, 123_456_780)),
        tile("成交笔数", "Slips", format::integer(18_432) + pick(lang, "笔", "")),
        tile("进货重量", "Received", format::weight_short(lang, 42_350_000)),
        tile("快检合格率", "Rapid tests passed", format::percent(1287, 1290)),
        tile("批次去向可查率", "Lots accounted for", format::percent(999_999, 1_000_000)),
    ];
    tiles[0].note = Some(pick(lang, "比昨日 +3.2%", "+3.2% on yesterday").into());
    tiles[3].badge = Some(Badge { mark: Mark::Red, text: pick(lang, "3 批不合格", "3 failed").into() });
    tiles
}

fn lots(frame: &Frame, query: &TableQuery) -> TableView {
    let (lang, t) = (frame.lang, &frame.t);
    let columns = vec![
        Column::text("lot", pick(lang, "批次", "Lot")).sorted(query),
        Column::text("product", pick(lang, "品名", "Product")),
        Column::text("merchant", pick(lang, "经营户", "Merchant")),
        Column::text("received", pick(lang, "进货时间", "Received")).sorted(query),
        Column::number("weight", pick(lang, "重量（千克）", "Weight (kg)")).sorted(query),
        Column::number("amount", pick(lang, "成交额", "Sales")).sorted(query),
        Column::text("state", pick(lang, "快检", "Rapid test")),
    ];
    let empty = Empty { title: t.get("empty-entries"), hint: t.get("empty-entries-hint"), action: None };
    let mut table = TableView::new("lots", pick(lang, "今日批次", "Today's lots"), columns, empty);
    let names = [
        ("上海青", "Pak choi", "李记蔬菜 A12", "Li Vegetables A12", Mark::Done),
        ("豇豆", "Cowpeas", "李记蔬菜 A12", "Li Vegetables A12", Mark::Red),
        ("猪后腿肉", "Pork leg", "东门鲜肉 B03", "East Gate Meat B03", Mark::Done),
        ("草鱼", "Grass carp", "洪湖水产 C07", "Honghu Fish C07", Mark::Yellow),
        ("鸡蛋", "Eggs", "绿源禽蛋 D01", "Lüyuan Eggs D01", Mark::Blue),
        ("豆腐", "Tofu", "老周豆制品 D11", "Zhou Tofu D11", Mark::Plain),
    ];
    for (i, (zh, en, merchant_zh, merchant_en, mark)) in (0i64..).zip(names) {
        let verdict = match mark {
            Mark::Done => pick(lang, "合格", "Passed"),
            Mark::Red => pick(lang, "不合格，已下架", "Failed, held"),
            Mark::Yellow => pick(lang, "待复检", "To be retested"),
            Mark::Blue => pick(lang, "检测中", "Being tested"),
            Mark::Plain => pick(lang, "免检", "Exempt"),
        };
        let at = Moment { epoch_ms: 1_772_660_829_000 + i * 1_234_567, offset_minutes: 480 };
        table.rows.push(vec![
            Cell::text(format!("2026-0305-{:03}", 12 + i)).link("/"),
            Cell::text(pick(lang, zh, en)),
            Cell::text(pick(lang, merchant_zh, merchant_en)).link("/"),
            Cell::date_time(at),
            Cell::kilograms(185_250 + i * 61_125).link("/"),
            Cell::money(91_234 + i * i * 345_678).link("/"),
            Cell::badge(Badge { mark, text: verdict.into() }),
        ]);
    }
    let mut totals = vec![Cell::none(); 7];
    totals[0] = Cell::text(t.get("table-total"));
    totals[4] = Cell::kilograms(2_028_375);
    totals[5] = Cell::money(19_559_694);
    table.totals = Some(totals);
    table.filter = Some(query.filter_form());
    table.pager = Some(query.pager(t, 6, Some(1_234), true));
    table.exports = query.export_links(t);
    table
}

fn charts(frame: &Frame) -> Vec<Chart> {
    let lang = frame.lang;
    let series = |id, zh, en, head: (&'static str, &'static str), points| Series {
        id,
        title: pick(lang, zh, en).into(),
        description: pick(lang, "示例数据。", "Sample data.").into(),
        label_head: pick(lang, head.0, head.1).into(),
        value_head: pick(lang, "金额", "Amount").into(),
        table_title: frame.t.get("chart-as-table"),
        points,
    };
    let day = |d: i64| {
        let fen = 80_000_000 + (d * 7_919 % 31) * 1_500_000 - if d % 7 == 0 { 30_000_000 } else { 0 };
        Point {
            label: format!("02-{d:02}"),
            value: fen,
            text: format::money_short(lang, fen),
            href: Some(format!("/?day={d}")),
        }
    };
    let days: Vec<Point> = (1..=28).map(day).collect();
    let ranked = [
        ("东门农贸市场", "East Gate Market", 123_456_780i64),
        ("河西农贸市场", "Hexi Market", 98_765_400),
        ("城关菜市场", "Chengguan Market", 45_000_000),
        ("新区生鲜超市", "New District Fresh", 12_300_000),
    ];
    let ranked = ranked.map(|(zh, en, fen)| Point {
        label: pick(lang, zh, en).into(),
        value: fen,
        text: format::money_short(lang, fen),
        href: Some("/".into()),
    });
    let tick = |fen: i64| {
        if fen == 0 { "0".to_owned() } else { format::count_short(lang, fen / 100).replace(".00", "") }
    };
    vec![
        chart::bars(series("by-day", "每日成交额", "Sales by day", ("日期", "Day"), days.clone()), tick),
        chart::line(series("trend", "成交额走势", "Sales over time", ("日期", "Day"), days), tick),
        chart::ranked(series(
            "by-market",
            "各市场成交额",
            "Sales by market",
            ("市场", "Market"),
            ranked.into(),
        )),
    ]
}

fn fields(frame: &Frame) -> Vec<Field> {
    let lang = frame.lang;
    let stalls = ["A12", "B03"].map(|stall| Choice { value: stall.into(), title: stall.into() });
    let mut weight =
        Field::new("weight", pick(lang, "重量", "Weight"), FieldKind::Number).value("十五").required();
    weight.unit = Some(pick(lang, "千克", "kg").into());
    vec![
        Field::new("product", pick(lang, "品名", "Product"), FieldKind::Text { chars_max: 40 })
            .value(pick(lang, "上海青", "Pak choi"))
            .required(),
        weight.error(Some(frame.t.get("form-not-a-number"))),
        Field::new("stall", pick(lang, "摊位", "Stall"), FieldKind::Choice(stalls.into())).required(),
        Field::new("day", pick(lang, "进货日期", "Received on"), FieldKind::Date)
            .value("2026-03-05")
            .required(),
        Field::new(
            "photo",
            pick(lang, "合格证照片", "Photo of the certificate"),
            FieldKind::File { accept: "image/*" },
        )
        .hint(pick(lang, "手机上可直接拍照。", "On a phone this opens the camera.")),
        Field::new("note", pick(lang, "备注", "Note"), FieldKind::Area { chars_max: 200 }),
        Field::new("fair", pick(lang, "已用公平秤复核", "Checked on the fair scale"), FieldKind::Tick),
    ]
}
