//! The real printer drivers on TCP, with simulated printers that read the commands on their own account.

use std::sync::Arc;

use drivers::{
    device::Health,
    label_printer::{self, Label, PrintError},
    receipt_printer::{self, Align, Block, Document, ReceiptPrinter},
    simulate::{SimulatedLabelPrinter, SimulatedReceiptPrinter},
};
use futures_util::FutureExt;
use serde_json::json;
use tokio::time::timeout;

use super::{LIMIT, setup, start};

fn receipt_printer(device: &SimulatedReceiptPrinter, columns: u8) -> Arc<dyn ReceiptPrinter> {
    let setup = setup("receipts-1", &format!("tcp://{}", device.address()), json!({ "columns": columns }));
    start(receipt_printer::PROTOCOLS, setup).0
}

fn document() -> Document {
    Document {
        blocks: vec![
            Block::Heading { text: "Store 367".into() },
            Block::Columns { left: "Käse & Brot".into(), right: "3.69".into(), bold: false },
            Block::Rule,
            Block::Text { text: "Thank you!".into(), align: Align::Centre, bold: true },
            Block::Barcode { data: "17-42".into() },
        ],
    }
}

fn label() -> Label {
    Label {
        title: "Käse ^XZ ~HS _5E".into(),
        detail: "10.4 OZ".into(),
        price: "3.69".into(),
        currency: "€".into(),
        barcode: "0400008189811".into(),
        copies: 3,
    }
}

/// Waits until the driver sees its device, by asking until it answers something else than "offline".
async fn eventually<T>(mut ask: impl AsyncFnMut() -> Result<T, PrintError>) -> Result<T, PrintError> {
    timeout(LIMIT, async {
        loop {
            match ask().await {
                Err(PrintError::Offline { .. }) => tokio::task::yield_now().await,
                answer => return answer,
            }
        }
    })
    .await
    .expect("the printer came")
}

#[tokio::test]
async fn a_receipt_comes_out_as_it_was_laid_out() {
    let device = SimulatedReceiptPrinter::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let printer = receipt_printer(&device, 20);
    eventually(async || printer.print(&document()).await).await.unwrap();
    let printed = device.printed();
    assert_eq!(
        printed,
        [["Store 367", "Käse ¤ Brot     3.69", "--------------------", "     Thank you!", "[barcode 17-42]"].map(
            |line| {
                // The printer sets large text itself; the ampersand is plain ASCII.
                line.replace('¤', "&")
            }
        )]
    );
    assert_eq!(printer.health(), Health::Ready);
    printer.open_drawer().await.unwrap();
    assert_eq!(device.drawer_kicks(), 1);
}

#[tokio::test]
async fn a_receipt_printer_without_paper_or_with_its_cover_open_says_so_and_goes_on_after() {
    let device = SimulatedReceiptPrinter::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let printer = receipt_printer(&device, 42);
    device.paper_out(true);
    let refused = eventually(async || printer.print(&document()).await).await.unwrap_err().to_string();
    assert!(refused.contains("new roll"), "{refused}");
    device.paper_out(false);
    device.cover_open(true);
    let refused = printer.print(&document()).await.unwrap_err().to_string();
    assert!(refused.contains("close it"), "{refused}");
    device.cover_open(false);
    printer.print(&document()).await.unwrap();
    assert_eq!(device.printed().len(), 1);
}

#[tokio::test]
async fn a_line_that_breaks_in_mid_receipt_is_an_error_and_the_next_try_prints_the_whole() {
    let device = SimulatedReceiptPrinter::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let printer = receipt_printer(&device, 42);
    eventually(async || printer.print(&document()).await).await.unwrap();
    device.hang_up_after(40);
    assert!(matches!(printer.print(&document()).await, Err(PrintError::Offline { .. })));
    eventually(async || printer.print(&document()).await).await.unwrap();
    let printed = device.printed();
    assert_eq!(printed.len(), 2);
    assert_eq!(printed[0], printed[1]);
}

#[tokio::test]
async fn what_its_asker_gave_up_is_not_printed_later() {
    let device = SimulatedReceiptPrinter::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let printer = receipt_printer(&device, 42);
    eventually(async || printer.print(&document()).await).await.unwrap();
    // Queued, and dropped before the driver's task has run.
    assert!(printer.print(&document()).now_or_never().is_none());
    assert!(printer.open_drawer().now_or_never().is_none());
    printer.print(&document()).await.unwrap();
    assert_eq!((device.printed().len(), device.drawer_kicks()), (2, 0));
}

#[tokio::test]
async fn a_label_comes_out_with_its_texts_whatever_they_contain() {
    let device = SimulatedLabelPrinter::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let setup = setup("labels-1", &format!("tcp://{}", device.address()), json!({}));
    let (printer, _heard) = start(label_printer::PROTOCOLS, setup);
    eventually(async || printer.print(&label()).await).await.unwrap();
    let printed = device.printed();
    assert_eq!(printed.len(), 1);
    assert_eq!(printed[0].fields, ["Käse ^XZ ~HS _5E", "10.4 OZ", "€", "3.69"]);
    assert_eq!((printed[0].barcode.as_deref(), printed[0].copies), (Some("040000818981"), 3));

    device.paper_out(true);
    let refused = printer.print(&label()).await.unwrap_err().to_string();
    assert!(refused.contains("labels"), "{refused}");
    device.paper_out(false);
    device.head_open(true);
    let refused = printer.print(&label()).await.unwrap_err().to_string();
    assert!(refused.contains("head"), "{refused}");
    device.head_open(false);
    printer.print(&label()).await.unwrap();
}
