//! The bodies of requests, and what the answers mean.

use serde_json::{Value, json};

use super::money::Currency;
use crate::payment_terminal::{
    Amount, Closing, Entry, Intent, MaskedPan, Operation, Record, SchemeTotal, TerminalReference, scrub::scrub,
};

/// The maximum number of lines kept of a receipt.
const MAX_LINES: usize = 80;

/// The longest text kept of the terminal's words.
const MAX_TEXT: usize = 120;

/// A request for a transaction: its category and body.
pub(super) fn transaction(intent: &Intent, currency: Currency, now: &str) -> Option<(&'static str, Value)> {
    let amount = currency.number(intent.amount.minor)?;
    let sale = json!({ "SaleTransactionID": { "TransactionID": intent.reference, "TimeStamp": now } });
    let pay = |kind: &str| {
        let body = json!({
            "SaleData": sale,
            "PaymentTransaction": { "AmountsReq": { "Currency": currency.code, "RequestedAmount": amount } },
            "PaymentData": { "PaymentType": kind },
        });
        ("Payment", body)
    };
    let reverse = |original: &TerminalReference, part: Option<&serde_json::Number>| {
        let id = json!({ "TransactionID": original.get("transaction")?, "TimeStamp": original.get("timestamp")? });
        let mut body = json!({
            "SaleData": sale,
            "OriginalPOITransaction": { "POITransactionID": id },
            "ReversalReason": "MerchantCancel",
        });
        if let Some(part) = part {
            body["ReversedAmount"] = json!(part);
        }
        Some(("Reversal", body))
    };
    match &intent.operation {
        Operation::Charge => Some(pay("Normal")),
        Operation::Refund { original: None } => Some(pay("Refund")),
        Operation::Refund { original: Some(original) } => reverse(original, Some(&amount)),
        Operation::Reversal { original } => reverse(original, None),
    }
}

/// The category of an intent's message.
pub(super) fn category(intent: &Intent) -> &'static str {
    match &intent.operation {
        Operation::Charge | Operation::Refund { original: None } => "Payment",
        Operation::Refund { original: Some(_) } | Operation::Reversal { .. } => "Reversal",
    }
}

/// What an answer says of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Approved(Record),
    Submitted(Record),
    Declined {
        code: String,
        why: String,
    },
    /// The answer proves nothing.
    Unreadable(String),
}

/// Why a request failed: the condition, and it in words.
pub(super) fn failure(answer: &Value) -> Option<(String, String)> {
    let response = &answer["Response"];
    match response["Result"].as_str() {
        Some("Success" | "Partial") => None,
        Some(_) => {
            let condition = text(&response["ErrorCondition"]).unwrap_or_else(|| "Refusal".into());
            let why = condition_in_words(&condition).to_owned();
            Some((condition, why))
        }
        None => Some(("unreadable".into(), "an answer without a result".into())),
    }
}

fn condition_in_words(condition: &str) -> &'static str {
    match condition {
        "Aborted" => "aborted",
        "Busy" => "the terminal is busy",
        "Cancel" => "cancelled at the terminal",
        "DeviceOut" => "a device of the terminal is out of order",
        "InsertedCard" => "there is a card in the terminal; remove it",
        "InProgress" => "still in progress",
        "InvalidCard" => "the card is invalid, or was removed too early",
        "LoggedOut" => "the terminal is logged out",
        "NotAllowed" => "the terminal does not allow this",
        "NotFound" => "the terminal has no such transaction",
        "PaymentRestriction" => "the card can't pay for this",
        "Refusal" => "declined by the bank",
        "UnavailableDevice" | "UnavailableService" => "the terminal can't do this now",
        "UnreachableHost" => "the terminal can't reach its bank",
        "WrongPIN" => "wrong PIN",
        _ => "refused by the terminal",
    }
}

/// Reads an answer to a transaction.
pub(super) fn said(answer: &Value, intent: &Intent, currency: Currency) -> Said {
    match failure(answer) {
        Some((condition, why)) if condition == "unreadable" => return Said::Unreadable(why),
        Some((code, why)) => return Said::Declined { code, why },
        None => {}
    }
    if category(intent) == "Reversal" {
        let record = Record { amount: intent.amount, reference: reference(answer), ..Record::default() };
        return Said::Submitted(record);
    }
    let result = &answer["PaymentResult"];
    let amounts = &result["AmountsResp"];
    let is_ours = amounts["Currency"].is_null() || amounts["Currency"] == currency.code;
    let Some(minor) = currency.minor(&amounts["AuthorizedAmount"]).filter(|_| is_ours) else {
        return Said::Unreadable("an approval without a readable amount".into());
    };
    let card = &result["PaymentInstrumentData"]["CardData"];
    let record = Record {
        amount: Amount { minor, currency: currency.number },
        reference: reference(answer),
        terminal_time: text(&answer["POIData"]["POITransactionID"]["TimeStamp"]),
        masked_pan: card["MaskedPan"].as_str().map(mask),
        scheme: text(&card["PaymentBrand"]),
        entry: card["EntryMode"].as_array().and_then(|modes| modes.iter().find_map(entry)),
        authorisation: text(&result["PaymentAcquirerData"]["ApprovalCode"]),
        token: text(&card["PaymentToken"]["TokenValue"]),
        offline: result["OnlineFlag"] == false,
        receipt_text: receipt(answer),
    };
    if intent.operation == Operation::Charge { Said::Approved(record) } else { Said::Submitted(record) }
}

/// The terminal's own id of a transaction, by which it is reversed.
fn reference(answer: &Value) -> TerminalReference {
    let id = &answer["POIData"]["POITransactionID"];
    let entries = [("transaction", &id["TransactionID"]), ("timestamp", &id["TimeStamp"])];
    entries.iter().fold(TerminalReference::default(), |reference, (name, value)| match value.as_str() {
        Some(value) => reference.with(name, value),
        None => reference,
    })
}

/// A short text of the terminal, without card numbers and control characters.
pub(super) fn text(value: &Value) -> Option<String> {
    let clean: String = value.as_str()?.chars().filter(|char| !char.is_control()).collect();
    let text: String = scrub(clean.trim()).chars().take(MAX_TEXT).collect();
    (!text.is_empty()).then_some(text)
}

/// A masked number, whatever the terminal masks with and however little.
fn mask(text: &str) -> MaskedPan {
    // Terminals group digits by blanks.
    let text: String = text.chars().filter(|char| *char != ' ').collect();
    let is_digit = |char: &char| char.is_ascii_digit();
    let leading: String =
        if text.len() < 13 { String::new() } else { text.chars().take_while(is_digit).take(6).collect() };
    let trailing: String = text.chars().rev().take_while(is_digit).take(4).collect();
    MaskedPan::new(&leading, &trailing.chars().rev().collect::<String>())
}

fn entry(mode: &Value) -> Option<Entry> {
    match mode.as_str()? {
        "ICC" | "SynchronousICC" => Some(Entry::Chip),
        "Contactless" | "Tapped" => Some(Entry::Contactless),
        "MagStripe" => Some(Entry::Stripe),
        "Keyed" | "Manual" => Some(Entry::Manual),
        "Scanned" => Some(Entry::Qr),
        _ => None,
    }
}

/// The customer's receipt. Each line is a query string: `name=Card&value=VISA&key=…`.
fn receipt(answer: &Value) -> Vec<String> {
    let receipts = answer["PaymentReceipt"].as_array().map(Vec::as_slice).unwrap_or_default();
    let customers = receipts.iter().filter(|receipt| receipt["DocumentQualifier"] == "CustomerReceipt");
    let lines = customers
        .flat_map(|receipt| receipt["OutputContent"]["OutputText"].as_array().map(Vec::as_slice).unwrap_or_default());
    lines.filter_map(|line| line_of(line["Text"].as_str()?)).take(MAX_LINES).collect()
}

fn line_of(query: &str) -> Option<String> {
    let field = |wanted: &str| {
        let found = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == wanted);
        found.map(|(_, value)| decoded(value))
    };
    let line = match (field("name"), field("value")) {
        (Some(name), Some(value)) => format!("{name} {value}"),
        (Some(line), None) | (None, Some(line)) => line,
        (None, None) => decoded(query),
    };
    text(&Value::String(line))
}

/// Percent-decoded text.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match (first, tail) {
            (b'%', [high, low, ..]) => char::from(*high).to_digit(16).zip(char::from(*low).to_digit(16)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                rest = &tail[2..];
            }
            None => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A request for the outcome of a transaction; of the last one if none is named.
pub(super) fn status(of: Option<(&str, &str)>, sale_id: &str, poi_id: &str) -> Value {
    let mut body = json!({ "ReceiptReprintFlag": true, "DocumentQualifier": ["CustomerReceipt"] });
    if let Some((category, service_id)) = of {
        body["MessageReference"] =
            json!({ "MessageCategory": category, "ServiceID": service_id, "SaleID": sale_id, "POIID": poi_id });
    }
    body
}

/// The totals of a reconciliation, by brand.
pub(super) fn closing(answer: &Value, currency: Currency) -> Closing {
    let mut schemes: Vec<SchemeTotal> = Vec::new();
    for totals in answer["TransactionTotals"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let scheme = text(&totals["CardBrand"]).unwrap_or_else(|| "card".into());
        for total in totals["PaymentTotals"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let sign = match total["TransactionType"].as_str() {
                Some("Debit" | "ReverseCredit") => 1,
                Some("Credit" | "ReverseDebit") => -1,
                _ => continue,
            };
            let count = total["TransactionCount"].as_u64().and_then(|count| u32::try_from(count).ok());
            let minor = currency.minor(&total["TransactionAmount"]).and_then(|minor| i64::try_from(minor).ok());
            let Some((count, minor)) = count.zip(minor) else { continue };
            match schemes.iter_mut().find(|known| known.scheme == scheme) {
                Some(known) => {
                    known.count = known.count.saturating_add(count);
                    known.minor = known.minor.saturating_add(sign * minor);
                }
                None => schemes.push(SchemeTotal { scheme: scheme.clone(), count, minor: sign * minor }),
            }
        }
    }
    Closing { schemes, report: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EURO: Currency = Currency { number: 978, code: "EUR", digits: 2 };

    fn intent(operation: Operation) -> Intent {
        let amount = Amount { minor: 1234, currency: 978 };
        Intent {
            reference: "0000000001".into(),
            operation,
            amount,
            before: crate::payment_terminal::Journal::default(),
        }
    }

    fn approval() -> Value {
        json!({
            "Response": { "Result": "Success" },
            "POIData": {
                "POITransactionID": { "TransactionID": "oLkO001234", "TimeStamp": "2026-11-28T10:00:00.000Z" },
            },
            "PaymentResult": {
                "OnlineFlag": false,
                "AmountsResp": { "Currency": "EUR", "AuthorizedAmount": 12.34 },
                "PaymentAcquirerData": { "ApprovalCode": "123456" },
                "PaymentInstrumentData": { "CardData": {
                    "MaskedPan": "4761 7390 0101 0119", "PaymentBrand": "visa", "EntryMode": ["Contactless"],
                    "PaymentToken": { "TokenValue": "M469509594859802" },
                } },
            },
            "PaymentReceipt": [
                { "DocumentQualifier": "CashierReceipt",
                    "OutputContent": { "OutputText": [{ "Text": "name=MERCHANT" }] } },
                { "DocumentQualifier": "CustomerReceipt", "OutputContent": { "OutputText": [
                    { "Text": "name=Card&value=4761%207390%200101%200119&key=pan" }, { "Text": "name=APPROVED%21" },
                ] } },
            ],
        })
    }

    #[test]
    fn an_approval_is_read_without_card_data() {
        let Said::Approved(record) = said(&approval(), &intent(Operation::Charge), EURO) else {
            panic!("not approved")
        };
        assert_eq!((record.amount.minor, record.offline, record.entry), (1234, true, Some(Entry::Contactless)));
        assert_eq!(record.reference.get("transaction"), Some("oLkO001234"));
        assert_eq!(record.masked_pan.as_ref().map(MaskedPan::as_str), Some("476173******0119"));
        assert_eq!(record.receipt_text, ["Card 4761 73** **** 0119", "APPROVED!"]);
        assert_eq!((record.scheme.as_deref(), record.authorisation.as_deref()), (Some("visa"), Some("123456")));
    }

    #[test]
    fn an_approval_without_a_readable_amount_proves_nothing() {
        for amount in [json!(null), json!(-1), json!("12.34"), json!(12.345)] {
            let mut answer = approval();
            answer["PaymentResult"]["AmountsResp"]["AuthorizedAmount"] = amount;
            assert!(matches!(said(&answer, &intent(Operation::Charge), EURO), Said::Unreadable(_)));
        }
        let mut dollars = approval();
        dollars["PaymentResult"]["AmountsResp"]["Currency"] = json!("USD");
        assert!(matches!(said(&dollars, &intent(Operation::Charge), EURO), Said::Unreadable(_)));
        for nothing in [json!(null), json!({}), json!({ "Response": {} })] {
            assert!(matches!(said(&nothing, &intent(Operation::Charge), EURO), Said::Unreadable(_)));
        }
    }

    #[test]
    fn refunds_and_reversals_are_only_submitted() {
        let original = TerminalReference::default().with("transaction", "a").with("timestamp", "b");
        let refund = intent(Operation::Refund { original: Some(original.clone()) });
        let (category, body) = transaction(&refund, EURO, "now").unwrap();
        assert_eq!((category, &body["ReversedAmount"]), ("Reversal", &json!(12.34)));
        let reversal = intent(Operation::Reversal { original });
        let (_, body) = transaction(&reversal, EURO, "now").unwrap();
        assert!(body["ReversedAmount"].is_null());
        let done = json!({ "Response": { "Result": "Success" } });
        assert!(matches!(said(&done, &reversal, EURO), Said::Submitted(_)));
        assert!(matches!(said(&approval(), &intent(Operation::Refund { original: None }), EURO), Said::Submitted(_)));
        let unknown = intent(Operation::Reversal { original: TerminalReference::default() });
        assert_eq!(transaction(&unknown, EURO, "now"), None);
    }

    #[test]
    fn totals_are_added_by_brand() {
        fn total(kind: &str, count: u32, amount: f64) -> Value {
            json!({ "TransactionType": kind, "TransactionCount": count, "TransactionAmount": amount })
        }
        let answer = json!({ "TransactionTotals": [
            { "CardBrand": "visa", "PaymentTotals": [total("Debit", 3, 30.0), total("Credit", 1, 5.5)] },
            { "CardBrand": "mc", "PaymentTotals": [total("Debit", 1, 1.0), total("Odd", 1, 1.0)] },
        ] });
        let scheme = |scheme: &str, count, minor| SchemeTotal { scheme: scheme.into(), count, minor };
        assert_eq!(closing(&answer, EURO).schemes, [scheme("visa", 4, 2450), scheme("mc", 1, 100)]);
    }
}
