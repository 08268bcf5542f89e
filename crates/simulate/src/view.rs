//! What a scale reads of its state: the members that it sells by. It ignores the rest, as a scale in the field would.

use base::{Fen, Grams, Time};
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct View {
    pub stall: Option<String>,
    #[serde(default)]
    pub products: Vec<Product>,
    #[serde(default)]
    pub prices: Vec<Price>,
    /// The latest first.
    #[serde(default)]
    pub lots: Vec<OpenLot>,
    #[serde(default)]
    pub blocks: Vec<Block>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Product {
    pub product: String,
    pub category: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Price {
    pub stall: String,
    pub product: String,
    pub fen_per_kg: Fen,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct OpenLot {
    pub lot: String,
    pub product: String,
    pub left_g: Grams,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Block {
    pub hold: u64,
    pub lot: String,
    pub acked_at: Option<Time>,
}

#[cfg(test)]
mod tests {
    use line_market::intake::{OpenLot, ScaleState};
    use line_market::state;

    use super::*;

    #[test]
    fn a_state_as_the_market_writes_it_is_read() {
        let state = ScaleState {
            server_time: Time(1),
            stall: Some("A1".into()),
            products: vec![state::Product {
                product: "tomato".into(),
                title_zh: "番茄".into(),
                title_en: "Tomato".into(),
                category: "fruit-vegetable".into(),
            }],
            prices: vec![state::Price { stall: "A1".into(), product: "tomato".into(), fen_per_kg: Fen(698) }],
            lots: vec![OpenLot { lot: "L1".into(), product: "tomato".into(), left_g: Grams(500) }],
            blocks: vec![state::Block {
                hold: base::Seq(7),
                scale: 1,
                lot: "L2".into(),
                held_at: Time(1),
                acked_at: None,
                after_ms: None,
                released_at: None,
                recorded_at: Time(1),
            }],
        };
        let view: View = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
        assert_eq!(
            (view.lots[0].left_g, view.prices[0].fen_per_kg, view.blocks[0].hold),
            (Grams(500), Fen(698), 7)
        );
    }
}
