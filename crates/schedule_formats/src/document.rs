use base::Fen;
use schedule::{ActivityId, Moment, Plan};

/// A plan with the names that files give its parts.
#[derive(Debug, Clone)]
pub struct Document {
    pub name: String,
    pub plan: Plan,
    /// When the project starts, where the file says so.
    pub start: Option<Moment>,
    /// The data date, where the file says so.
    pub status: Option<Moment>,
    /// One for every activity of the plan.
    pub labels: Vec<Label>,
    /// One for every calendar of the plan.
    pub calendar_names: Vec<String>,
    /// What the file holds and the plan does not.
    pub notes: Vec<Note>,
}

/// What was left out of a file, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// Empty or inactive tasks, and those that only follow others.
    Tasks(usize),
    /// Links from or to what was left out, or what lies in another project.
    Links(usize),
}

impl Document {
    pub fn new(name: impl Into<String>, plan: Plan) -> Self {
        Self {
            name: name.into(),
            labels: vec![Label::default(); plan.activities.len()],
            calendar_names: vec![String::new(); plan.calendars.len()],
            plan,
            start: None,
            status: None,
            notes: Vec::new(),
        }
    }

    pub(crate) fn label(&self, activity: ActivityId) -> (String, &str) {
        let label = self.labels.get(activity.0 as usize);
        let code = label.map_or("", |label| label.code.as_str());
        let code = if code.is_empty() { (activity.0 + 1).to_string() } else { code.to_owned() };
        (code, label.map_or("", |label| label.name.as_str()))
    }
}

/// What people call an activity, and what it costs them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Label {
    /// A number or code that no other activity of the plan has.
    pub code: String,
    pub name: String,
    /// The part of the work that it belongs to, such as the foundations; empty if the file groups nothing.
    pub group: String,
    /// What it is to cost.
    pub budget: Option<Fen>,
}
