//! The one decision function against an independent reading of its rules, and against its own scopes.

#![allow(clippy::unwrap_used)]

use access::{
    ActionDef, Actor, Decision, Denial, Grant, KERNEL_ACTIONS, KERNEL_ROLES, Policy, Resource, RoleDef,
    decide, scope,
};
use base::{ActorId, BookId, SubjectId, UnitCode};
use proptest::prelude::*;
use registry::{Book, Level, Tree, Unit};

const LINES: [&str; 2] = ["market", "projects"];

const ROLES: &[RoleDef] = &[
    RoleDef {
        name: "operator",
        title_zh: "经营者",
        title_en: "Operator",
        line: Some("market"),
        of_programs: false,
    },
    RoleDef {
        name: "merchant",
        title_zh: "商户",
        title_en: "Merchant",
        line: Some("market"),
        of_programs: false,
    },
];

const ACTIONS: &[ActionDef] = &[
    action("market.lot.receive", Some("market"), &["operator"], &["merchant"], false),
    action("market.lot.read", Some("market"), &["operator", "leader", "auditor"], &["merchant"], false),
    action("market.slip.open", Some("market"), &[], &[], true),
    action("projects.plan.read", Some("projects"), &["leader"], &[], false),
];

const fn action(
    name: &'static str,
    line: Option<&'static str>,
    roles: &'static [&'static str],
    own_only: &'static [&'static str],
    public: bool,
) -> ActionDef {
    ActionDef { name, title_zh: "动作", title_en: "Action", line, roles, own_only, public }
}

fn policy() -> Policy {
    let roles = KERNEL_ROLES.iter().chain(ROLES).copied();
    Policy::new(roles, KERNEL_ACTIONS.iter().chain(ACTIONS).copied()).unwrap()
}

fn code(at: usize) -> UnitCode {
    UnitCode::new(format!("u{at}")).unwrap()
}

/// Unit 0 is the root; `parents[n]` is the parent of unit n + 1. Every unit keeps a book of each line.
fn tree(parents: &[usize]) -> Tree {
    let unit = |at: usize, parent: Option<usize>| Unit {
        code: code(at),
        parent: parent.map(code),
        level: Level::Other,
        title_zh: "单位".into(),
        title_en: "Unit".into(),
    };
    let mut units = vec![unit(0, None)];
    units.extend(parents.iter().enumerate().map(|(at, &parent)| unit(at + 1, Some(parent))));
    let book = |at: usize, line: &str| Book {
        book: BookId::new(format!("{line}-{at}")).unwrap(),
        unit: code(at),
        line: line.into(),
        title_zh: "账簿".into(),
        title_en: "Book".into(),
    };
    let books = (0..units.len()).flat_map(|at| LINES.map(|line| book(at, line))).collect();
    Tree::build(units, books, Vec::new(), Vec::new()).unwrap()
}

fn subject(at: usize) -> SubjectId {
    SubjectId::new(format!("merchant:m/{at}")).unwrap()
}

fn actor(grants: Vec<Grant>) -> Actor {
    Actor { id: ActorId::new("account:wei").unwrap(), grants }
}

fn grant(role: &str, unit: usize, line: Option<&str>, owner: Option<usize>) -> Grant {
    Grant { role: role.into(), unit: code(unit), line: line.map(str::to_owned), subject: owner.map(subject) }
}

/// The rules once more, read from the tables without the crate's own decision.
fn expected(policy: &Policy, parents: &[usize], actor: &Actor, action: &str, resource: &Resource) -> bool {
    let Some(action) = policy.actions().find(|def| def.name == action) else { return false };
    let mut above = vec![resource.unit.clone()];
    let mut at: usize = resource.unit.as_str()[1..].parse().unwrap();
    if at > parents.len() {
        return false;
    }
    while at > 0 {
        at = parents[at - 1];
        above.push(code(at));
    }
    if let (Some(of_action), Some(of_resource)) = (action.line, resource.line.as_deref())
        && of_action != of_resource
    {
        return false;
    }
    let line = resource.line.clone().or(action.line.map(str::to_owned));
    action.public
        || actor.grants.iter().any(|grant| {
            let role = grant.role.as_str();
            let own =
                action.own_only.contains(&role) && grant.subject.is_some() && grant.subject == resource.owner;
            (action.roles.contains(&role) || own)
                && above.contains(&grant.unit)
                && (grant.line.is_none() || grant.line == line)
        })
}

fn any_parents() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(any::<prop::sample::Index>(), 0..8)
        .prop_map(|parents| parents.iter().enumerate().map(|(at, parent)| parent.index(at + 1)).collect())
}

fn any_line() -> impl Strategy<Value = Option<&'static str>> {
    prop::option::of(prop::sample::select(&LINES[..]))
}

fn any_grant() -> impl Strategy<Value = Grant> {
    const NAMES: &[&str] = &["admin", "leader", "auditor", "operator", "merchant", "ghost"];
    (prop::sample::select(NAMES), 0_usize..10, any_line(), prop::option::of(0_usize..3))
        .prop_map(|(role, unit, line, owner)| grant(role, unit, line, owner))
}

fn any_action() -> impl Strategy<Value = &'static str> {
    let mut names: Vec<&str> = KERNEL_ACTIONS.iter().chain(ACTIONS).map(|action| action.name).collect();
    names.push("market.unknown.act");
    prop::sample::select(names)
}

proptest! {
    #[test]
    fn a_decision_follows_the_tables_and_a_scope_follows_the_decision(
        parents in any_parents(), grants in prop::collection::vec(any_grant(), 0..4), action in any_action(),
    ) {
        let (policy, tree, actor) = (policy(), tree(&parents), actor(grants));
        let scope = scope(&policy, &tree, &actor, action);
        for line in [None, Some("market"), Some("projects")] {
            let units = scope.units(&tree, line);
            for unit in 0..10 {
                for owner in [None, Some(0), Some(1), Some(2)] {
                    let resource = Resource {
                        unit: code(unit), line: line.map(str::to_owned), owner: owner.map(subject),
                    };
                    let allowed = decide(&policy, &tree, &actor, action, &resource).is_allowed();
                    prop_assert_eq!(allowed, expected(&policy, &parents, &actor, action, &resource));
                    prop_assert_eq!(allowed, scope.allows(&tree, &resource));
                    let listed = units.contains(&code(unit));
                    match owner {
                        None => prop_assert_eq!(allowed, listed),
                        Some(owner) if !listed => {
                            let fits = tree.unit(&code(unit)).is_some()
                                && policy.action(action).is_some_and(|a| a.line.is_none() || line.is_none() || a.line == line);
                            let own = fits && scope.owners(&tree, &code(unit), line).contains(&subject(owner));
                            prop_assert_eq!(allowed, own);
                        }
                        Some(_) => prop_assert!(allowed),
                    }
                }
            }
        }
        for book in tree.books() {
            let resource = Resource::of(&book.unit).in_line(&*book.line);
            let allowed = decide(&policy, &tree, &actor, action, &resource).is_allowed();
            prop_assert_eq!(allowed, scope.books(&tree, None).contains(&book.book));
            prop_assert_eq!(allowed, scope.books(&tree, Some(&book.line)).contains(&book.book));
        }
    }
}

#[test]
fn the_whole_matrix_of_roles_actions_and_subtrees_follows_the_table() {
    let parents = [0, 0, 1];
    let (policy, tree) = (policy(), tree(&parents));
    let mut walked = 0;
    for row in policy.table() {
        for (role, permission) in policy.roles().iter().zip(&row.permissions) {
            for granted in 0..4 {
                for unit in 0..4 {
                    for (mine, owner) in
                        [(None, None), (Some(1), Some(1)), (Some(1), Some(2)), (None, Some(1))]
                    {
                        let actor = actor(vec![grant(role.name, granted, None, mine)]);
                        let mut resource = Resource::of(&code(unit));
                        resource.owner = owner.map(subject);
                        let below = matches!((granted, unit), (0, _) | (1, 1 | 3) | (2, 2) | (3, 3));
                        let by_table = match permission {
                            access::Permission::All => below,
                            access::Permission::Own => below && mine.is_some() && mine == owner,
                            access::Permission::None => false,
                        };
                        let decision = decide(&policy, &tree, &actor, row.action.name, &resource);
                        let case = format!("{} {} on u{granted} to u{unit}", role.name, row.action.name);
                        assert_eq!(decision.is_allowed(), by_table || row.action.public, "{case}");
                        walked += 1;
                    }
                }
            }
        }
    }
    assert_eq!(walked, policy.roles().len() * policy.actions().count() * 4 * 4 * 4);
}

#[test]
fn what_is_unknown_is_denied_and_a_denial_says_what_was_nearest() {
    let (policy, tree) = (policy(), tree(&[0, 0]));
    let reason = |grants: Vec<Grant>, action: &str, resource: Resource| match decide(
        &policy,
        &tree,
        &actor(grants),
        action,
        &resource,
    ) {
        Decision::Allow { by } => panic!("allowed by {by:?}"),
        Decision::Deny { reason } => reason,
    };
    let everywhere = || vec![grant("admin", 0, None, None), grant("operator", 1, None, None)];
    let receive = "market.lot.receive";
    assert_eq!(reason(everywhere(), "market.lot.eat", Resource::of(&code(1))), Denial::UnknownAction);
    assert_eq!(reason(everywhere(), receive, Resource::of(&code(9))), Denial::UnknownUnit);
    assert_eq!(reason(everywhere(), receive, Resource::of(&code(1)).in_line("projects")), Denial::WrongLine);
    assert_eq!(reason(Vec::new(), receive, Resource::of(&code(1))), Denial::NoRole);
    assert_eq!(reason(vec![grant("ghost", 0, None, None)], receive, Resource::of(&code(1))), Denial::NoRole);
    assert_eq!(reason(everywhere(), receive, Resource::of(&code(2))), Denial::OtherUnit);
    let other = vec![grant("operator", 1, Some("projects"), None)];
    assert_eq!(reason(other, receive, Resource::of(&code(1))), Denial::OtherLine);
    let merchant = vec![grant("merchant", 1, None, Some(1))];
    assert_eq!(reason(merchant, receive, Resource::of(&code(1)).owned_by(subject(2))), Denial::NotOwn);
}
