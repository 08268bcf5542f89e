//! Plans on their way out.

use std::sync::Arc;

use axum::response::Response;
use base::{BookId, Fen, Time};
use schedule::Moment;
use schedule_formats::oc4ids::{self, Contract, Milestone, Package, Party, Payment, Progress, Site, Status};
use schedule_formats::{Columns, csv, icalendar, mspdi, xlsx};
use serde::Deserialize;
use shell::{App, Problem};
use utoipa::ToSchema;

use super::api::download;
use super::{Clock, CurvePoint, Outlook, taken};
use crate::kinds::Phase;
use crate::state::{self, Project};

/// A kind of file that a plan is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    Mspdi,
    Xlsx,
    Csv,
    Ics,
    Oc4ids,
}

/// The plan as a file, written off the async threads.
pub async fn response(
    app: &App,
    book: BookId,
    project: Project,
    outlook: Arc<Outlook>,
    format: FileFormat,
) -> Result<Response, Problem> {
    let curve = match format {
        FileFormat::Oc4ids => taken::value(app, &book, &project, &outlook).await?.0,
        _ => Vec::new(),
    };
    let of = app.clone();
    app.blocking(move |_| written(&of, (&book, &project), &outlook, &curve, format)).await
}

fn written(
    app: &App,
    (book, project): (&BookId, &Project),
    outlook: &Outlook,
    curve: &[CurvePoint],
    format: FileFormat,
) -> Result<Response, Problem> {
    let (document, schedule, now) = (&outlook.document, &outlook.schedule, app.kernel.now());
    let name = |end: &str| format!("{}.{end}", project.project);
    Ok(match format {
        FileFormat::Mspdi => download(
            &name("xml"),
            "application/xml; charset=utf-8",
            mspdi::write(document, schedule).into_bytes(),
        ),
        FileFormat::Csv => {
            let text = csv::write(document, schedule, Columns::Chinese);
            download(&name("csv"), "text/csv; charset=utf-8; header=present", text.into_bytes())
        }
        FileFormat::Xlsx => {
            let bytes =
                xlsx::write(document, schedule, Columns::Chinese, now).map_err(|_| Problem::internal())?;
            let media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
            download(&name("xlsx"), media, bytes)
        }
        FileFormat::Ics => {
            let host = format!("{}.{book}", project.project);
            let text = icalendar::write(document, schedule, &host, now);
            download(&name("ics"), "text/calendar; charset=utf-8", text.into_bytes())
        }
        FileFormat::Oc4ids => {
            let package = package(app, book, project, outlook, curve)?;
            let bytes = serde_json::to_vec_pretty(&oc4ids::write(&package)).unwrap_or_default();
            download(&name("json"), "application/json", bytes)
        }
    })
}

/// The project with its plan, as the standard has it.
fn package(
    app: &App,
    book: &BookId,
    project: &Project,
    outlook: &Outlook,
    curve: &[CurvePoint],
) -> Result<Package, Problem> {
    let name = &project.project;
    let (contracts, payments) = app.kernel.read(|tx| {
        Ok::<_, store::StoreError>((state::contracts(tx, book, name)?, state::payments(tx, book, name)?))
    })?;
    let resource = shell::viewer::resource_of(app, book)?;
    let tree = app.tree();
    let publisher = tree.unit(&resource.unit).map_or_else(|| book.to_string(), |unit| unit.title_zh.clone());
    let zone = app.kernel.zone();
    let time = |moment: Moment| Clock::time(moment, zone);
    let end = |point: &CurvePoint| time(Clock::end_of(point.day));
    let whole = outlook.budgets.iter().copied().sum::<Fen>().0.max(1);
    let share = |fen: Fen| (end_bp(fen, whole), fen);
    let planned = curve.iter().map(|point| (end(point), share(point.planned_fen)));
    let earned = curve.iter().filter_map(|point| Some((end(point), share(point.earned_fen?))));
    let spent = curve.iter().filter_map(|point| Some((end(point), point.actual_fen?)));
    let (planned, earned): (Vec<_>, Vec<_>) = (planned.collect(), earned.collect());
    let published = app.kernel.now();
    let id = format!("{book}-{}", project.project);
    let exported = oc4ids::Project {
        id: id.clone(),
        identifiers: project.code.iter().map(|code| ("CN-GB40058".to_owned(), code.clone())).collect(),
        title: project.title_zh.clone(),
        updated: published,
        status: status(project),
        authority: Party { id: resource.unit.to_string(), name: publisher.clone() },
        builder: Some(Party { id: project.builder.clone(), name: project.builder.clone() }),
        budget: project.total_fen,
        start: zone.start_of(project.planned_start),
        finish: time(Clock::end_of(project.planned_finish)),
        site: Some(Site { address: project.address.clone(), point: project.lat_e7.zip(project.lon_e7) }),
        milestones: milestones(outlook, &time),
        planned: Progress {
            physical_bp: planned.iter().map(|(at, (bp, _))| (*at, *bp)).collect(),
            financial: planned.iter().map(|(at, (_, fen))| (*at, *fen)).collect(),
        },
        actual: Progress {
            physical_bp: earned.iter().map(|(at, (bp, _))| (*at, *bp)).collect(),
            financial: spent.collect(),
        },
        contracts: contracts
            .into_iter()
            .map(|contract| Contract {
                id: contract.contract,
                title: contract.title,
                supplier: Party { id: contract.party.clone(), name: contract.party },
                value: contract.amount_fen,
                signed: contract.at,
            })
            .collect(),
        payments: payments
            .into_iter()
            .map(|payment| Payment {
                id: payment.seq.to_string(),
                date: payment.at,
                amount: payment.amount_fen,
                contract: payment.contract,
            })
            .collect(),
    };
    let uri = format!(
        "{}/api/projects/{book}/projects/{}/plan/file?format=oc4ids",
        app.site.base_url, project.project
    );
    Ok(Package { uri, publisher, published, projects: vec![exported] })
}

fn end_bp(fen: Fen, whole: i64) -> i64 {
    i64::try_from(i128::from(fen.0) * 10_000 / i128::from(whole)).unwrap_or(10_000)
}

fn status(project: &Project) -> Status {
    if project.withdrawn_at.is_some() {
        return Status::Cancelled;
    }
    match project.phase {
        Phase::Planned => Status::Identification,
        Phase::Signed | Phase::Land => Status::Preparation,
        Phase::Started | Phase::Roofed => Status::Implementation,
        Phase::Finished | Phase::Producing => Status::Completion,
    }
}

/// The milestones of the plan.
fn milestones(outlook: &Outlook, time: &dyn Fn(Moment) -> Time) -> Vec<Milestone> {
    let activities = outlook.document.plan.activities.iter().zip(&outlook.document.labels).enumerate();
    let milestones = activities.filter(|(_, (activity, _))| activity.duration.0 == 0);
    milestones
        .map(|(at, (activity, label))| Milestone {
            id: label.code.clone(),
            title: label.name.clone(),
            due: time(outlook.baseline[at].finish),
            met: match activity.progress {
                schedule::Progress::Finished { finish, .. } => Some(time(finish)),
                _ => None,
            },
        })
        .collect()
}
