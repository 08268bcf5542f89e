//! How goods of a category are sold and bought: plausible measures of a northern market, not statistics.

use line_market::kinds::DocumentType;

/// Measures of a category.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Goods {
    /// What a customer takes, in grams; half take more.
    pub median_g: u64,
    /// The price that an operator posts first, in fen a kilogram.
    pub fen_per_kg: u64,
    /// The paper that comes with a lot.
    pub document: DocumentType,
}

const fn goods(median_g: u64, fen_per_kg: u64, document: DocumentType) -> Goods {
    Goods { median_g, fen_per_kg, document }
}

/// The first whose word stands in the category counts.
const CATEGORIES: [(&str, Goods); 14] = [
    ("pork", goods(700, 2_600, DocumentType::Quarantine)),
    ("beef", goods(600, 7_800, DocumentType::Quarantine)),
    ("mutton", goods(600, 7_600, DocumentType::Quarantine)),
    ("lamb", goods(600, 7_600, DocumentType::Quarantine)),
    ("poultry", goods(1_200, 2_200, DocumentType::Quarantine)),
    ("meat", goods(700, 3_000, DocumentType::Quarantine)),
    ("fish", goods(900, 2_400, DocumentType::PurchaseSlip)),
    ("aquatic", goods(900, 2_400, DocumentType::PurchaseSlip)),
    ("egg", goods(1_000, 1_000, DocumentType::Conformity)),
    ("leaf", goods(450, 500, DocumentType::Conformity)),
    ("vegetable", goods(650, 600, DocumentType::Conformity)),
    ("fruit", goods(1_200, 900, DocumentType::Conformity)),
    ("cooked", goods(400, 4_800, DocumentType::PurchaseSlip)),
    ("grain", goods(2_500, 600, DocumentType::PurchaseSlip)),
];

const OTHER: Goods = goods(500, 800, DocumentType::PurchaseSlip);

pub(crate) fn of_category(category: &str) -> Goods {
    let known = CATEGORIES.iter().find(|(word, _)| category.contains(word));
    known.map_or(OTHER, |(_, goods)| *goods)
}

/// Suppliers, none of which exists, and where their goods come from.
pub(crate) const SUPPLIERS: [(&str, &str); 8] = [
    ("示范一号批发市场", "山东德州陵城"),
    ("示范二号批发市场", "山东济南历城"),
    ("示范绿源蔬菜合作社", "山东德州平原"),
    ("示范运河农场", "山东德州武城"),
    ("示范兴隆养殖合作社", "山东德州临邑"),
    ("示范禹东果蔬合作社", "山东德州禹城"),
    ("示范农产品物流园", "山东潍坊寿光"),
    ("示范水产批发市场", "山东聊城东昌府"),
];
