use std::collections::BTreeMap;

use base::SubjectId;
use serde::Serialize;

use crate::HOLDER;

/// A role that can be granted on an org subtree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoleDef {
    pub name: &'static str,
    pub title_zh: &'static str,
    pub title_en: &'static str,
    /// The line that the role belongs to; `None` for roles of the kernel, which may be granted on one line or on all.
    pub line: Option<&'static str>,
    /// Whether it is for tokens and devices, and for no account: what they write is public, and so is who they are.
    pub of_programs: bool,
}

/// Something that can be done, and who may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActionDef {
    /// `line.noun.verb`, or `kernel.noun.verb`.
    pub name: &'static str,
    pub title_zh: &'static str,
    pub title_en: &'static str,
    pub line: Option<&'static str>,
    /// Roles that may do it on every resource within the grant.
    pub roles: &'static [&'static str],
    /// Roles that may do it only on resources whose owner is the grant's subject, such as a merchant's own lots.
    pub own_only: &'static [&'static str],
    /// Whether anybody may do it, signed in or not.
    pub public: bool,
}

/// What a role may do with an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    None,
    /// On resources that the grant's subject owns.
    Own,
    All,
}

/// Why a policy contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    #[error("the role {0:?} is declared twice")]
    RoleTwice(&'static str),
    #[error("the action {0:?} is declared twice")]
    ActionTwice(&'static str),
    #[error("the action {action:?} names the unknown role {role:?}")]
    UnknownRole { action: &'static str, role: &'static str },
    #[error("the action {action:?} names the role {role:?} of another line")]
    ForeignRole { action: &'static str, role: &'static str },
    #[error("the action {action:?} names the role {role:?} twice")]
    RoleNamedTwice { action: &'static str, role: &'static str },
    #[error("the action {0:?} does not begin with its line")]
    WrongPrefix(&'static str),
}

/// One row of the matrix: an action, and what each role may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRow {
    pub action: ActionDef,
    /// In the order of [`Policy::roles`].
    pub permissions: Vec<Permission>,
}

/// The roles and actions of an installation.
#[derive(Debug, Clone)]
pub struct Policy {
    roles: Vec<RoleDef>,
    actions: BTreeMap<&'static str, ActionDef>,
}

/// The schemes of those who act by themselves.
const ACTORS: [&str; 5] = ["account", "token", "device", "system", "public"];

impl Policy {
    /// Checks that every role named is declared, and that no action names a role of another line.
    pub fn new(
        roles: impl IntoIterator<Item = RoleDef>,
        actions: impl IntoIterator<Item = ActionDef>,
    ) -> Result<Self, PolicyError> {
        let mut policy = Self { roles: Vec::new(), actions: BTreeMap::new() };
        for role in roles {
            if policy.role(role.name).is_some() {
                return Err(PolicyError::RoleTwice(role.name));
            }
            policy.roles.push(role);
        }
        for action in actions {
            policy.check(&action)?;
            if policy.actions.insert(action.name, action).is_some() {
                return Err(PolicyError::ActionTwice(action.name));
            }
        }
        Ok(policy)
    }

    fn check(&self, action: &ActionDef) -> Result<(), PolicyError> {
        let prefix = action.line.unwrap_or("kernel");
        if !action.name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.')) {
            return Err(PolicyError::WrongPrefix(action.name));
        }
        let named: Vec<&'static str> = action.roles.iter().chain(action.own_only).copied().collect();
        for (at, &role) in named.iter().enumerate() {
            let def = self.role(role).ok_or(PolicyError::UnknownRole { action: action.name, role })?;
            if def.line.is_some() && def.line != action.line {
                return Err(PolicyError::ForeignRole { action: action.name, role });
            }
            if named[..at].contains(&role) {
                return Err(PolicyError::RoleNamedTwice { action: action.name, role });
            }
        }
        Ok(())
    }

    /// Whether a grant of a role may be on behalf of a subject: a line's role, of somebody of the line, or a holder's, of a post.
    /// Who signs in, a credential and the installation are known by names of their own, and nobody else may go by them.
    pub fn may_act_for(&self, role: &str, subject: &SubjectId) -> bool {
        let of_line = self.role(role).is_some_and(|role| role.line.is_some());
        (of_line || role == HOLDER) && !ACTORS.contains(&subject.scheme())
    }

    pub fn role(&self, name: &str) -> Option<&RoleDef> {
        self.roles.iter().find(|role| role.name == name)
    }

    /// In the order of declaration.
    pub fn roles(&self) -> &[RoleDef] {
        &self.roles
    }

    pub fn action(&self, name: &str) -> Option<&ActionDef> {
        self.actions.get(name)
    }

    /// In the order of names.
    pub fn actions(&self) -> impl Iterator<Item = &ActionDef> {
        self.actions.values()
    }

    /// What a role may do with an action; nothing where either is unknown.
    pub fn permission(&self, role: &str, action: &str) -> Permission {
        match (self.role(role), self.action(action)) {
            (Some(_), Some(action)) if action.roles.contains(&role) => Permission::All,
            (Some(_), Some(action)) if action.own_only.contains(&role) => Permission::Own,
            _ => Permission::None,
        }
    }

    /// The matrix of actions and roles, for an auditor to read.
    pub fn table(&self) -> Vec<TableRow> {
        let row = |action: &ActionDef| TableRow {
            action: *action,
            permissions: self.roles.iter().map(|role| self.permission(role.name, action.name)).collect(),
        };
        self.actions().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: [RoleDef; 3] = [
        RoleDef {
            name: "admin",
            title_zh: "管理员",
            title_en: "Administrator",
            line: None,
            of_programs: false,
        },
        RoleDef {
            name: "operator",
            title_zh: "经营者",
            title_en: "Operator",
            line: Some("market"),
            of_programs: false,
        },
        RoleDef {
            name: "planner",
            title_zh: "计划员",
            title_en: "Planner",
            line: Some("projects"),
            of_programs: false,
        },
    ];

    fn action(
        name: &'static str,
        roles: &'static [&'static str],
        own_only: &'static [&'static str],
    ) -> ActionDef {
        ActionDef {
            name,
            title_zh: "收货",
            title_en: "Receive",
            line: Some("market"),
            roles,
            own_only,
            public: false,
        }
    }

    #[test]
    fn a_policy_that_contradicts_itself_is_refused() {
        let refused = |action| Policy::new(ROLES, [action]).map(drop).unwrap_err();
        let name = "market.lot.receive";
        let (action_name, role) = (name, "ghost");
        assert_eq!(
            refused(action(name, &["ghost"], &[])),
            PolicyError::UnknownRole { action: action_name, role }
        );
        let role = "planner";
        assert_eq!(
            refused(action(name, &[], &["planner"])),
            PolicyError::ForeignRole { action: action_name, role }
        );
        let role = "operator";
        let twice = action(name, &["operator"], &["operator"]);
        assert_eq!(refused(twice), PolicyError::RoleNamedTwice { action: action_name, role });
        assert_eq!(refused(action("lot.receive", &[], &[])), PolicyError::WrongPrefix("lot.receive"));
        let same = action(name, &["operator"], &[]);
        assert_eq!(Policy::new(ROLES, [same, same]).map(drop), Err(PolicyError::ActionTwice(name)));
        assert_eq!(Policy::new([ROLES[0]; 2], []).map(drop), Err(PolicyError::RoleTwice("admin")));
    }

    #[test]
    fn the_table_shows_every_role_beside_every_action() {
        let policy = Policy::new(ROLES, [action("market.lot.receive", &["admin"], &["operator"])]).unwrap();
        let table = policy.table();
        assert_eq!(table.len(), 1);
        assert_eq!(table[0].permissions, [Permission::All, Permission::Own, Permission::None]);
    }
}
