//! Who may do what, where. Roles and actions are data that the kernel and the lines hand in; one pure function,
//! [`decide`], answers, and [`scope`] yields the same answer for lists. Denied unless granted.

mod decide;
mod kernel;
mod policy;

pub use decide::{Actor, Decision, Denial, Grant, Resource, Scope, Sight, decide, scope};
pub use kernel::{ADMIN, HOLDER, KERNEL_ACTIONS, KERNEL_ROLES, MONITOR, WALL, matter};
pub use policy::{ActionDef, Permission, Policy, PolicyError, RoleDef, TableRow};
