//! Runs a sweep when an operator asks for it.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::audit_trail::AuditNote;
use crate::http::error::Problem;
use crate::http::server::Server;
use crate::workflow::sweep;

/// The result of a sweep.
#[derive(Serialize, ToSchema)]
#[schema(as = SweepReport)]
pub(crate) struct SweepReportView {
    /// The number of holds about which the sweep asked Stripe.
    examined: u64,
    /// How many of them were released.
    released: u64,
    /// How many of them were confirmed.
    confirmed: u64,
    /// How many of them got no response; the next sweep asks again.
    failed: u64,
    /// How long the oldest overdue hold had been overdue when the sweep began, in milliseconds.
    oldest_overdue_ms: i64,
}

impl From<sweep::SweepReport> for SweepReportView {
    fn from(report: sweep::SweepReport) -> Self {
        let sweep::SweepReport {
            examined,
            released,
            confirmed,
            failed,
            oldest_overdue_ms,
        } = report;
        Self {
            examined,
            released,
            confirmed,
            failed,
            oldest_overdue_ms,
        }
    }
}

/// Runs one sweep now.
#[utoipa::path(
    post, path = "/v1/admin/sweep", operation_id = "sweep", tag = "operators",
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The sweep ran", body = SweepReportView),
    )
)]
pub(in crate::http) async fn run_sweep(
    State(server): State<Arc<Server>>,
    Extension(note): Extension<AuditNote>,
) -> Result<Json<SweepReportView>, Problem> {
    let report = SweepReportView::from(sweep::sweep_once(&server.context).await?);
    note.set_after(&report);
    Ok(Json(report))
}
