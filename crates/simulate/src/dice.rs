/// Numbers that a seed determines, the same on every machine (SplitMix64; Steele, Lea and Flood, 2014). Not for secrets.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

/// Quantiles of the exponential distribution with mean 1,000, at sixteenths.
const WAIT: [u64; 17] =
    [0, 64, 134, 208, 288, 375, 470, 575, 693, 827, 981, 1163, 1386, 1674, 2079, 2773, 5000];
/// Quantiles of the log-normal distribution with median 1,000 and sigma 0.6, at sixteenths, cut at three sigma.
const WEIGHT: [u64; 17] =
    [165, 398, 501, 587, 667, 746, 826, 910, 1000, 1098, 1211, 1341, 1498, 1703, 1994, 2510, 6050];

impl Dice {
    /// The stream of one player: another label, another stream.
    pub fn new(seed: u64, label: &str) -> Self {
        let mut dice = Self(seed);
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

    /// From 0 to below `bound`; 0 if that is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.roll()) * u128::from(bound);
        u64::try_from(wide >> 64).expect("the upper half of 128 bits")
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// From `-reach` to `reach`.
    pub fn around_zero(&mut self, reach: u32) -> i64 {
        let drawn = self.below(2 * u64::from(reach) + 1);
        i64::try_from(drawn).expect("33 bits") - i64::from(reach)
    }

    pub fn per_mille(&mut self, chance: u16) -> bool {
        self.below(1000) < u64::from(chance)
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.index(of.len()))
    }

    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("below a length")
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.index(last + 1));
        }
    }

    /// The time to the next of many independent customers who come every `mean` on average.
    pub fn wait(&mut self, mean: u64) -> u64 {
        mean * self.quantile(&WAIT) / 1000
    }

    /// What a customer takes, log-normal around a median.
    pub fn weight(&mut self, median: u64) -> u64 {
        (median * self.quantile(&WEIGHT) / 1000).max(1)
    }

    fn quantile(&mut self, table: &[u64; 17]) -> u64 {
        let (step, rest) = (self.index(16), self.below(1000));
        table[step] + (table[step + 1] - table[step]) * rest / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_a_label_determine_every_number() {
        let draw = |seed, label| {
            let mut dice = Dice::new(seed, label);
            (0..4).map(|_| dice.roll()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7, "beiyuan.1"), draw(7, "beiyuan.1"));
        assert_ne!(draw(7, "beiyuan.1"), draw(7, "beiyuan.2"));
        assert_ne!(draw(7, "beiyuan.1"), draw(8, "beiyuan.1"));
        // Reference output of SplitMix64 from state 0.
        assert_eq!(Dice(0).roll(), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn waits_and_weights_have_the_mean_and_the_median_that_were_asked_for() {
        let mut dice = Dice::new(1, "");
        let mean = (0..20_000).map(|_| dice.wait(20_000)).sum::<u64>() / 20_000;
        assert!((19_500..21_000).contains(&mean), "{mean}");
        let mut weights: Vec<u64> = (0..20_001).map(|_| dice.weight(600)).collect();
        weights.sort_unstable();
        assert!((590..610).contains(&weights[10_000]), "{}", weights[10_000]);
        assert!(weights[0] >= 99 && weights[20_000] <= 3630);
    }
}
