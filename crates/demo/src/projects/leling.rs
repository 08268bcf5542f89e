//! Leling's 106 key projects of 2021: their names, sums and days, as a seed gives them. The totals are facts.

use base::{Day, Fen};

use crate::days::parse;
use crate::dice::Dice;

/// Ten thousand yuan (万元).
const WAN: i64 = 1_000_000;
/// All projects together: 26.0 billion yuan.
const ALL_WAN: i64 = 2_600_000;
/// The newly signed ones above 100 million yuan: 13 of 11.15 billion, the EOD pilot with 4.47 billion among them.
const SIGNED_WAN: i64 = 1_115_000;
const EOD_WAN: i64 = 447_000;
const SIGNED: usize = 13;
/// Newly signed ones below 100 million yuan, which do not count among the 13.
const SIGNED_SMALL: usize = 5;
pub(super) const PROJECTS: usize = 106;

/// The towns and the zone, seventeen in all: code, Chinese and English name.
pub(super) const TOWNS: [(&str, &str, &str); 17] = [
    ("leling-shizhong", "市中街道", "Shizhong Subdistrict"),
    ("leling-hujia", "胡家街道", "Hujia Subdistrict"),
    ("leling-yunhong", "云红街道", "Yunhong Subdistrict"),
    ("leling-guojia", "郭家街道", "Guojia Subdistrict"),
    ("leling-yangan", "杨安镇", "Yang'an Town"),
    ("leling-zhuji", "朱集镇", "Zhuji Town"),
    ("leling-huangjia", "黄夹镇", "Huangjia Town"),
    ("leling-dingwu", "丁坞镇", "Dingwu Town"),
    ("leling-huayuan", "花园镇", "Huayuan Town"),
    ("leling-zhengdian", "郑店镇", "Zhengdian Town"),
    ("leling-hualou", "化楼镇", "Hualou Town"),
    ("leling-kongzhen", "孔镇镇", "Kongzhen Town"),
    ("leling-tieying", "铁营镇", "Tieying Town"),
    ("leling-xiduan", "西段乡", "Xiduan Township"),
    ("leling-dasun", "大孙乡", "Dasun Township"),
    ("leling-zhaitoubu", "寨头堡乡", "Zhaitoubu Township"),
    ("leling-kaifaqu", "乐陵经济开发区", "Leling Development Zone"),
];

/// What is built: Chinese and English name, division of GB/T 4754-2017, chain.
const THEMES: [(&str, &str, &str, Option<&str>); 16] = [
    ("智能健身器材生产", "smart fitness equipment works", "C24", Some("sports")),
    ("体育器材零部件加工", "sports equipment parts works", "C24", Some("sports")),
    ("调味品精深加工", "seasoning processing works", "C14", Some("seasoning")),
    ("辣椒制品标准化车间", "chilli products workshop", "C13", Some("seasoning")),
    ("金丝小枣深加工", "jujube processing works", "C13", Some("seasoning")),
    ("汽车零部件精密铸造", "precision castings for cars", "C36", Some("equipment")),
    ("高端装备制造", "advanced equipment works", "C35", Some("equipment")),
    ("五金机械智能化改造", "hardware works renewal", "C33", Some("equipment")),
    ("生物医药中间体", "pharmaceutical intermediates works", "C27", None),
    ("新型建材生产线", "building materials line", "C30", None),
    ("冷链物流园", "cold-chain logistics park", "G59", None),
    ("农产品仓储集散中心", "farm produce store", "G59", None),
    ("标准厂房", "standard factory buildings", "E47", None),
    ("污水处理提标改造", "sewage works upgrade", "D46", None),
    ("老旧小区改造", "renewal of old housing", "K70", None),
    ("中小学扩建", "school extension", "P83", None),
];

/// A project as it was planned, and how it went.
#[derive(Debug, Clone)]
pub(super) struct Project {
    pub name: String,
    pub title_zh: String,
    pub title_en: String,
    pub industry: &'static str,
    pub chain: Option<&'static str>,
    pub town: usize,
    pub total: Fen,
    /// The day on which it was signed, of those newly signed.
    pub signed: Option<Day>,
    pub start: Day,
    pub finish: Day,
    /// Days by which it finishes early (below 0) or late.
    pub late_days: i32,
}

impl Project {
    /// The day on which it was finished in the end.
    pub fn finished(&self) -> Day {
        self.finish.plus(self.late_days)
    }

    pub fn registered(&self) -> Day {
        self.signed.unwrap_or_else(|| parse("2021-01-05").min(self.start.plus(-30)))
    }
}

/// All of them, in the order of their numbers. The first is the EOD pilot, the second the sports park.
pub(super) fn projects() -> Vec<Project> {
    let mut dice = Dice::new("projects of leling");
    let mut sums = vec![EOD_WAN];
    sums.extend(split(&mut dice, SIGNED_WAN - EOD_WAN, SIGNED - 1, 12_000));
    sums.extend(split_below(&mut dice, SIGNED_SMALL));
    let rest = ALL_WAN - sums.iter().sum::<i64>();
    sums.extend(split(&mut dice, rest, PROJECTS - sums.len(), 3_000));
    sums.iter().enumerate().map(|(at, wan)| project(&mut dice, at, *wan)).collect()
}

fn project(dice: &mut Dice, at: usize, wan: i64) -> Project {
    let number = at + 1;
    let (town, theme) = (at % TOWNS.len(), (at * 5 + at / TOWNS.len()) % THEMES.len());
    let (title_zh, title_en, industry, chain) = THEMES[theme];
    let (mut title_zh, mut title_en, mut chain, mut industry, mut town) = (
        format!("{}{title_zh}项目", TOWNS[town].1),
        format!("{}: {title_en}", TOWNS[town].2),
        chain,
        industry,
        town,
    );
    match at {
        0 => {
            title_zh = "生态环境导向的开发（EOD）试点项目".into();
            title_en = "EOD pilot project".into();
            (chain, industry, town) = (None, "N77", 16);
        }
        1 => {
            title_zh = "泰山体育（国际）产业园高端智能制造区".into();
            title_en = "Taishan Sports (international) industrial park, smart manufacturing area".into();
            (chain, industry, town) = (Some("sports"), "C24", 16);
        }
        _ => {}
    }
    let newly = at < SIGNED + SIGNED_SMALL;
    let days = |days: i64| i32::try_from(days).expect("a few hundred days");
    let signed = newly.then(|| parse("2021-02-22").plus(days(dice.between(0, 150))));
    let start = match signed {
        Some(signed) => signed.plus(days(dice.between(35, 110))),
        None => parse("2021-02-20").plus(days(dice.between(0, 200))),
    };
    // The larger, the longer.
    let long = 110 + wan.min(100_000) / 400 + dice.between(0, 120);
    // Of ten, seven finish in time or early, two a little late, and one is a sorrow.
    let late_days = match dice.between(0, 9) {
        0..=6 => -days(dice.between(0, 12)),
        7..=8 => days(dice.between(4, 25)),
        _ => days(dice.between(40, 90)),
    };
    Project {
        name: format!("p{number:03}"),
        title_zh,
        title_en,
        industry,
        chain,
        town,
        total: Fen(wan * WAN),
        signed,
        start,
        finish: start.plus(days(long)),
        late_days,
    }
}

/// So many sums that add up to one, none below a least one.
fn split(dice: &mut Dice, whole_wan: i64, parts: usize, least_wan: i64) -> Vec<i64> {
    let weights: Vec<i64> = (0..parts).map(|_| dice.between(1, 20) * dice.between(1, 6)).collect();
    let all: i64 = weights.iter().sum();
    let free = whole_wan - least_wan * i64::try_from(parts).expect("a few parts");
    let mut sums: Vec<i64> =
        weights.iter().map(|weight| least_wan + free * weight / all / 100 * 100).collect();
    let missing = whole_wan - sums.iter().sum::<i64>();
    if let Some(last) = sums.last_mut() {
        *last += missing;
    }
    sums
}

fn split_below(dice: &mut Dice, parts: usize) -> Vec<i64> {
    (0..parts).map(|_| dice.between(32, 95) * 100).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_sums_are_those_of_the_source_and_names_are_told_apart() {
        let all = projects();
        assert_eq!(all.len(), 106);
        assert_eq!(all.iter().map(|project| project.total.0).sum::<i64>(), 26_000_000_000 * 100);
        let large: Vec<_> =
            all.iter().filter(|it| it.signed.is_some() && it.total.0 >= 100_000_000 * 100).collect();
        assert_eq!(large.len(), 13);
        assert_eq!(large.iter().map(|it| it.total.0).sum::<i64>(), 11_150_000_000 * 100);
        assert_eq!(all[0].total.0, 4_470_000_000 * 100);
        assert!(all.iter().all(|project| project.start <= parse("2021-12-15")), "all start within the year");
        assert!(all.iter().all(|project| project.registered() < project.start));
        let titles: BTreeSet<_> = all.iter().map(|project| &project.title_zh).collect();
        assert_eq!(titles.len(), 106, "{titles:?}");
    }
}
