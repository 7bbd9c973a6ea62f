//! The real printer drivers on TCP, with simulated printers that interpret the commands independently.

use std::{sync::Arc, time::Duration};

use drivers::{
    bitmap::Bitmap,
    device::{Health, What},
    receipt_printer::{self, Align, Block, Document, PrintError, PrintOutcome, ReceiptPrinter},
    registry::Setup,
    simulate::{ReceiptLanguage, SimulatedReceiptPrinter},
};
use futures_util::FutureExt;
use serde_json::json;
use tokio::time::timeout;

use super::{Heard, LIMIT, eventually, setup, start, until};

fn receipt_printer(device: &SimulatedReceiptPrinter, columns: u8) -> Arc<dyn ReceiptPrinter> {
    start(receipt_printer::PROTOCOLS, esc_pos(device, json!({ "columns": columns }))).0
}

fn esc_pos(device: &SimulatedReceiptPrinter, settings: serde_json::Value) -> Setup {
    let setup = setup("receipts-1", &format!("tcp://{}", device.address()), settings);
    Setup { protocol: Some("esc-pos".into()), ..setup }
}

async fn star(columns: u8) -> (SimulatedReceiptPrinter, Arc<dyn ReceiptPrinter>, Heard) {
    let address = "127.0.0.1:0".parse().unwrap();
    let device = SimulatedReceiptPrinter::bind_with(address, ReceiptLanguage::StarLine).await.unwrap();
    let setup = setup("receipts-1", &format!("tcp://{}", device.address()), json!({ "columns": columns }));
    let setup = Setup { protocol: Some("star-line".into()), ..setup };
    let (printer, heard) = start(receipt_printer::PROTOCOLS, setup);
    (device, printer, heard)
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

#[tokio::test]
async fn a_receipt_is_printed_as_laid_out() {
    let device = SimulatedReceiptPrinter::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let printer = receipt_printer(&device, 20);
    assert_eq!(eventually(async || printer.print(&document()).await).await.unwrap(), PrintOutcome::Confirmed);
    assert_eq!(
        device.printed(),
        [["Store 367", "Käse & Brot     3.69", "--------------------", "     Thank you!", "[barcode 17-42]"]]
    );
    assert_eq!(printer.health(), Health::Ready);
    printer.open_drawer().await.unwrap();
    // In line with the data, so it is open after the next receipt.
    printer.print(&document()).await.unwrap();
    assert_eq!(device.drawer_kicks(), 1);
}

#[tokio::test]
async fn a_receipt_printer_reports_missing_paper_and_an_open_cover_and_continues_afterwards() {
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
async fn the_rest_of_a_receipt_that_ran_out_of_paper_is_not_printed_later() {
    let device = SimulatedReceiptPrinter::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let printer = receipt_printer(&device, 20);
    eventually(async || printer.print(&document()).await).await.unwrap();
    device.paper_out_after(2);
    let refused = printer.print(&document()).await.unwrap_err().to_string();
    assert!(refused.contains("new roll"), "{refused}");
    device.paper_out(false);
    // One that was not told to forget the rest would print it now, and cut it.
    assert_eq!(printer.print(&document()).await, Ok(PrintOutcome::Confirmed));
    let printed = device.printed();
    let whole = printed[0].clone();
    assert_eq!(printed[1..], [[&whole[..2], &whole].concat()], "two lines, and then the whole");
    assert_eq!(printer.print(&document()).await, Ok(PrintOutcome::Confirmed));
    assert_eq!((device.printed().len(), device.printed()[2].clone()), (3, whole));
}

#[tokio::test]
async fn characters_outside_of_the_code_page_are_printed() {
    let device = SimulatedReceiptPrinter::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let printer = receipt_printer(&device, 32);
    let text = |text: &str| Block::Text { text: text.into(), align: Align::Left, bold: false };
    let texts = [
        "CRÈME BRÛLÉE, TÊTE, CAFFÈ, MELÓN, MAÍZ, AÇÚCAR, NOËL",
        "L’eau “pure” – cafe\u{301}\u{a0}…",
        "Молоко 牛乳 Žluťoučký",
    ];
    let document = Document { blocks: texts.map(text).into() };
    eventually(async || printer.print(&document).await).await.unwrap();
    let printed = device.printed().remove(0);
    let plain =
        ["CRÈME BRÛLÉE, TÊTE, CAFFÈ,", "MELÓN, MAÍZ, AÇÚCAR, NOËL", "L'eau \"pure\" - café ..."].map(str::to_owned);
    assert_eq!(printed[..3], plain);
    assert!(printed[3].starts_with("[image 384 x 24, ") && !printed[3].ends_with(" 0 dots]"), "{printed:?}");
}

#[tokio::test]
async fn a_printer_without_confirmation_prints_once_and_is_reported() {
    let device = SimulatedReceiptPrinter::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    device.mute(false, true);
    let printer = receipt_printer(&device, 42);
    let PrintOutcome::Unconfirmed { why } = eventually(async || printer.print(&document()).await).await.unwrap() else {
        panic!("it can't be confirmed")
    };
    assert!(why.contains("GS r 1"), "{why}");
    assert!(
        matches!(printer.health(), Health::Attention { why } if why.contains("not confirmed") && why.contains("GS r 1"))
    );
    assert_eq!(device.printed().len(), 1);
    device.paper_out(true);
    assert!(matches!(printer.print(&document()).await, Err(PrintError::NeedsAttention { .. })));
    device.paper_out(false);
    // It is asked again on each connection; confirming a later receipt clears the warning.
    device.mute(false, false);
    device.hang_up_after(1);
    let outcome = timeout(LIMIT, async {
        loop {
            if let Ok(PrintOutcome::Confirmed) = printer.print(&document()).await {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    outcome.await.unwrap();
    assert_eq!(printer.health(), Health::Ready);
}

#[tokio::test]
async fn a_printer_without_real_time_status_confirms_in_line() {
    let device = SimulatedReceiptPrinter::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    device.mute(true, false);
    let printer = receipt_printer(&device, 42);
    assert_eq!(eventually(async || printer.print(&document()).await).await.unwrap(), PrintOutcome::Confirmed);
    assert_eq!(device.printed().len(), 1);
}

#[tokio::test]
async fn a_printer_that_answers_nothing_is_not_used() {
    let device = SimulatedReceiptPrinter::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    device.mute(true, true);
    let setup = esc_pos(&device, json!({}));
    let (printer, mut heard) = start(receipt_printer::PROTOCOLS, setup);
    let why = until(&mut heard, |what| match what {
        What::Health(Health::Offline { why, .. }) => Some(why.clone()),
        _ => None,
    });
    let why = why.await;
    assert!(why.contains("DLE EOT") && why.contains("GS r"), "{why}");
    assert!(printer.print(&document()).await.is_err());
    assert_eq!(device.printed().len(), 0);
}

#[tokio::test]
async fn a_drawer_opens_without_paper() {
    let device = SimulatedReceiptPrinter::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    device.paper_out(true);
    let printer = receipt_printer(&device, 42);
    eventually(async || printer.open_drawer().await).await.unwrap();
    timeout(LIMIT, async {
        while device.drawer_kicks() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert!(matches!(printer.health(), Health::Attention { .. }));
}

#[tokio::test]
async fn a_drawer_does_not_wait_for_a_receipt() {
    let device = SimulatedReceiptPrinter::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let printer = receipt_printer(&device, 42);
    eventually(async || printer.print(&document()).await).await.unwrap();
    device.slow(800);
    let printing = document();
    let printing = printer.print(&printing);
    tokio::pin!(printing);
    let opening = async {
        // The time when the receipt was sent, which takes four seconds to print.
        tokio::time::sleep(Duration::from_millis(500)).await;
        timeout(Duration::from_secs(2), printer.open_drawer()).await.expect("it does not wait").unwrap();
    };
    let (printed, ()) = tokio::join!(printing, opening);
    assert_eq!(printed, Ok(PrintOutcome::Confirmed));
    printer.print(&document()).await.unwrap();
    assert_eq!((device.printed().len(), device.drawer_kicks()), (3, 1));
}

#[tokio::test]
async fn a_receipt_is_unconfirmed_and_not_printed_again_if_the_connection_breaks_after_it_by_itself() {
    let device = SimulatedReceiptPrinter::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let printer = receipt_printer(&device, 42);
    eventually(async || printer.print(&document()).await).await.unwrap();
    device.hang_up_after(40);
    assert!(matches!(printer.print(&document()).await, Ok(PrintOutcome::Unconfirmed { .. })));
    // Printed again on request, as a whole.
    eventually(async || printer.print(&document()).await).await.unwrap();
    let printed = device.printed();
    assert_eq!(printed.len(), 2);
    assert_eq!(printed[0], printed[1]);
}

#[tokio::test]
async fn a_job_that_waits_behind_one_whose_line_breaks_is_refused_with_the_reason() {
    let device = SimulatedReceiptPrinter::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let printer = receipt_printer(&device, 42);
    eventually(async || printer.print(&document()).await).await.unwrap();
    device.hang_up_after(40);
    let (first, second) = (document(), document());
    let (first, second) = timeout(LIMIT, async { tokio::join!(printer.print(&first), printer.print(&second)) })
        .await
        .expect("both are answered");
    assert!(matches!(first, Ok(PrintOutcome::Unconfirmed { .. })), "{first:?}");
    // It has not begun: whoever asks again prints it once.
    assert!(matches!(&second, Err(PrintError::Offline { why, .. }) if why.contains("connection broke")), "{second:?}");
    eventually(async || printer.print(&document()).await).await.unwrap();
    assert_eq!(device.printed().len(), 2);
}

#[tokio::test]
async fn a_drawer_whose_line_breaks_leaves_no_receipt_unconfirmed() {
    let device = SimulatedReceiptPrinter::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let setup = esc_pos(&device, json!({}));
    let (printer, mut heard) = start(receipt_printer::PROTOCOLS, setup);
    assert_eq!(eventually(async || printer.print(&document()).await).await.unwrap(), PrintOutcome::Confirmed);
    // The question before the pulse, and the pulse.
    device.hang_up_after(6 + 5);
    let _ = printer.open_drawer().await;
    let mut said = Vec::new();
    let back = until(&mut heard, |what| {
        let What::Health(health) = what else { return None };
        said.push(health.clone());
        let was_gone = said.iter().any(|health| matches!(health, Health::Offline { .. }));
        (was_gone && *health == Health::Ready).then_some(())
    });
    back.await;
    assert!(!said.iter().any(|health| matches!(health, Health::Attention { .. })), "{said:?}");
}

#[tokio::test]
async fn an_abandoned_job_is_not_printed() {
    let device = SimulatedReceiptPrinter::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let printer = receipt_printer(&device, 42);
    eventually(async || printer.print(&document()).await).await.unwrap();
    // Queued, and dropped before the driver's task ran.
    assert!(printer.print(&document()).now_or_never().is_none());
    assert!(printer.open_drawer().now_or_never().is_none());
    printer.print(&document()).await.unwrap();
    assert_eq!((device.printed().len(), device.drawer_kicks()), (2, 0));
}

#[tokio::test]
async fn a_star_printer_prints_the_same_and_counts_it() {
    let (device, printer, _heard) = star(20).await;
    for _ in 0..2 {
        assert_eq!(eventually(async || printer.print(&document()).await).await, Ok(PrintOutcome::Confirmed));
    }
    let paper = ["Store 367", "Käse & Brot     3.69", "--------------------", "     Thank you!", "[barcode 17-42]"];
    assert_eq!(device.printed(), [paper, paper]);
    printer.open_drawer().await.unwrap();
    assert_eq!(device.drawer_kicks(), 1);
    device.cover_open(true);
    let refused = printer.print(&document()).await.unwrap_err().to_string();
    assert!(refused.contains("close it"), "{refused}");
    device.cover_open(false);
    assert_eq!(printer.print(&document()).await, Ok(PrintOutcome::Confirmed));
    assert_eq!(device.printed().len(), 3);
}

#[tokio::test]
async fn a_star_printer_goes_on_by_itself_when_there_is_a_new_roll() {
    let (device, printer, mut heard) = star(20).await;
    eventually(async || printer.print(&document()).await).await.unwrap();
    device.paper_out_after(2);
    let printing = document();
    let remedy = async {
        let out = until(&mut heard, |what| match what {
            What::Health(Health::Attention { why }) => Some(why.clone()),
            _ => None,
        });
        assert!(out.await.contains("new roll"));
        device.paper_out(false);
    };
    let (printed, ()) = tokio::join!(printer.print(&printing), remedy);
    assert_eq!(printed, Ok(PrintOutcome::Confirmed));
    let printed = device.printed();
    assert_eq!((printed.len(), &printed[0]), (2, &printed[1]));
}

#[tokio::test]
async fn logos_and_qr_codes_are_printed_in_both_languages() {
    let mut logo = Bitmap::new(64, 500);
    logo.fill(0, 0, 64, 500);
    let blocks = vec![Block::Picture { picture: logo }, Block::Qr { data: "https://example.com/r/42".into() }];
    let document = Document { blocks };
    let device = SimulatedReceiptPrinter::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let printer = receipt_printer(&device, 42);
    assert_eq!(eventually(async || printer.print(&document).await).await, Ok(PrintOutcome::Confirmed));
    // In slices, for small buffers.
    let slices = ["[image 64 x 240, 15360 dots]", "[image 64 x 240, 15360 dots]", "[image 64 x 20, 1280 dots]"];
    assert_eq!(device.printed()[0], [&slices[..], &["[QR https://example.com/r/42]"]].concat());
    let (device, printer, _heard) = star(42).await;
    assert_eq!(eventually(async || printer.print(&document).await).await, Ok(PrintOutcome::Confirmed));
    assert_eq!(device.printed()[0], ["[image 64 x 500, 32000 dots]", "[QR https://example.com/r/42]"]);
}
