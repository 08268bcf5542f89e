//! Prints the part of the org tree that the projects need: towns, offices, books, posts.

use serde_json::{Value, json};

use super::leling::{PROJECTS, TOWNS};
use super::step::Pen;
use crate::days::parse;

/// Leling's chains and Yucheng's: book's unit, code, Chinese and English name.
pub(super) const CHAINS: [(&str, &str, &str, &str); 7] = [
    ("371481", "sports", "体育产业链", "Sports"),
    ("371481", "seasoning", "调味品产业链", "Seasonings"),
    ("371481", "equipment", "装备制造产业链", "Equipment"),
    ("371482", "wind", "风电产业链", "Wind power"),
    ("371482", "soybean", "大豆产业链", "Soybean"),
    ("371482", "wheat", "小麦产业链", "Wheat"),
    ("371482", "corn", "玉米产业链", "Corn"),
];

/// Bureaus: code, the unit above, Chinese and English name.
const BUREAUS: [(&str, &str, &str, &str); 9] = [
    ("leling-zhongdianban", "371481", "乐陵市重点项目推进办公室", "Leling Key Projects Office"),
    ("leling-shenpiju", "371481", "乐陵市行政审批服务局", "Leling Approval Services Bureau"),
    ("leling-ziranju", "371481", "乐陵市自然资源局", "Leling Natural Resources Bureau"),
    ("leling-zhujianju", "371481", "乐陵市住房和城乡建设局", "Leling Housing and Construction Bureau"),
    ("leling-huanjingju", "371481", "德州市生态环境局乐陵分局", "Leling Ecology and Environment Bureau"),
    ("yucheng-zhongdianban", "371482", "禹城市重点项目推进办公室", "Yucheng Key Projects Office"),
    ("yucheng-jiaotongju", "371482", "禹城市交通运输局", "Yucheng Transport Bureau"),
    ("dz-shangwuju", "371400", "市商务局", "Commerce Bureau"),
    ("jingkai-zhongdianban", "jingkai", "经开区重点项目推进办公室", "Development Zone Key Projects Office"),
];

/// Posts besides those of teams and chains.
const POSTS: [(&str, &str, &str, &str); 16] = [
    ("leling-zhongdianban", "chief", "乐陵市重点项目办主任岗", "Head of the Key Projects Office, Leling"),
    ("leling-zhongdianban", "agent", "乐陵市项目代办岗", "Permit proxy, Leling"),
    ("leling-shenpiju", "permits", "乐陵市投资项目审批岗", "Investment approvals, Leling"),
    ("leling-ziranju", "land", "乐陵市用地保障岗", "Land supply, Leling"),
    ("leling-zhujianju", "building", "乐陵市施工许可岗", "Building permits, Leling"),
    ("leling-huanjingju", "impact", "乐陵市环评审批岗", "Environmental assessment, Leling"),
    ("371481", "mayor", "乐陵市市长岗", "Mayor of Leling"),
    ("371481", "projects-leader", "乐陵市分管重点项目市领导", "City leader in charge of projects, Leling"),
    ("yucheng-zhongdianban", "chief", "禹城市重点项目办主任岗", "Head of the Key Projects Office, Yucheng"),
    ("yucheng-jiaotongju", "road-team", "禹城市高铁站连接线项目专班", "Team of the station road, Yucheng"),
    ("371482", "projects-leader", "禹城市分管重点项目市领导", "City leader in charge of projects, Yucheng"),
    ("dz-shangwuju", "chief", "市商务局农贸市场升级改造岗", "Market renovation, Commerce Bureau"),
    ("dz-shangwuju", "team", "农贸市场升级改造专班", "Team of the market renovation"),
    (
        "jingkai-zhongdianban",
        "chief",
        "经开区重点项目办主任岗",
        "Head of the Key Projects Office, Development Zone",
    ),
    ("jingkai-zhongdianban", "team", "经开区项目专班", "Project team, Development Zone"),
    ("jingkai-zhongdianban", "permits", "经开区审批服务岗", "Approvals, Development Zone"),
];

/// Books: name, unit, Chinese and English name.
const BOOKS: [(&str, &str, &str, &str); 4] = [
    ("leling-projects", "leling-zhongdianban", "乐陵市重点项目台账", "Leling key projects ledger"),
    ("yucheng-projects", "yucheng-zhongdianban", "禹城市重点项目台账", "Yucheng key projects ledger"),
    ("market-renovation", "dz-shangwuju", "农贸市场升级改造台账", "Market renovation ledger"),
    ("jingkai-projects", "jingkai-zhongdianban", "经开区重点项目台账", "Development zone projects ledger"),
];

pub(super) fn print() -> String {
    let unit = |code: &str, parent: &str, level: &str, zh: &str, en: &str| json!({ "code": code, "parent": parent, "level": level, "title_zh": zh, "title_en": en });
    let post = |unit: &str, name: &str, zh: &str, en: &str| json!({ "post": format!("post:{unit}/{name}"), "unit": unit, "title_zh": zh, "title_en": en });
    let mut units: Vec<Value> =
        TOWNS.iter().map(|(code, zh, en)| unit(code, "371481", "town", zh, en)).collect();
    units.extend(BUREAUS.iter().map(|(code, parent, zh, en)| unit(code, parent, "bureau", zh, en)));
    let books: Vec<Value> = BOOKS
        .iter()
        .map(|(book, unit, zh, en)| {
            json!({ "book": book, "unit": unit, "line": "projects", "title_zh": zh, "title_en": en })
        })
        .collect();
    let mut posts: Vec<Value> = POSTS.iter().map(|(unit, name, zh, en)| post(unit, name, zh, en)).collect();
    for (unit, chain, zh, en) in CHAINS {
        let (zh, en) = (format!("{zh}链长岗"), format!("Leader of the chain: {en}"));
        posts.push(post(unit, &format!("chain-{chain}"), &zh, &en));
    }
    for (_, chain, zh, en) in CHAINS.iter().filter(|chain| chain.0 == "371482") {
        let (zh, en) = (format!("{zh}项目专员岗"), format!("Project officer: {en}"));
        posts.push(post("yucheng-zhongdianban", &format!("officer-{chain}"), &zh, &en));
    }
    for number in 1..=PROJECTS {
        let (zh, en) = (format!("乐陵市{number:03}号项目专班"), format!("Leling project team {number:03}"));
        posts.push(post("leling-zhongdianban", &team(number), &zh, &en));
    }
    lines(&[("units", units), ("books", books), ("places", Vec::new()), ("posts", posts)])
}

/// Founds the chains of a county, each under the post that leads it.
pub(super) fn found_chains(pen: &mut Pen<'_>, county: &str) {
    for (unit, chain, zh, en) in CHAINS.iter().filter(|chain| chain.0 == county) {
        let body = json!({
            "chain": chain, "title_zh": zh, "title_en": en, "leader": format!("post:{unit}/chain-{chain}"),
        });
        pen.write(parse("2021-01-04"), 9 * 60, "projects.chain.founded", body);
    }
}

/// The post of a project's team, by the project's number.
pub(super) fn team(number: usize) -> String {
    format!("team-{number:03}")
}

/// An object of lists, an item a line.
fn lines(lists: &[(&str, Vec<Value>)]) -> String {
    let list = |(name, items): &(&str, Vec<Value>)| {
        let items: Vec<String> = items.iter().map(|item| format!("\n    {item}")).collect();
        let end = if items.is_empty() { "" } else { "\n  " };
        format!("  \"{name}\": [{}{end}]", items.join(","))
    };
    let lists: Vec<String> = lists.iter().map(list).collect();
    format!("{{\n{}\n}}\n", lists.join(",\n"))
}
