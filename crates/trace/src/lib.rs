//! Walks along entries: backward to where something came from, forward to where it went.
//!
//! Two subjects are linked when an entry turns one into the other or contains one in the other. A walk goes hop by hop:
//! all subjects of a hop are asked for at once, so its cost is a few queries a hop however wide it is.

use std::collections::HashMap;
use std::sync::Arc;

use base::{BookId, Seq, SubjectId};
use ledger::{Role, Subject};
use serde::Serialize;

/// Which way to walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// To the origin: from outputs to inputs.
    Backward,
    /// To the destination: from inputs to outputs.
    Forward,
}

/// One subject's part in one entry, with the others that take part in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub subject: SubjectId,
    pub role: Role,
    pub book: BookId,
    pub seq: Seq,
    /// The subjects of the entry that are not merely named; the one itself, if it is among them, leads nowhere.
    pub mates: Arc<[Subject]>,
}

/// Where links come from: a database, or a test's memory.
pub trait Links {
    type Error;

    /// The links of all these subjects in any order, at most `max` (one more may be returned to show there are more).
    /// Those in roles that lead nowhere in the direction ([`roles`]) may be left out.
    fn links(
        &mut self,
        subjects: &[SubjectId],
        direction: Direction,
        max: usize,
    ) -> Result<Vec<Link>, Self::Error>;

    /// Whether nothing comes out of such a subject: a walk forward reaches it and asks for no links of it.
    fn ends(&self, _subject: &SubjectId) -> bool {
        false
    }
}

/// How far a walk may go.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub depth: usize,
    pub subjects: usize,
    /// How much is followed of what is told of one subject.
    pub fan: Fan,
}

/// So many entries are followed from one subject, those first that were recorded first, and so many subjects of each: whoever
/// tells much of a subject keeps a walk from nothing else.
#[derive(Debug, Clone, Copy)]
pub struct Fan {
    pub entries: usize,
    pub mates: usize,
}

impl Fan {
    pub const WHOLE: Self = Self { entries: usize::MAX, mates: usize::MAX };
}

/// Why a walk ended before it was complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    Depth,
    Subjects,
    Time,
}

/// A subject that the walk reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    pub subject: SubjectId,
    /// Hops from the start, which is at 0.
    pub depth: usize,
    /// The entry that led here and the subject it led from; nothing for the start.
    pub via: Option<Via>,
}

/// The entry that links a subject to the one before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Via {
    pub book: BookId,
    pub seq: Seq,
    pub from: SubjectId,
}

/// What a walk found, in the order of its hops.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Walk {
    pub direction: Direction,
    pub steps: Vec<Step>,
    /// Where the walk was cut; `None` if it is complete.
    pub cut: Option<Cut>,
}

/// How a subject was reached, which decides where the walk may go from it: a container that was reached from one of its
/// contents says where that content travelled, not that its neighbours are kin.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reached {
    Plainly,
    AsContainer,
}

/// Walks from `start`. `late` is asked before every hop, and ends the walk when it says so.
pub fn walk<L: Links>(
    links: &mut L,
    start: &SubjectId,
    direction: Direction,
    bounds: Bounds,
    late: &dyn Fn() -> bool,
) -> Result<Walk, L::Error> {
    let mut steps = vec![Step { subject: start.clone(), depth: 0, via: None }];
    // And at which hop.
    let mut reached: HashMap<SubjectId, (Reached, usize)> =
        HashMap::from([(start.clone(), (Reached::Plainly, 0))]);
    let mut frontier = vec![start.clone()];
    let mut cut = None;
    let mut is_narrowed = false;
    for depth in 1.. {
        if frontier.is_empty() {
            break;
        }
        if depth > bounds.depth {
            // Only a subject with somewhere left to go makes the walk incomplete.
            let more = links.links(&frontier, direction, bounds.subjects)?;
            let open = more.iter().any(|link| {
                next(link, direction, reached[&link.subject].0)
                    .any(|(to, how)| leads_on(&reached, &to.id, how))
            });
            cut = open.then_some(Cut::Depth);
            break;
        }
        if late() {
            cut = Some(Cut::Time);
            break;
        }
        let room = bounds.subjects.saturating_sub(steps.len()) + 1;
        let mut found = links.links(&frontier, direction, room)?;
        // Those first that lead on from what was reached first.
        let order: HashMap<&SubjectId, usize> =
            frontier.iter().enumerate().map(|(at, id)| (id, at)).collect();
        found.sort_unstable_by(|a, b| {
            (order[&a.subject], &a.book, a.seq).cmp(&(order[&b.subject], &b.book, b.seq))
        });
        let mut hop = Vec::new();
        let (mut from, mut followed) = (None, 0_usize);
        'hop: for link in &found {
            if from != Some(&link.subject) {
                (from, followed) = (Some(&link.subject), 0);
            }
            followed += 1;
            let mates = if followed > bounds.fan.entries { 0 } else { bounds.fan.mates };
            for (at, (to, how)) in next(link, direction, reached[&link.subject].0).enumerate() {
                if at >= mates {
                    is_narrowed = true;
                    break;
                }
                if !leads_on(&reached, &to.id, how) {
                    continue;
                }
                let goes_on = direction == Direction::Backward || !links.ends(&to.id);
                if let Some((before, at)) = reached.get_mut(&to.id) {
                    *before = how;
                    if goes_on && *at < depth {
                        hop.push(to.id.clone());
                    }
                    continue;
                }
                if steps.len() >= bounds.subjects {
                    cut = Some(Cut::Subjects);
                    break 'hop;
                }
                reached.insert(to.id.clone(), (how, depth));
                let via = Via { book: link.book.clone(), seq: link.seq, from: link.subject.clone() };
                steps.push(Step { subject: to.id.clone(), depth, via: Some(via) });
                if goes_on {
                    hop.push(to.id.clone());
                }
            }
        }
        if cut.is_some() {
            break;
        }
        if found.len() > room {
            is_narrowed = true;
            if bounds.fan.entries == usize::MAX {
                break;
            }
        }
        frontier = hop;
    }
    Ok(Walk { direction, steps, cut: cut.or(is_narrowed.then_some(Cut::Subjects)) })
}

/// Whether a subject was not reached before, or only as a container of something, from which the walk did not go everywhere.
fn leads_on(reached: &HashMap<SubjectId, (Reached, usize)>, to: &SubjectId, how: Reached) -> bool {
    reached.get(to).is_none_or(|(before, _)| (*before, how) == (Reached::AsContainer, Reached::Plainly))
}

/// The roles from which a walk goes on.
pub fn roles(direction: Direction) -> [Role; 3] {
    match direction {
        Direction::Backward => [Role::Output, Role::Child, Role::Parent],
        Direction::Forward => [Role::Input, Role::Child, Role::Parent],
    }
}

/// Where one link leads from its subject.
fn next(link: &Link, direction: Direction, reached: Reached) -> impl Iterator<Item = (&Subject, Reached)> {
    let wanted = match (direction, link.role) {
        (Direction::Backward, Role::Output) => Some((Role::Input, Reached::Plainly)),
        (Direction::Forward, Role::Input) => Some((Role::Output, Reached::Plainly)),
        (_, Role::Child) => Some((Role::Parent, Reached::AsContainer)),
        (_, Role::Parent) if reached == Reached::Plainly => Some((Role::Child, Reached::Plainly)),
        _ => None,
    };
    link.mates.iter().filter_map(move |mate| match wanted {
        Some((role, how)) if mate.role == role && mate.id != link.subject => Some((mate, how)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    /// Entries as lists of subjects in their roles.
    struct Memory(Vec<Vec<Subject>>);

    impl Links for Memory {
        type Error = Infallible;
        fn links(
            &mut self,
            subjects: &[SubjectId],
            direction: Direction,
            _max: usize,
        ) -> Result<Vec<Link>, Infallible> {
            let mut links = Vec::new();
            for (seq, entry) in self.0.iter().enumerate() {
                let leads = |s: &&Subject| subjects.contains(&s.id) && roles(direction).contains(&s.role);
                for me in entry.iter().filter(leads) {
                    links.push(Link {
                        subject: me.id.clone(),
                        role: me.role,
                        book: BookId::new("b").unwrap(),
                        seq: Seq(seq as u64),
                        mates: entry.iter().filter(|s| s.id != me.id).cloned().collect(),
                    });
                }
            }
            Ok(links)
        }
    }

    fn id(text: &str) -> SubjectId {
        SubjectId::new(format!("lot:b/{text}")).unwrap()
    }

    fn turn(inputs: &[&str], outputs: &[&str]) -> Vec<Subject> {
        let input = inputs.iter().map(|text| Subject::new(Role::Input, id(text)));
        input.chain(outputs.iter().map(|text| Subject::new(Role::Output, id(text)))).collect()
    }

    const WIDE: Bounds = Bounds { depth: 32, subjects: 1000, fan: Fan::WHOLE };

    fn reach(
        memory: &mut Memory,
        start: &str,
        direction: Direction,
        bounds: Bounds,
    ) -> (Vec<String>, Option<Cut>) {
        let Ok(walk) = walk(memory, &id(start), direction, bounds, &|| false);
        (walk.steps[1..].iter().map(|step| step.subject.local_part().to_owned()).collect(), walk.cut)
    }

    #[test]
    fn a_slip_walks_back_to_the_field_and_a_field_forward_to_every_slip() {
        let mut memory = Memory(vec![
            turn(&["field"], &["harvest"]),
            turn(&["harvest"], &["lot"]),
            turn(&["lot"], &["slip1"]),
            turn(&["lot"], &["slip2"]),
        ]);
        assert_eq!(reach(&mut memory, "slip1", Direction::Backward, WIDE).0, ["lot", "harvest", "field"]);
        assert_eq!(
            reach(&mut memory, "field", Direction::Forward, WIDE).0,
            ["harvest", "lot", "slip1", "slip2"]
        );
    }

    #[test]
    fn a_child_follows_its_container_but_is_no_kin_of_its_neighbours() {
        let mut memory = Memory(vec![
            vec![
                Subject::new(Role::Parent, id("pallet")),
                Subject::new(Role::Child, id("a")),
                Subject::new(Role::Child, id("b")),
            ],
            turn(&["farm"], &["pallet"]),
        ]);
        assert_eq!(reach(&mut memory, "a", Direction::Backward, WIDE).0, ["pallet", "farm"]);
        assert_eq!(reach(&mut memory, "pallet", Direction::Forward, WIDE).0, ["a", "b"]);
    }

    #[test]
    fn what_is_in_a_container_is_reached_also_where_something_else_was_packed_into_it_before() {
        let packed = |children: &[&str]| {
            let children = children.iter().map(|child| Subject::new(Role::Child, id(child)));
            std::iter::once(Subject::new(Role::Parent, id("box"))).chain(children).collect()
        };
        for planted in [packed(&["a"]), packed(&["lot"]), packed(&["b"])] {
            let told = [
                turn(&["lot"], &["a"]),
                turn(&["a"], &["b"]),
                turn(&["b"], &["box"]),
                packed(&["jar", "tin"]),
            ];
            let mut memory = Memory(std::iter::once(planted).chain(told).collect());
            let (mut reached, cut) = reach(&mut memory, "lot", Direction::Forward, WIDE);
            reached.sort();
            assert_eq!((reached, cut), (["a", "b", "box", "jar", "tin"].map(Into::into).to_vec(), None));
            // Nowhere to go but into the box again.
            let narrow = Bounds { depth: 3, ..WIDE };
            assert_eq!(reach(&mut memory, "lot", Direction::Forward, narrow).1, Some(Cut::Depth));
        }
    }

    #[test]
    fn a_walk_says_where_it_was_cut_and_only_if_it_was() {
        let mut memory = Memory(vec![turn(&["1"], &["2"]), turn(&["2"], &["3"]), turn(&["2"], &["4"])]);
        let bounds = |depth, subjects| Bounds { depth, subjects, fan: Fan::WHOLE };
        assert_eq!(
            reach(&mut memory, "1", Direction::Forward, bounds(1, 10)),
            (vec!["2".into()], Some(Cut::Depth))
        );
        assert_eq!(reach(&mut memory, "1", Direction::Forward, bounds(2, 10)).1, None);
        assert_eq!(reach(&mut memory, "1", Direction::Forward, bounds(9, 3)).1, Some(Cut::Subjects));
        let Ok(late) = walk(&mut memory, &id("1"), Direction::Forward, WIDE, &|| true);
        assert_eq!(late.cut, Some(Cut::Time));
    }

    #[test]
    fn whoever_tells_much_of_a_subject_keeps_a_walk_from_nothing_that_was_told_before() {
        let mut entries =
            vec![turn(&["lot"], &["slip"]), turn(&["harvest"], &["lot"]), turn(&["field"], &["harvest"])];
        let planted: Vec<Vec<String>> =
            (0..60).map(|at| (0..200).map(|n| format!("{at}-{n}")).collect()).collect();
        for inputs in &planted {
            entries.push(turn(&inputs.iter().map(String::as_str).collect::<Vec<_>>(), &["lot"]));
        }
        let narrow = Bounds { depth: 32, subjects: 500, fan: Fan { entries: 3, mates: 12 } };
        let (reached, cut) = reach(&mut Memory(entries), "slip", Direction::Backward, narrow);
        assert_eq!(reached[..2], ["lot", "harvest"]);
        assert!(reached.contains(&"field".to_owned()));
        assert_eq!((reached.len(), cut), (3 + 2 * 12, Some(Cut::Subjects)));
    }

    #[test]
    fn what_leads_on_from_what_was_told_first_is_reached_however_others_name_theirs() {
        let mut entries =
            vec![turn(&["box"], &["slip"]), turn(&["washed"], &["box"]), turn(&["field"], &["washed"])];
        let many = |name: &str| -> Vec<String> { (0..12).map(|n| format!("{name}{n}")).collect() };
        let first = many("A");
        entries.push(turn(&first.iter().map(String::as_str).collect::<Vec<_>>(), &["box"]));
        for subject in &first {
            for at in 0..3 {
                let more = many(&format!("{subject}-{at}-"));
                entries.push(turn(&more.iter().map(String::as_str).collect::<Vec<_>>(), &[subject]));
            }
        }
        let narrow = Bounds { depth: 32, subjects: 100, fan: Fan { entries: 3, mates: 12 } };
        let (reached, cut) = reach(&mut Memory(entries), "slip", Direction::Backward, narrow);
        assert!(reached.contains(&"field".to_owned()), "{reached:?}");
        assert_eq!(cut, Some(Cut::Subjects));
    }

    /// Entries in which subjects whose name begins with `slip` end a walk, and how often links were asked for.
    struct Ending {
        memory: Memory,
        asked: usize,
    }

    impl Links for Ending {
        type Error = Infallible;
        fn links(
            &mut self,
            subjects: &[SubjectId],
            direction: Direction,
            max: usize,
        ) -> Result<Vec<Link>, Infallible> {
            self.asked += subjects.len();
            self.memory.links(subjects, direction, max)
        }
        fn ends(&self, subject: &SubjectId) -> bool {
            subject.local_part().starts_with("slip")
        }
    }

    proptest! {
        #[test]
        fn ends_change_no_walk_forward_where_nothing_comes_out_of_them(
            edges in proptest::collection::vec((0_u8..8, 0_u8..8), 1..20),
            sold in proptest::collection::vec(0_u8..8, 0..20),
            depth in 1_usize..6,
        ) {
            let names: Vec<String> = (0..8).map(|n| n.to_string()).collect();
            let mut entries: Vec<Vec<Subject>> = edges.iter().filter(|(a, b)| a != b)
                .map(|&(a, b)| turn(&[&names[a as usize]], &[&names[b as usize]])).collect();
            let slips = sold.iter().enumerate().map(|(at, lot)| turn(&[&names[*lot as usize]], &[&format!("slip{at}")]));
            entries.extend(slips);
            let bounds = Bounds { depth, ..WIDE };
            let start = id("0");
            let Ok(plain) = walk(&mut Memory(entries.clone()), &start, Direction::Forward, bounds, &|| false);
            let mut ending = Ending { memory: Memory(entries), asked: 0 };
            let Ok(ended) = walk(&mut ending, &start, Direction::Forward, bounds, &|| false);
            let reached = plain.steps.iter().filter(|step| !step.subject.local_part().starts_with("slip")).count();
            prop_assert!(ending.asked <= reached, "no slip is asked about");
            prop_assert_eq!(plain, ended);
        }

        #[test]
        fn what_is_reached_forward_reaches_back_even_with_cycles(edges in proptest::collection::vec((0_u8..12, 0_u8..12), 1..30)) {
            let names: Vec<String> = (0..12).map(|n| n.to_string()).collect();
            let mut memory = Memory(edges.iter().filter(|(a, b)| a != b)
                .map(|&(a, b)| turn(&[&names[a as usize]], &[&names[b as usize]])).collect());
            let (forward, cut) = reach(&mut memory, "0", Direction::Forward, WIDE);
            prop_assert_eq!(cut, None);
            for name in forward {
                prop_assert!(reach(&mut memory, &name, Direction::Backward, WIDE).0.contains(&"0".to_owned()));
            }
        }
    }
}
