//! OC4IDS 0.9.5 (Open Contracting for Infrastructure Data Standards), out: projects with their plan, milestones, progress
//! over time, contracts and payments, as any reader of the standard takes them.

use base::{Fen, Time};
use serde_json::{Map, Value, json};

/// The standard's version, major and minor.
const VERSION: &str = "0.9";
const CURRENCY: &str = "CNY";

/// What is published together.
#[derive(Debug, Clone)]
pub struct Package {
    /// Identifies the package in the world.
    pub uri: String,
    pub publisher: String,
    pub published: Time,
    pub projects: Vec<Project>,
}

/// A project, in what the standard has a place for.
#[derive(Debug, Clone)]
pub struct Project {
    /// Unique in the package; the standard wants a registered prefix before it, which the publisher brings.
    pub id: String,
    /// Other numbers it is known by: the scheme, and the number in it.
    pub identifiers: Vec<(String, String)>,
    pub title: String,
    pub updated: Time,
    pub status: Status,
    /// The authority that answers for it.
    pub authority: Party,
    /// Who builds it.
    pub builder: Option<Party>,
    pub budget: Fen,
    pub start: Time,
    pub finish: Time,
    pub site: Option<Site>,
    pub milestones: Vec<Milestone>,
    pub planned: Progress,
    pub actual: Progress,
    pub contracts: Vec<Contract>,
    pub payments: Vec<Payment>,
}

/// Where a project stands, by the standard's list of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Identification,
    Preparation,
    Implementation,
    Completion,
    Cancelled,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    pub id: String,
    pub name: String,
}

#[derive(Debug, Clone)]
pub struct Site {
    pub address: String,
    /// Latitude and longitude in ten-millionths of a degree.
    pub point: Option<(i64, i64)>,
}

#[derive(Debug, Clone)]
pub struct Milestone {
    pub id: String,
    pub title: String,
    pub due: Time,
    pub met: Option<Time>,
}

/// Progress over time, each point with the moment that it holds for.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// Of the physical work, in hundredths of a per cent.
    pub physical_bp: Vec<(Time, i64)>,
    pub financial: Vec<(Time, Fen)>,
}

#[derive(Debug, Clone)]
pub struct Contract {
    pub id: String,
    pub title: String,
    pub supplier: Party,
    pub value: Fen,
    pub signed: Time,
}

#[derive(Debug, Clone)]
pub struct Payment {
    pub id: String,
    pub date: Time,
    pub amount: Fen,
    /// The contract that it is paid under.
    pub contract: Option<String>,
}

/// Writes a package.
pub fn write(package: &Package) -> Value {
    json!({
        "uri": package.uri,
        "publishedDate": package.published.to_string(),
        "version": VERSION,
        "publisher": { "name": package.publisher },
        "projects": package.projects.iter().map(project).collect::<Vec<_>>(),
    })
}

fn project(project: &Project) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| {
        // The standard has no empty lists or objects: what there is none of is left out.
        let is_empty = value.is_null()
            || value.as_array().is_some_and(Vec::is_empty)
            || value.as_object().is_some_and(Map::is_empty);
        if !is_empty {
            out.insert(name.to_owned(), value);
        }
    };
    put("id", json!(project.id));
    put("updated", time(project.updated));
    put("language", json!("zh"));
    put("title", json!(project.title));
    put("identifiers", project.identifiers.iter().map(identifier).collect());
    put("status", json!(project.status.word()));
    put("period", json!({ "startDate": time(project.start), "endDate": time(project.finish) }));
    put("budget", json!({ "amount": value(project.budget) }));
    put("locations", project.site.iter().map(location).collect());
    put("publicAuthority", json!({ "id": project.authority.id, "name": project.authority.name }));
    put("parties", parties(project));
    put("forecasts", metrics(&project.planned));
    put("metrics", metrics(&project.actual));
    put("milestones", project.milestones.iter().map(|milestone| milestone_of(milestone, project)).collect());
    let contracts = project.contracts.iter().map(|contract| process(contract, project));
    put("contractingProcesses", contracts.collect());
    let loose = project.payments.iter().filter(|payment| payment.contract.is_none());
    put("transactions", loose.map(transaction).collect());
    Value::Object(out)
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Self::Identification => "identification",
            Self::Preparation => "preparation",
            Self::Implementation => "implementation",
            Self::Completion => "completion",
            Self::Cancelled => "cancelled",
        }
    }
}

fn time(time: Time) -> Value {
    json!(time.to_string())
}

/// Yuan: the standard writes money as numbers. A double is exact to the fen far beyond any project.
#[allow(clippy::cast_precision_loss, reason = "as said")]
fn value(fen: Fen) -> Value {
    json!({ "amount": fen.0 as f64 / 100.0, "currency": CURRENCY })
}

fn identifier((scheme, id): &(String, String)) -> Value {
    json!({ "scheme": scheme, "id": id })
}

#[allow(clippy::cast_precision_loss, reason = "degrees have at most ten digits")]
fn location(site: &Site) -> Value {
    let mut out =
        json!({ "id": "site", "address": { "streetAddress": site.address, "countryName": "中国" } });
    if let Some((lat, lon)) = site.point {
        let degrees = |e7: i64| e7 as f64 / 1e7;
        // GeoJSON has the longitude first.
        out["geometry"] = json!({ "type": "Point", "coordinates": [degrees(lon), degrees(lat)] });
    }
    out
}

/// Everybody that is referred to, once, with all roles.
fn parties(project: &Project) -> Value {
    let authority = std::iter::once((&project.authority, "publicAuthority"));
    let builder = project.builder.iter().map(|builder| (builder, "buyer"));
    let suppliers = project.contracts.iter().map(|contract| (&contract.supplier, "supplier"));
    let mut found: Vec<(&Party, Vec<&str>)> = Vec::new();
    for (party, role) in authority.chain(builder).chain(suppliers) {
        match found.iter_mut().find(|(known, _)| known.id == party.id) {
            Some((_, roles)) if roles.contains(&role) => {}
            Some((_, roles)) => roles.push(role),
            None => found.push((party, vec![role])),
        }
    }
    let party =
        |(party, roles): (&Party, Vec<&str>)| json!({ "id": party.id, "name": party.name, "roles": roles });
    found.into_iter().map(party).collect()
}

/// Progress under the standard's two metrics.
fn metrics(progress: &Progress) -> Value {
    let mut all = Vec::new();
    let at = |number: usize, metric: &str, at: Time| json!({ "id": format!("{metric}-{}", number + 1), "period": { "endDate": time(at) } });
    let physical = progress.physical_bp.iter().enumerate().map(|(number, &(moment, bp))| {
        let mut observation = at(number, "physicalProgress", moment);
        #[allow(clippy::cast_precision_loss, reason = "it is from 0 to 10,000")]
        let percent = bp as f64 / 100.0;
        observation["measure"] = json!(percent);
        observation["unit"] = json!({ "name": "percent", "scheme": "UNCEFACT", "id": "P1" });
        observation
    });
    let financial = progress.financial.iter().enumerate().map(|(number, &(moment, fen))| {
        let mut observation = at(number, "financialProgress", moment);
        observation["value"] = value(fen);
        observation
    });
    let physical: Vec<Value> = physical.collect();
    let financial: Vec<Value> = financial.collect();
    for (id, observations) in [("physicalProgress", physical), ("financialProgress", financial)] {
        if !observations.is_empty() {
            all.push(json!({ "id": id, "observations": observations }));
        }
    }
    Value::Array(all)
}

fn milestone_of(milestone: &Milestone, project: &Project) -> Value {
    let mut out = json!({
        "id": milestone.id,
        "title": milestone.title,
        "type": "delivery",
        "dueDate": time(milestone.due),
        "dateModified": time(project.updated),
    });
    let status = match milestone.met {
        Some(met) => {
            out["dateMet"] = time(met);
            "met"
        }
        None if milestone.due < project.updated => "notMet",
        None => "scheduled",
    };
    out["status"] = json!(status);
    out
}

fn process(contract: &Contract, project: &Project) -> Value {
    let paid = project.payments.iter().filter(|payment| payment.contract.as_ref() == Some(&contract.id));
    let mut summary = json!({
        "externalReference": contract.id,
        "nature": ["construction"],
        "title": contract.title,
        "suppliers": [{ "id": contract.supplier.id, "name": contract.supplier.name }],
        "contractValue": value(contract.value),
        "contractPeriod": { "startDate": time(contract.signed) },
    });
    let paid: Vec<Value> = paid.map(transaction).collect();
    if !paid.is_empty() {
        summary["transactions"] = Value::Array(paid);
    }
    json!({ "id": contract.id, "summary": summary })
}

fn transaction(payment: &Payment) -> Value {
    json!({ "id": payment.id, "date": time(payment.date), "value": value(payment.amount) })
}
