/// Numbers that a label determines, the same on every machine (SplitMix64; Steele, Lea and Flood, 2014). Not for secrets.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub fn new(label: &str) -> Self {
        let mut dice = Self(2021);
        for byte in label.bytes() {
            dice.0 ^= u64::from(byte);
            dice.0 = dice.roll();
        }
        dice
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = u128::from(high.abs_diff(low)) + 1;
        let drawn = (u128::from(self.roll()) * span) >> 64;
        low + i64::try_from(drawn).expect("at most the distance of two numbers that were given")
    }

    /// One of a list that is not empty.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let last = i64::try_from(of.len()).expect("a short list") - 1;
        &of[usize::try_from(self.between(0, last)).expect("a place in the list")]
    }
}
