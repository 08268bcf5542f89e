//! What is sold, and how: plausible measures of a northern market in winter, not statistics.

/// A product of the demonstration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goods {
    pub product: &'static str,
    pub title_zh: &'static str,
    pub title_en: &'static str,
    pub category: &'static str,
    /// The section of the market, as in [`SECTIONS`].
    pub section: char,
    /// What a customer takes, in grams.
    pub typical_g: i64,
    pub fen_per_kg: i64,
}

const fn goods(
    section: char,
    product: &'static str,
    title_zh: &'static str,
    title_en: &'static str,
    category: &'static str,
    typical_g: i64,
    fen_per_kg: i64,
) -> Goods {
    Goods { product, title_zh, title_en, category, section, typical_g, fen_per_kg }
}

pub(crate) const GOODS: [Goods; 40] = [
    goods('A', "spinach", "菠菜", "Spinach", "leaf-vegetable", 500, 780),
    goods('A', "chives", "韭菜", "Chinese chives", "leaf-vegetable", 400, 900),
    goods('A', "napa-cabbage", "大白菜", "Napa cabbage", "leaf-vegetable", 2_000, 160),
    goods('A', "pak-choi", "油菜", "Pak choi", "leaf-vegetable", 500, 620),
    goods('A', "lettuce", "生菜", "Lettuce", "leaf-vegetable", 450, 840),
    goods('A', "celery", "芹菜", "Celery", "leaf-vegetable", 700, 460),
    goods('A', "tomato", "西红柿", "Tomato", "fruit-vegetable", 900, 760),
    goods('A', "cucumber", "黄瓜", "Cucumber", "fruit-vegetable", 700, 820),
    goods('A', "aubergine", "茄子", "Aubergine", "fruit-vegetable", 700, 680),
    goods('A', "green-pepper", "青椒", "Green pepper", "fruit-vegetable", 400, 880),
    goods('A', "potato", "土豆", "Potato", "root-vegetable", 1_500, 300),
    goods('A', "radish", "白萝卜", "White radish", "root-vegetable", 1_300, 180),
    goods('A', "carrot", "胡萝卜", "Carrot", "root-vegetable", 800, 320),
    goods('A', "leek", "大葱", "Welsh onion", "stem-vegetable", 800, 520),
    goods('A', "shiitake", "香菇", "Shiitake", "mushroom-vegetable", 300, 1_560),
    goods('B', "apple", "苹果", "Apple", "fruit", 1_500, 780),
    goods('B', "pear", "梨", "Pear", "fruit", 1_500, 560),
    goods('B', "mandarin", "砂糖橘", "Mandarin orange", "fruit", 1_200, 980),
    goods('B', "banana", "香蕉", "Banana", "fruit", 1_200, 660),
    goods('B', "strawberry", "草莓", "Strawberry", "fruit", 500, 3_960),
    goods('C', "pork-belly", "五花肉", "Pork belly", "pork", 700, 2_960),
    goods('C', "pork-leg", "猪后腿肉", "Pork leg", "pork", 700, 2_560),
    goods('C', "pork-ribs", "猪排骨", "Pork ribs", "pork", 900, 4_560),
    goods('C', "beef", "牛肉", "Beef", "beef", 600, 7_800),
    goods('C', "mutton", "羊肉", "Mutton", "mutton", 600, 7_600),
    goods('D', "carp", "鲤鱼", "Carp", "fish", 1_300, 1_760),
    goods('D', "crucian-carp", "鲫鱼", "Crucian carp", "fish", 900, 2_160),
    goods('D', "hairtail", "带鱼", "Hairtail", "fish", 900, 3_360),
    goods('D', "prawn", "基围虾", "Prawn", "aquatic", 500, 7_200),
    goods('E', "egg", "鸡蛋", "Eggs", "egg", 1_500, 1_060),
    goods('E', "duck-egg", "鸭蛋", "Duck eggs", "egg", 800, 1_560),
    goods('E', "chicken", "白条鸡", "Dressed chicken", "poultry", 1_400, 1_860),
    goods('F', "braised-chicken", "德州扒鸡", "Dezhou braised chicken", "cooked-poultry", 900, 5_600),
    goods('F', "sauced-beef", "酱牛肉", "Sauced beef", "cooked-beef", 400, 11_600),
    goods('F', "stewed-pork", "卤猪头肉", "Stewed pork", "cooked-pork", 400, 6_400),
    goods('F', "steamed-bread", "馒头", "Steamed bread", "cooked-staple", 1_000, 700),
    goods('G', "tofu", "豆腐", "Tofu", "soy", 700, 560),
    goods('G', "tofu-skin", "豆腐皮", "Tofu skin", "soy", 400, 1_380),
    goods('H', "rice", "大米", "Rice", "grain", 5_000, 620),
    goods('H', "flour", "面粉", "Wheat flour", "grain", 5_000, 480),
];

pub(crate) fn of_product(product: &str) -> Option<&'static Goods> {
    GOODS.iter().find(|goods| goods.product == product)
}

/// A section of a market: its letter, what is sold there, `zone`, `food`, square decimetres and fen a month of a stall.
pub(crate) const SECTIONS: [(char, &str, &str, &str, i64, i64); 8] = [
    ('A', "蔬菜", "wet", "raw", 600, 60_000),
    ('B', "水果", "dry", "other", 700, 75_000),
    ('C', "肉类", "wet", "raw", 800, 96_000),
    ('D', "水产", "wet", "raw", 900, 98_000),
    ('E', "禽蛋", "wet", "raw", 600, 62_000),
    ('F', "熟食", "dry", "cooked", 700, 90_000),
    ('G', "豆制品", "wet", "other", 500, 52_000),
    ('H', "粮油干货", "dry", "other", 1_000, 80_000),
];

/// Suppliers, none of which exists, and where their goods come from.
pub(crate) const SUPPLIERS: [(&str, &str); 6] = [
    ("示范一号批发市场", "山东德州陵城"),
    ("示范二号批发市场", "山东济南"),
    ("示范蔬菜合作社", "山东德州平原"),
    ("示范运河农场", "山东德州武城"),
    ("示范养殖合作社", "山东德州临邑"),
    ("示范水产批发市场", "山东聊城"),
];

/// Type and prefix of the paper that comes with goods of a category.
pub(crate) fn document(category: &str) -> (&'static str, &'static str) {
    match category {
        "pork" | "beef" | "mutton" | "poultry" => ("quarantine", "JY"),
        word if word.contains("vegetable") || word == "egg" || word == "fruit" => ("conformity", "HG"),
        _ => ("purchase_slip", "GH"),
    }
}

/// How goods of a category are tested: method, item, limit, and what the device shows of a good sample.
pub(crate) fn test(category: &str) -> (&'static str, &'static str, Option<&'static str>, &'static str) {
    const GOLD: &str = "rapid-colloidal-gold";
    match category {
        word if word.contains("cooked") => ("rapid-reagent", "nitrite", Some("30 mg/kg"), "5 mg/kg"),
        "pork" | "beef" | "mutton" => (GOLD, "ractopamine", None, "阴性 negative"),
        "fish" | "aquatic" => (GOLD, "malachite-green", None, "阴性 negative"),
        "egg" | "poultry" => (GOLD, "enrofloxacin", None, "阴性 negative"),
        "soy" | "grain" => (GOLD, "aflatoxin-b1", None, "阴性 negative"),
        _ => ("enzyme-inhibition", "organophosphate", Some("50 %"), "12 %"),
    }
}
