//! Whose turn it is, where a few things are done at a time for many: whoever has the least under way, so that nobody is held
//! up by somebody whose receivers are slow.

/// The place of the one whose turn it is among those that wait, each with its owner's name and in the order of their waiting;
/// `None` if each has as much under way as one may have.
pub fn in_turn<'o>(
    waiting: impl Iterator<Item = &'o str>,
    under_way: impl Fn(&str) -> usize,
    each_max: usize,
) -> Option<usize> {
    let counted = waiting.enumerate().map(|(at, owner)| (under_way(owner), at));
    counted.filter(|(count, _)| *count < each_max).min().map(|(_, at)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_the_least_under_way_comes_first_and_nobody_has_more_than_one_may_have() {
        let (waiting, mut busy, mut order) =
            (["a", "a", "a", "a", "b", "a", "c"], Vec::<&str>::new(), Vec::new());
        let mut left: Vec<&str> = waiting.to_vec();
        while let Some(at) =
            in_turn(left.iter().copied(), |owner| busy.iter().filter(|other| **other == owner).count(), 3)
        {
            let owner = left.remove(at);
            busy.push(owner);
            order.push(owner);
        }
        assert_eq!(order, ["a", "b", "c", "a", "a"]);
        assert_eq!(left, ["a", "a"]);
    }
}
