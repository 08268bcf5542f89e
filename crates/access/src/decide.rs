use std::collections::{BTreeMap, BTreeSet};

use base::{ActorId, BookId, SubjectId, UnitCode};
use registry::Tree;
use serde::{Deserialize, Serialize};

use crate::{ActionDef, Permission, Policy};

/// A role, granted on a unit and all below it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    pub role: String,
    #[schema(value_type = String)]
    pub unit: UnitCode,
    /// The one line that it holds for; `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// On whose behalf: the owner whose resources an own-only role may touch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub subject: Option<SubjectId>,
}

/// Who asks, and what was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub id: ActorId,
    pub grants: Vec<Grant>,
}

/// What an action is done to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    pub unit: UnitCode,
    /// The line it belongs to; `None` where the action's own line says it, or where it belongs to none.
    pub line: Option<String>,
    pub owner: Option<SubjectId>,
}

impl Resource {
    /// A resource of a unit, without owner, of the action's own line.
    pub fn of(unit: &UnitCode) -> Self {
        Self { unit: unit.clone(), line: None, owner: None }
    }

    #[must_use]
    pub fn in_line(mut self, line: impl Into<String>) -> Self {
        self.line = Some(line.into());
        self
    }

    #[must_use]
    pub fn owned_by(mut self, owner: SubjectId) -> Self {
        self.owner = Some(owner);
        self
    }
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Allowed by a grant, or by none because anybody may.
    Allow {
        by: Option<Grant>,
    },
    Deny {
        reason: Denial,
    },
}

impl Decision {
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allow { .. })
    }
}

/// Why not: of several reasons, the one nearest to a yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Denial {
    #[error("the action is not known")]
    UnknownAction,
    #[error("the unit is not known")]
    UnknownUnit,
    #[error("the resource belongs to another line of work than the action")]
    WrongLine,
    #[error("no role was granted that may do this")]
    NoRole,
    #[error("the role was granted for another line of work")]
    OtherLine,
    #[error("the role was granted for other units")]
    OtherUnit,
    #[error("the role may do this only with its own")]
    NotOwn,
}

/// Whether an actor may do an action to a resource. Everything unknown is denied.
pub fn decide(policy: &Policy, tree: &Tree, actor: &Actor, action: &str, resource: &Resource) -> Decision {
    let Some(action) = policy.action(action) else { return deny(Denial::UnknownAction) };
    if tree.unit(&resource.unit).is_none() {
        return deny(Denial::UnknownUnit);
    }
    if !line_fits(action, resource.line.as_deref()) {
        return deny(Denial::WrongLine);
    }
    if action.public {
        return Decision::Allow { by: None };
    }
    let mut nearest = Denial::NoRole;
    for grant in &actor.grants {
        match judge(policy, tree, grant, action, resource) {
            Ok(()) => return Decision::Allow { by: Some(grant.clone()) },
            Err(denial) => nearest = nearest.max(denial),
        }
    }
    deny(nearest)
}

fn deny(reason: Denial) -> Decision {
    Decision::Deny { reason }
}

fn line_fits(action: &ActionDef, line: Option<&str>) -> bool {
    action.line.is_none() || line.is_none() || action.line == line
}

fn judge(
    policy: &Policy,
    tree: &Tree,
    grant: &Grant,
    action: &ActionDef,
    resource: &Resource,
) -> Result<(), Denial> {
    let permission = policy.permission(&grant.role, action.name);
    if permission == Permission::None {
        return Err(Denial::NoRole);
    }
    let line = resource.line.as_deref().or(action.line);
    if grant.line.is_some() && grant.line.as_deref() != line {
        return Err(Denial::OtherLine);
    }
    if !tree.contains(&grant.unit, &resource.unit) {
        return Err(Denial::OtherUnit);
    }
    let own = grant.subject.is_some() && grant.subject == resource.owner;
    if permission == Permission::Own && !own {
        return Err(Denial::NotOwn);
    }
    Ok(())
}

/// One part of what an actor may list: a unit and all below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    pub root: UnitCode,
    /// Only resources of this line; `None` for all lines.
    pub line: Option<String>,
    /// Only what this subject owns; `None` for everything.
    pub owner: Option<SubjectId>,
}

/// What an actor may do an action to: the counterpart of [`decide`] for lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Whether anybody may, everywhere.
    public: bool,
    /// The action's own line.
    line: Option<&'static str>,
    sights: Vec<Sight>,
}

/// Where an actor may do an action. Nowhere, if the action is unknown.
pub fn scope(policy: &Policy, tree: &Tree, actor: &Actor, action: &str) -> Scope {
    let Some(action) = policy.action(action) else {
        return Scope { public: false, line: None, sights: Vec::new() };
    };
    let sight = |grant: &Grant| {
        let owner = match policy.permission(&grant.role, action.name) {
            Permission::None => return None,
            Permission::Own => Some(grant.subject.clone()?),
            Permission::All => None,
        };
        tree.unit(&grant.unit)?;
        Some(Sight { root: grant.unit.clone(), line: grant.line.clone(), owner })
    };
    Scope {
        public: action.public,
        line: action.line,
        sights: actor.grants.iter().filter_map(sight).collect(),
    }
}

impl Scope {
    /// Whether nothing can be in it.
    pub fn is_empty(&self) -> bool {
        !self.public && self.sights.is_empty()
    }

    /// Its parts; a public scope needs none.
    pub fn sights(&self) -> &[Sight] {
        &self.sights
    }

    /// Whether a resource is in it: the same answer as [`decide`].
    pub fn allows(&self, tree: &Tree, resource: &Resource) -> bool {
        let known = tree.unit(&resource.unit).is_some();
        let line_fits =
            self.line.is_none() || resource.line.is_none() || resource.line.as_deref() == self.line;
        let sees = |sight: &Sight| {
            (sight.owner.is_none() || sight.owner == resource.owner)
                && self.sees_line(sight, resource.line.as_deref())
                && tree.contains(&sight.root, &resource.unit)
        };
        known && line_fits && (self.public || self.sights.iter().any(sees))
    }

    /// The units whose resources of a line (or of no line) it holds, whoever owns them; in the order of codes.
    pub fn units(&self, tree: &Tree, line: Option<&str>) -> Vec<UnitCode> {
        if self.line.is_some() && line.is_some() && line != self.line {
            return Vec::new();
        }
        if self.public {
            return tree.units().map(|unit| unit.code.clone()).collect();
        }
        let mut found = BTreeSet::new();
        for sight in self.sights.iter().filter(|it| it.owner.is_none() && self.sees_line(it, line)) {
            // What lies below one that was seen was seen with it.
            let mut next = vec![&sight.root];
            while let Some(unit) = next.pop() {
                if found.insert(unit.clone()) {
                    next.extend(tree.children(unit));
                }
            }
        }
        found.into_iter().collect()
    }

    /// The books it holds, each by its own line; of one line or of all; in the order of names.
    pub fn books(&self, tree: &Tree, line: Option<&str>) -> Vec<BookId> {
        let mut units: BTreeMap<&str, Vec<UnitCode>> = BTreeMap::new();
        let mut found = Vec::new();
        for book in tree.books().filter(|book| line.is_none_or(|line| book.line == line)) {
            let of_line = units.entry(&book.line).or_insert_with(|| self.units(tree, Some(&book.line)));
            if of_line.binary_search(&book.unit).is_ok() {
                found.push(book.book.clone());
            }
        }
        found
    }

    /// The subjects whose own resources in a unit it holds, where it does not hold all of them.
    pub fn owners(&self, tree: &Tree, unit: &UnitCode, line: Option<&str>) -> Vec<SubjectId> {
        let here = |sight: &&Sight| self.sees_line(sight, line) && tree.contains(&sight.root, unit);
        self.sights.iter().filter(here).filter_map(|sight| sight.owner.clone()).collect()
    }

    fn sees_line(&self, sight: &Sight, line: Option<&str>) -> bool {
        sight.line.is_none() || sight.line.as_deref() == line.or(self.line)
    }
}
