//! What forms offer to choose from: units, books, roles, accounts; and how their names are set.

use base::UnitCode;

use super::Desk;
use crate::problem::Problem;
use crate::texts::Lang;
use crate::view::Choice;

impl Desk {
    /// The title of a unit, or its code where it is unknown.
    pub fn unit_title(&self, code: &UnitCode) -> String {
        let tree = self.app.tree();
        let title = tree.unit(code).map(|unit| self.title(&unit.title_zh, &unit.title_en));
        title.map_or_else(|| code.to_string(), str::to_owned)
    }

    /// The title of a role, with its name.
    pub fn role_title(&self, name: &str) -> String {
        let role = self.app.kernel.policy().role(name);
        role.map_or_else(|| name.to_owned(), |role| self.title(role.title_zh, role.title_en).to_owned())
    }

    /// The title of a line of work: what its place in the navigation is called, else its name.
    pub fn line_title(&self, line: &str) -> String {
        let of_line = |action: &str| action.split('.').next() == Some(line);
        let place = self.app.nav.iter().find(|entry| of_line(entry.action));
        place.map_or_else(|| line.to_owned(), |entry| self.get(entry.title))
    }

    /// The units on which an action is allowed.
    pub fn unit_choices(&self, action: &str) -> Result<Vec<Choice>, Problem> {
        let scope = self.viewer.need_somewhere(&self.app, action)?;
        let tree = self.app.tree();
        let seen = scope.units(&tree, None);
        let all = tree.root().map(|root| depth_first(&tree, root)).unwrap_or_default();
        let shown = all.into_iter().filter(|(code, _)| seen.binary_search(code).is_ok());
        Ok(shown
            .map(|(code, depth)| Choice {
                title: format!("{}{} {code}", "　".repeat(depth), self.unit_title(&code)),
                value: code.to_string(),
            })
            .collect())
    }

    /// The books for which an action is allowed, but for the kernel's own.
    pub fn book_choices(&self, action: &str) -> Result<Vec<Choice>, Problem> {
        let scope = self.viewer.need_somewhere(&self.app, action)?;
        let tree = self.app.tree();
        let books = scope.books(&tree, None);
        let own = |line: &str| line == "kernel";
        let shown = books.iter().filter_map(|book| tree.book(book)).filter(|book| !own(&book.line));
        Ok(shown
            .map(|book| Choice {
                title: format!("{} {}", self.title(&book.title_zh, &book.title_en), book.book),
                value: book.book.to_string(),
            })
            .collect())
    }

    /// Every role, or those of lines only.
    pub fn role_choices(&self, of_lines_only: bool) -> Vec<Choice> {
        let roles = self.app.kernel.policy().roles().iter();
        roles
            .filter(|role| !of_lines_only || role.line.is_some())
            .map(|role| {
                let title = self.title(role.title_zh, role.title_en);
                let line = role.line.map(|line| format!(" · {}", self.line_title(line))).unwrap_or_default();
                Choice { value: role.name.to_owned(), title: format!("{title}{line}") }
            })
            .collect()
    }

    /// The lines of work, but for the kernel.
    pub fn line_choices(&self) -> Vec<Choice> {
        let lines = self.app.kernel.lines().iter().map(kernel::Line::name).filter(|name| *name != "kernel");
        lines.map(|name| Choice { value: name.to_owned(), title: self.line_title(name) }).collect()
    }

    /// The choice that leaves a field open stands first.
    pub fn or_all(&self, mut choices: Vec<Choice>) -> Vec<Choice> {
        choices.insert(0, Choice { value: String::new(), title: self.get("admin-line-all") });
        choices
    }

    /// An actor as a list shows it: `wei`, `令牌 0a1b`, `设备 beiyuan/a12`.
    pub fn actor_title(&self, actor: &str) -> String {
        match actor.split_once(':') {
            Some(("account", name)) => name.to_owned(),
            Some((scheme @ ("token" | "device"), name)) => {
                format!("{} {name}", self.get(&format!("actor-{scheme}")))
            }
            _ => actor.to_owned(),
        }
    }

    /// The page of an actor.
    pub fn actor_href(actor: &str) -> Option<String> {
        match actor.split_once(':')? {
            ("account", name) => Some(format!("/admin/accounts/{name}")),
            ("token", name) => Some(format!("/admin/tokens/{name}")),
            ("device", name) => Some(format!("/admin/devices/{name}")),
            _ => None,
        }
    }
}

/// A unit and all below it, each before its own children, with its depth.
pub fn depth_first(tree: &registry::Tree, from: &UnitCode) -> Vec<(UnitCode, usize)> {
    let mut found = Vec::new();
    let mut open = vec![(from.clone(), 0)];
    while let Some((code, depth)) = open.pop() {
        open.extend(tree.children(&code).iter().rev().map(|child| (child.clone(), depth + 1)));
        found.push((code, depth));
    }
    found
}

/// What stands in a field that may be left open.
pub fn given(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// The separator of a list in running text.
pub fn comma(lang: Lang) -> &'static str {
    match lang {
        Lang::Zh => "、",
        Lang::En => ", ",
    }
}
