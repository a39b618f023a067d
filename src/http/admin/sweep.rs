//! A sweep by hand.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::Server;
use super::super::error::Problem;
use crate::workflow::sweep;

/// What a sweep did.
#[derive(Serialize, ToSchema)]
pub(crate) struct SweepReportView {
    /// Holds that Stripe was asked about.
    examined: u64,
    /// Of them, released.
    released: u64,
    /// Of them, found paid.
    confirmed: u64,
    /// Without an answer; they come again.
    failed: u64,
    /// How long the oldest overdue hold had been over when the sweep began.
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
        (status = 200, description = "Swept", body = SweepReportView),
    )
)]
pub(in crate::http) async fn run(
    State(server): State<Arc<Server>>,
) -> Result<Json<SweepReportView>, Problem> {
    Ok(Json(sweep::sweep_once(&server.context).await?.into()))
}
