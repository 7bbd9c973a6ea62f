//! No whole card number leaves the driver.

use std::sync::{Arc, Mutex};

use drivers::{
    device::{Health, What},
    payment_terminal::{Outcome, Taken},
    simulate::Point,
};

use super::{authorise, begin, intent, pay, resolve, reversal, until};

/// Everything that the driver returns: records, events, errors and traces.
#[test]
fn a_whole_card_number_from_the_terminal_goes_no_further() {
    let traced = Traced::default();
    // With one dispatcher, `tracing` asks only that of the thread that logs first: of another test, which has none.
    let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    let mut told = tracing::subscriber::with_default(traced.clone(), || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(whole_card_numbers())
    });
    told.push(traced.text());
    assert!(traced.text().contains("offline"), "the tracing was heard");
    for text in &told {
        // Digits only: the number must not appear in pieces either.
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        for secret in ["4761739001010119", "739001", "28122", "123456"] {
            assert!(!digits.contains(secret), "{secret} in {text}");
        }
    }
    assert!(told[0].contains("476173******0119"));
}

/// Runs payments of every outcome with a terminal that sends complete card numbers; returns all output, the first
/// record first.
async fn whole_card_numbers() -> Vec<String> {
    let (device, terminal, mut heard) = begin().await;
    device.full_pan(true);
    let record = pay(&terminal, 99).await;
    let mut told = vec![format!("{record:?}"), serde_json::to_string(&record).unwrap()];
    device.print_blocks(true);
    told.push(format!("{:?}", pay(&terminal, 99).await));
    let reversal = reversal(&terminal, &record.reference, 99);
    told.push(format!("{:?}", terminal.authorise(&reversal, Taken::default()).await));
    told.push(format!("{:?} {:?}", terminal.close_day().await, terminal.diagnose().await));
    for point in [Point::ResultAcknowledged, Point::ResultSent] {
        device.drop_link_at(Some(point));
        let intent = intent(&terminal, 99);
        let Ok(Outcome::Approved(approved)) = terminal.authorise(&intent, Taken::default()).await else {
            panic!("declined")
        };
        told.push(format!("{intent:?} {approved:?}"));
        told.push(approved.keep().await.unwrap_err().to_string());
        told.push(format!("{:?}", resolve(&terminal, &intent).await));
    }
    drop(device);
    until(&mut heard, |what| matches!(what, What::Health(Health::Offline { .. }))).await;
    told.push(authorise(&terminal, 1).await.unwrap_err().to_string());
    while let Ok(event) = heard.try_recv() {
        told.push(format!("{event:?} {}", serde_json::to_string(&event).unwrap()));
    }
    told
}

/// Collects all traces at every level.
#[derive(Clone, Default)]
struct Traced(Arc<Mutex<String>>);

impl Traced {
    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

impl tracing::Subscriber for Traced {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("drivers")
    }

    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        span.record(&mut Fields(&self.0));
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        values.record(&mut Fields(&self.0));
    }

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut Fields(&self.0));
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

struct Fields<'a>(&'a Mutex<String>);

impl tracing::field::Visit for Fields<'_> {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        let mut text = self.0.lock().unwrap();
        text.push_str(&format!("{field}={value:?}\n"));
    }
}
