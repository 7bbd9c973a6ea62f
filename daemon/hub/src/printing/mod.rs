//! Printing: receipts and labels. Each printer has a durable queue in [`app::printing`], and a follower that works
//! through it.

mod day_report;
mod item_fields;
mod label_jobs;
mod labels;
pub(crate) mod picture;
pub(crate) mod receipt;
mod receipts;
mod test_page;
mod x_report;

use app::{
    devices::TEST_PRINT,
    printing::{PRINT_LABELS, READ_LABELS, REPRINT},
};
use utoipa_axum::routes;

pub(crate) use self::{
    day_report::print_day_report,
    label_jobs::PrintLabels,
    labels::print_one,
    receipts::{PrintReceipts, lane_printer},
    x_report::print_x_report,
};
use crate::web::Routes;

/// The routes of receipts.
pub(crate) fn receipt_routes() -> Routes {
    Routes::new("receipts", "Receipts on paper", &["selling", "printing", "devices"])
        .command(&REPRINT, routes!(receipts::reprint))
        .read(&TEST_PRINT, routes!(test_page::preview))
        .command(&TEST_PRINT, routes!(test_page::print))
}

/// The routes of labels.
pub(crate) fn label_routes() -> Routes {
    Routes::new("labels", "Labels: templates, previews, print jobs", &["printing", "catalog", "devices"])
        .read(&READ_LABELS, routes!(labels::templates))
        .read(&READ_LABELS, routes!(labels::preview))
        .command(&PRINT_LABELS, routes!(labels::print))
        .read(&READ_LABELS, routes!(labels::jobs))
        .read(&READ_LABELS, routes!(labels::job))
        .command(&PRINT_LABELS, routes!(labels::cancel))
        .command(&PRINT_LABELS, routes!(labels::again))
}
