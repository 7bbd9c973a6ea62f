//! The drivers of label printers, each with a simulated printer that interprets its language independently; and the
//! pictures, whose barcodes are read back by `zbarimg`.

use std::{collections::BTreeMap, io::Write, process::Command, sync::Arc, time::Duration};

use drivers::{
    bitmap::Bitmap,
    device::{Health, What},
    label_printer::{self, LabelPrinter, PrintError, PrintOutcome, TEMPLATES, Template},
    preview,
    sheet::Sheet,
    simulate::{LabelFault, LabelLanguage, SimulatedLabelPrinter},
};
use tokio::time::timeout;

use super::{Heard, LIMIT, eventually, setup, start, until};

async fn switched_on(language: LabelLanguage) -> (SimulatedLabelPrinter, Arc<dyn LabelPrinter>, Heard) {
    let device = SimulatedLabelPrinter::bind_with("127.0.0.1:0".parse().unwrap(), language).await.unwrap();
    let mut setup = setup("labels-1", &format!("tcp://{}", device.address()), serde_json::json!({}));
    setup.protocol = Some(language.protocol().into());
    let (printer, heard) = start(label_printer::PROTOCOLS, setup);
    (device, printer, heard)
}

fn laid_out(name: &str, changes: &[(&str, &str)]) -> Sheet {
    let (_, toml) = TEMPLATES.iter().find(|(known, _)| *known == name).unwrap();
    let template = Template::parse(toml).unwrap();
    let mut data: BTreeMap<String, String> = template.example();
    data.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    template.layout(&data, 8).unwrap()
}

/// Whether two pictures have the same black dots, whatever white there is around them.
fn looks_like(one: &Bitmap, other: &Bitmap) -> bool {
    let (width, height) = (one.width().max(other.width()), one.height().max(other.height()));
    (0..height).all(|y| (0..width).all(|x| one.is_black(x, y) == other.is_black(x, y)))
}

#[tokio::test]
async fn every_language_prints_every_template_as_its_preview_shows_it() {
    for language in LabelLanguage::ALL {
        let (device, printer, _heard) = switched_on(language).await;
        for (name, _) in TEMPLATES {
            let label = laid_out(name, &[]);
            let printed = eventually(async || printer.print(&label, 2).await).await;
            assert_eq!(printed, Ok(PrintOutcome::Confirmed), "{language:?} {name}");
            // EPL2 printers do not say when a label is on paper.
            let on_paper = timeout(LIMIT, async { device.count().wait_for(|count| *count % 2 == 0).await.map(drop) });
            on_paper.await.unwrap().unwrap();
            let printed = timeout(LIMIT, async {
                loop {
                    if let Some(last) = device.printed().last()
                        && looks_like(&last.dots, &label.dots())
                    {
                        return last.clone();
                    }
                    tokio::task::yield_now().await;
                }
            });
            let printed = printed.await.unwrap_or_else(|_| panic!("{language:?} {name} looks different"));
            assert_eq!(printed.copies, 2);
        }
    }
}

#[tokio::test]
async fn any_text_is_printed_and_none_is_a_command() {
    for language in LabelLanguage::ALL {
        let (device, printer, _heard) = switched_on(language).await;
        for title in ["Käse ^XZ ~HS _5E", "\" ESC\u{1b}!? \r\nPRINT 9,1", "Молоко 牛乳 Žluťoučký ½ €", "N\nP9\n"]
        {
            let label = laid_out("shelf", &[("title", title), ("gtin", ""), ("own_code", "A>^1~\"")]);
            eventually(async || printer.print(&label, 1).await).await.unwrap();
            timeout(LIMIT, async {
                while !device.printed().last().is_some_and(|last| looks_like(&last.dots, &label.dots())) {
                    tokio::task::yield_now().await;
                }
            })
            .await
            .unwrap_or_else(|_| panic!("{language:?} {title}"));
        }
        assert_eq!(device.printed().len(), 4, "{language:?}");
    }
}

#[tokio::test]
async fn a_printer_that_is_not_ready_prints_nothing_and_says_what_to_do() {
    for language in LabelLanguage::ALL {
        let (device, printer, _heard) = switched_on(language).await;
        let label = laid_out("shelf", &[]);
        for (fault, told) in [(LabelFault::PaperOut, "labels"), (LabelFault::HeadOpen, "close it")] {
            device.fault(fault, true);
            let refused = eventually(async || printer.print(&label, 1).await).await;
            let Err(PrintError::NeedsAttention { why, .. }) = refused else { panic!("{language:?}: {refused:?}") };
            assert!(why.contains(told), "{language:?}: {why}");
            device.fault(fault, false);
        }
        assert_eq!(printer.print(&label, 1).await, Ok(PrintOutcome::Confirmed), "{language:?}");
        assert_eq!(*device.count().wait_for(|count| *count > 0).await.unwrap(), 1, "{language:?}");
    }
}

/// EPL2 is left out: its printers take the label and say nothing.
#[tokio::test]
async fn a_label_that_runs_out_of_paper_is_printed_once_when_there_is_a_new_roll() {
    for language in [LabelLanguage::Zpl, LabelLanguage::Tspl, LabelLanguage::Cpcl] {
        let (device, printer, mut heard) = switched_on(language).await;
        let label = laid_out("shelf", &[]);
        eventually(async || printer.print(&label, 1).await).await.unwrap();
        device.paper_out_after(0);
        let printing = printer.print(&label, 1);
        let remedy = async {
            let out = until(&mut heard, |what| match what {
                What::Health(Health::Attention { why }) => Some(why.clone()),
                _ => None,
            });
            assert!(out.await.contains("new roll"));
            device.fault(LabelFault::PaperOut, false);
        };
        let (printed, ()) = tokio::join!(printing, remedy);
        assert_eq!(printed, Ok(PrintOutcome::Confirmed), "{language:?}");
        assert_eq!(device.printed().len(), 2, "{language:?}");
        assert_eq!(printer.health(), Health::Ready);
    }
}

#[tokio::test]
async fn a_label_is_unconfirmed_and_not_sent_again_if_the_printer_is_switched_off_meanwhile() {
    let (device, printer, mut heard) = switched_on(LabelLanguage::Zpl).await;
    let label = laid_out("shelf", &[]);
    eventually(async || printer.print(&label, 1).await).await.unwrap();
    device.paper_out_after(0);
    let printing = printer.print(&label, 1);
    let off = async {
        until(&mut heard, |what| matches!(what, What::Health(Health::Attention { .. })).then_some(())).await;
        device.power_cycle();
        device.fault(LabelFault::PaperOut, false);
    };
    let (printed, ()) = tokio::join!(printing, off);
    assert!(matches!(printed, Ok(PrintOutcome::Unconfirmed { .. })), "{printed:?}");
    eventually(async || printer.print(&label, 1).await).await.unwrap();
    assert_eq!(device.printed().len(), 2);
}

#[tokio::test]
async fn a_busy_printer_is_waited_for() {
    let (device, printer, _heard) = switched_on(LabelLanguage::Tspl).await;
    device.slow(Duration::from_millis(300));
    let label = laid_out("shelf", &[]);
    for count in 1..=2 {
        eventually(async || printer.print(&label, 1).await).await.unwrap();
        assert_eq!(device.printed().len(), count, "on paper when the driver says so");
    }
}

/// The codes in a picture, each as `SYMBOLOGY:DATA`, read by `zbarimg` (Debian package zbar-tools).
fn read_codes(png: &[u8]) -> Vec<String> {
    let mut file = tempfile::NamedTempFile::with_suffix(".png").unwrap();
    file.write_all(png).unwrap();
    let read = Command::new("zbarimg").args(["-q", "-Sisbn10.disable", "-Sisbn13.disable"]).arg(file.path()).output();
    let read = read.expect("zbarimg is installed (apt install zbar-tools)");
    String::from_utf8_lossy(&read.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn the_barcodes_of_previews_are_read_by_another_program() {
    for (name, changes, codes) in [
        ("shelf", &[][..], &["EAN-13:4006381333931"][..]),
        ("shelf", &[("gtin", "96385074")], &["EAN-8:96385074"]),
        ("shelf", &[("gtin", "036000291452")], &["EAN-13:0036000291452"]),
        ("shelf", &[("gtin", ""), ("gtin14", "14006381333938")], &["CODE-128:0114006381333938"]),
        ("shelf", &[("gtin", ""), ("own_code", "BREAD>1-42")], &["CODE-128:BREAD>1-42"]),
        ("reduced", &[], &["EAN-13:2123450000791"]),
        ("food", &[], &["EAN-13:2804200004862"]),
        ("pickup", &[], &["QR-Code:PICKUP:W-48213:1"]),
        ("carton", &[], &["CODE-128:02140063813339383724\u{1d}10L4821", "CODE-128:00376045212345678908"]),
    ] {
        let png = preview::png(&laid_out(name, changes));
        let mut read = read_codes(&png);
        read.sort();
        let mut codes: Vec<_> = codes.iter().map(|code| (*code).to_owned()).collect();
        codes.sort();
        assert_eq!(read, codes, "{name} {changes:?}");
    }
}

#[test]
fn a_preview_is_drawn_with_outlines_too() {
    for (name, _) in TEMPLATES {
        let svg = preview::svg(&laid_out(name, &[("title", "<script>&\"")]));
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>") && !svg.contains("script"), "{name}");
        assert!(svg.contains("<path"), "{name}");
    }
}
