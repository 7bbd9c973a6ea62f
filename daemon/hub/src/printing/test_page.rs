//! A test page of a receipt printer, for whoever sets it up: every kind of block that receipts use, and its picture. It
//! is not queued: whoever asks stands beside the printer.

use std::sync::Arc;

use app::devices::PRINTER_FAILED;
use axum::{Json, extract::State, response::Response};
use drivers::{
    device::DeviceName,
    receipt_printer::{Align, Block, Document, PrintOutcome, sheet},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::picture::PictureFormat;
use crate::{
    hub::Hub,
    web::{Command, Empty, InPath, InQuery, Problem, reading},
};

/// A printed test page.
#[derive(Serialize, ToSchema)]
pub(super) struct TestPage {
    /// Whether the printer confirmed the end of the page.
    confirmed: bool,
    /// Why it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

fn document(hub: &Hub, printer: &str) -> Document {
    let text = |text: String, align| Block::Text { text, align, bold: false };
    let logo = hub.logo.iter().map(|logo| Block::Picture { picture: logo.clone() });
    let blocks = logo.chain([
        Block::Heading { text: hub.config.store.name.clone() },
        text("Test page".into(), Align::Centre),
        text(hub.calendar.local_time(hub.now_ms()), Align::Centre),
        Block::Rule,
        Block::Columns { left: "Printer".into(), right: printer.to_owned(), bold: false },
        Block::Columns { left: "Bold".into(), right: "0123456789".into(), bold: true },
        text("ÄÖÜäöüß éèñ¿¡ €£ %&#@".into(), Align::Left),
        Block::Rule,
        Block::Barcode { data: "TEST-12345".into() },
        Block::Qr { data: format!("{} {printer}", hub.config.store.hub) },
    ]);
    Document { blocks: blocks.collect() }
}

/// Show the test page of a receipt printer as it would be printed
#[utoipa::path(get, path = "/api/v1/devices/{name}/test-page", params(("name" = DeviceName, Path), PictureFormat),
    responses((status = 200, content((String = "image/png"), (String = "image/svg+xml"))),
        (status = 404, body = Problem)))]
pub(super) async fn preview(
    State(hub): State<Arc<Hub>>,
    InPath(name): InPath<String>,
    InQuery(format): InQuery<PictureFormat>,
) -> Result<Response, Problem> {
    reading(move || {
        let columns = hub.devices.receipt_printer(&name)?.columns();
        Ok(format.of(&sheet(&document(&hub, &name), columns)))
    })
    .await
}

/// Print a test page on a receipt printer
///
/// The answer comes when the printer has confirmed it, or has failed. A repeat prints again.
#[utoipa::path(post, path = "/api/v1/devices/{name}/test-page", params(("name" = DeviceName, Path)),
    request_body = Empty,
    responses((status = 200, body = TestPage), (status = 404, body = Problem), (status = 502, body = Problem)))]
pub(super) async fn print(
    State(hub): State<Arc<Hub>>,
    InPath(name): InPath<String>,
    _: Command<Empty>,
) -> Result<Json<TestPage>, Problem> {
    let printer = Arc::clone(hub.devices.receipt_printer(&name)?);
    let printed = printer.print(&document(&hub, &name)).await;
    let why = match printed.map_err(|error| PRINTER_FAILED.because(error.to_string()))? {
        PrintOutcome::Confirmed => None,
        PrintOutcome::Unconfirmed { why } => Some(why),
    };
    Ok(Json(TestPage { confirmed: why.is_none(), why }))
}
