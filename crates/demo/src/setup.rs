//! Prints the two markets' setup files: one record of the public API a line, the same bytes every time.

use base::Day;
use line_market::record::Input;
use serde::Serialize;
use serde_json::{Value, json};

use crate::dice::Dice;
use crate::goods::{GOODS, SECTIONS};

/// A market to be set up.
pub struct Setup {
    book: &'static str,
    title_zh: &'static str,
    title_en: &'static str,
    area_m2: i64,
    built: Option<i64>,
    /// The post of the bureau that supervises it.
    supervising: &'static str,
    /// Thirteen digits under the prefix 02, which GS1 leaves to restricted circulation; the check digit is computed.
    slips: &'static str,
    opened: &'static str,
    /// The day on which the register was filled, before the opening.
    filled: &'static str,
    /// Merchants and stalls of each section.
    sections: [(usize, usize); 8],
    fair_scales: usize,
}

/// Beiyuan market: 100 merchants.
pub const BEIYUAN: Setup = Setup {
    book: "beiyuan",
    title_zh: "北园农贸市场",
    title_en: "Beiyuan farmers' market",
    area_m2: 6_700,
    built: Some(1989),
    supervising: "post:decheng-shijianju/inspector",
    slips: "0023714020001",
    opened: "2021-12-10",
    filled: "2021-12-01",
    sections: [(36, 40), (12, 14), (14, 14), (8, 10), (6, 6), (10, 10), (6, 6), (8, 8)],
    fair_scales: 2,
};

/// Xiaoshen market: 60 merchants.
pub const XIAOSHEN: Setup = Setup {
    book: "xiaoshen",
    title_zh: "小申农贸市场",
    title_en: "Xiaoshen farmers' market",
    area_m2: 4_200,
    built: None,
    supervising: "post:jingkai-shijianju/inspector",
    slips: "0023714020002",
    opened: "2022-01-01",
    filled: "2021-12-24",
    sections: [(22, 24), (8, 8), (8, 8), (5, 6), (4, 4), (5, 5), (3, 3), (5, 5)],
    fair_scales: 1,
};

/// Jobs in Beiyuan before the renovation, and those that came with it: one third more.
const JOBS: [(&str, i64, &str); 2] =
    [("2021-01-04", 228, "改造前用工基数"), ("2021-12-10", 76, "升级改造后新增")];

#[derive(Serialize)]
struct Line<'a> {
    kind: &'a str,
    occurred: String,
    body: &'a Value,
}

/// What is written, a record a line.
#[derive(Default)]
struct Pen(String);

impl Pen {
    fn record(&mut self, day: &str, clock: &str, kind: &str, body: &Value) {
        let line = Line { kind, occurred: format!("{day}T{clock}+08:00"), body };
        self.0.push_str(&serde_json::to_string(&line).expect("a line has text keys"));
        self.0.push('\n');
    }
}

impl Setup {
    /// The file's text. Records of one kind stand together, after those that they refer to.
    pub fn print(&self) -> String {
        let mut pen = Pen::default();
        let gtin = format!("{}{}", self.slips, epcis::digital_link::check_digit(self.slips).unwrap_or('0'));
        let market = json!({
            "title_zh": self.title_zh, "title_en": self.title_en, "area_m2": self.area_m2, "built": self.built,
            "slip_gtin": gtin,
        });
        pen.record(self.opened, "06:00:00", "market.market.opened", &market);
        let duties = json!({
            "answering": format!("post:{}/operator", self.book), "supervising": self.supervising,
            "failed_test_workdays": 3, "breach_workdays": 3, "basis": "示范约定",
        });
        pen.record(self.opened, "06:05:00", "market.duties.assigned", &duties);
        if self.book == "beiyuan" {
            for (day, change, reason) in JOBS {
                let body = json!({ "change": change, "reason": reason });
                pen.record(day, "08:00:00", "market.jobs.changed", &body);
            }
        }
        for goods in GOODS {
            let body = json!({
                "product": goods.product, "title_zh": goods.title_zh, "title_en": goods.title_en,
                "category": goods.category,
            });
            pen.record(self.filled, "08:30:00", "market.product.registered", &body);
        }
        let tenancies = self.tenancies();
        self.print_merchants(&mut pen, &tenancies);
        self.print_stalls(&mut pen, &tenancies);
        self.print_prices(&mut pen, &tenancies);
        self.print_visitors(&mut pen);
        pen.0
    }

    /// Section, place within it, and number of the merchant, stall by stall.
    fn tenancies(&self) -> Vec<(usize, usize, usize)> {
        let mut first = 1;
        let mut all = Vec::new();
        for (section, (merchants, stalls)) in self.sections.into_iter().enumerate() {
            all.extend((0..stalls).map(|at| (section, at, first + at % merchants)));
            first += merchants;
        }
        all
    }

    fn print_merchants(&self, pen: &mut Pen, tenancies: &[(usize, usize, usize)]) {
        let mut merchants: Vec<(usize, usize)> = tenancies.iter().map(|it| (it.2, it.0)).collect();
        merchants.sort_unstable();
        merchants.dedup();
        for (merchant, section) in &merchants {
            let title = format!("{merchant:03}号经营户（{}）", SECTIONS[*section].1);
            let body = json!({ "merchant": merchant_code(*merchant), "title": title, "licence": null });
            pen.record(self.filled, "09:00:00", "market.merchant.registered", &body);
        }
        for (word, letters, years) in [("food_permit", "SP", 5), ("health", "JK", 1)] {
            for (merchant, _) in &merchants {
                let until = Day::parse(self.opened).expect("a date of ours").plus(365 * years);
                let number = format!("示范{letters}{}{merchant:03}", self.book.to_uppercase());
                let body = json!({
                    "merchant": merchant_code(*merchant), "certificate": word, "number": number, "until": until,
                });
                pen.record(self.filled, "09:30:00", "market.certificate.recorded", &body);
            }
        }
    }

    fn print_stalls(&self, pen: &mut Pen, tenancies: &[(usize, usize, usize)]) {
        for (section, at, _) in tenancies {
            let (_, _, zone, food, area_dm2, _) = SECTIONS[*section];
            let body = json!({ "stall": stall_code(*section, *at), "zone": zone, "food": food, "area_dm2": area_dm2 });
            pen.record(self.filled, "10:00:00", "market.stall.opened", &body);
        }
        let opened = Day::parse(self.opened).expect("a date of ours");
        for (section, at, merchant) in tenancies {
            let body = json!({
                "stall": stall_code(*section, *at), "merchant": merchant_code(*merchant), "from": opened,
                "until": opened.plus(3_652), "fee_fen": SECTIONS[*section].5,
            });
            pen.record(self.filled, "10:30:00", "market.stall.leased", &body);
        }
        let stalls = tenancies.iter().map(|(section, at, _)| Some(stall_code(*section, *at)));
        let fair = std::iter::repeat_n(None, self.fair_scales);
        for (at, stall) in stalls.chain(fair).enumerate() {
            let scale = at + 1;
            let body = json!({
                "scale": scale, "fair": stall.is_none(), "stall": stall,
                "serial": format!("DZC-{}-{scale:04}", self.book.to_uppercase()),
                "seal": format!("QF21{scale:04}"), "verified": self.filled,
                "verified_until": Day::parse(self.filled).expect("a date of ours").plus(364),
            });
            pen.record(self.filled, "11:00:00", "market.scale.enrolled", &body);
        }
    }

    fn print_prices(&self, pen: &mut Pen, tenancies: &[(usize, usize, usize)]) {
        let mut dice = Dice::new(self.book);
        for (section, at, _) in tenancies {
            let sold: Vec<_> = GOODS.iter().filter(|goods| goods.section == SECTIONS[*section].0).collect();
            for next in 0..sold.len().min(3) {
                let goods = sold[(3 * at + next) % sold.len()];
                let fen_per_kg = goods.fen_per_kg * dice.between(92, 108) / 1000 * 10;
                let body = json!({
                    "stall": stall_code(*section, *at), "product": goods.product, "fen_per_kg": fen_per_kg,
                });
                pen.record(self.opened, "06:30:00", "market.price.posted", &body);
            }
        }
    }

    /// Xiaoshen counted more than four thousand visitors on each day of its first two weeks.
    fn print_visitors(&self, pen: &mut Pen) {
        if self.book != "xiaoshen" {
            return;
        }
        let mut dice = Dice::new("visitors of xiaoshen");
        let opened = Day::parse(self.opened).expect("a date of ours");
        for day in (0..14).map(|days| opened.plus(days).to_string()) {
            for (gate, low, high) in [("south", 2_420, 3_100), ("north", 1_620, 1_990)] {
                let body = json!({ "gate": gate, "visitors": dice.between(low, high) });
                pen.record(&day, "19:30:00", "market.footfall.counted", &body);
            }
        }
    }
}

fn merchant_code(number: usize) -> String {
    format!("m{number:03}")
}

fn stall_code(section: usize, at: usize) -> String {
    format!("{}{:03}", SECTIONS[section].0, at + 1)
}

/// Reads a file of records.
pub(crate) fn read(text: &str) -> Result<Vec<Input>, (usize, String)> {
    let parse =
        |(at, line): (usize, &str)| serde_json::from_str(line).map_err(|error| (at + 1, error.to_string()));
    text.lines().enumerate().map(parse).collect()
}
