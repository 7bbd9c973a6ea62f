//! One connection: HTTP requests by hand, and what each message does.

use std::io;

use serde_json::{Map, Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

use super::{BookedState, NexoBooked, NexoPoint, Shared, State, Unfinished};

/// Serves requests until the connection ends.
pub(super) async fn serve(mut stream: TlsStream<TcpStream>, shared: &Shared) -> io::Result<()> {
    let mut pending = Vec::new();
    while let Some(body) = request(&mut stream, &mut pending).await? {
        let mute = shared.state().script.mute;
        if mute {
            std::future::pending::<()>().await;
        }
        let outer: Value = serde_json::from_slice(&body)?;
        let envelope = &outer["SaleToPOIRequest"];
        let Some(inner) = shared.seal.open(envelope) else {
            stream.write_all(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n").await?;
            continue;
        };
        let request = &inner["SaleToPOIRequest"];
        let mut header = request["MessageHeader"].clone();
        let category = header["MessageCategory"].as_str().unwrap_or_default().to_owned();
        let service_id = header["ServiceID"].as_str().unwrap_or_default().to_owned();
        let asked = &request[format!("{category}Request")];
        let is_transaction = matches!(category.as_str(), "Payment" | "Reversal");
        let can_be_cut = is_transaction || category == "Reconciliation";
        let cut_at = if can_be_cut { shared.state().script.cut_at.take() } else { None };
        if cut_at == Some(NexoPoint::Requested) {
            return Ok(());
        }
        let answer = if is_transaction {
            if shared.restarts() {
                return Ok(());
            }
            if cut_at == Some(NexoPoint::Taken) {
                let mut state = shared.state();
                let inquiries = state.script.in_progress_for;
                let request = asked.clone();
                state.unfinished = Some(Unfinished { category, service_id, request, inquiries });
                return Ok(());
            }
            transact(shared, &category, &service_id, asked).await
        } else {
            other(shared, &category, asked)
        };
        header["MessageType"] = json!("Response");
        let mut response = Map::new();
        response.insert("MessageHeader".into(), header.clone());
        response.insert(format!("{category}Response"), answer);
        let broken = is_transaction && shared.state().script.break_seal;
        let sealed = shared.seal.close(&header, &json!({ "SaleToPOIResponse": response }), broken).to_string();
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{sealed}",
            sealed.len()
        );
        match cut_at {
            Some(NexoPoint::Booked) => return Ok(()),
            Some(NexoPoint::HalfAnswered) => {
                stream.write_all(&answer.as_bytes()[..answer.len() / 2]).await?;
                return stream.flush().await;
            }
            _ => {}
        }
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await?;
        if cut_at == Some(NexoPoint::Answered) {
            return Ok(());
        }
    }
    Ok(())
}

/// The body of the next request.
async fn request(stream: &mut TlsStream<TcpStream>, pending: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    loop {
        if let Some(end) = pending.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&pending[..end]).to_ascii_lowercase();
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
            let whole = end + 4 + length.unwrap_or(0);
            if pending.len() >= whole {
                let request: Vec<u8> = pending.drain(..whole).collect();
                return Ok(Some(request[end + 4..].to_vec()));
            }
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).await? {
            0 => return Ok(None),
            length => pending.extend_from_slice(&buffer[..length]),
        }
    }
}

fn failure(condition: &str) -> Value {
    json!({ "Response": { "Result": "Failure", "ErrorCondition": condition } })
}

async fn transact(shared: &Shared, category: &str, service_id: &str, request: &Value) -> Value {
    {
        let state = shared.state();
        if !state.logged_in {
            return failure("LoggedOut");
        }
        if state.script.busy || state.unfinished.is_some() {
            return failure("Busy");
        }
        if let Some((.., answer)) = state.answers.iter().find(|(known, id, _)| known == category && id == service_id) {
            return answer.clone();
        }
    }
    let (think, waits, too_late) = {
        let state = shared.state();
        (state.script.think, state.script.wait_for_abort, state.script.approve_after_abort)
    };
    if waits {
        shared.aborted.notified().await;
        if !too_late {
            return remember(&mut shared.state(), category, service_id, failure("Aborted"));
        }
    }
    tokio::time::sleep(think).await;
    let mut state = shared.state();
    let earlier = state.answers.last().map(|(.., answer)| answer.clone());
    let answer = finish(&mut state, category, service_id, request);
    if state.script.repeat_earlier { earlier.unwrap_or(answer) } else { answer }
}

fn remember(state: &mut State, category: &str, service_id: &str, answer: Value) -> Value {
    state.answers.push((category.to_owned(), service_id.to_owned(), answer.clone()));
    answer
}

/// Customer and bank.
fn finish(state: &mut State, category: &str, service_id: &str, request: &Value) -> Value {
    if let Some(condition) = state.script.decline.take() {
        return remember(state, category, service_id, failure(&condition));
    }
    let minor = |value: &Value| {
        let text = value.to_string();
        let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
        format!("{whole}{part:0<2}").parse::<u64>().unwrap_or(0)
    };
    let id = format!("poi{:06}", state.books.len() + 1);
    let poi = json!({ "POITransactionID": { "TransactionID": id, "TimeStamp": "2026-11-28T10:00:00.000Z" } });
    let service = service_id.to_owned();
    if category == "Reversal" {
        let original = request["OriginalPOITransaction"]["POITransactionID"]["TransactionID"].as_str().unwrap_or("");
        let place = original.strip_prefix("poi").and_then(|number| number.parse::<usize>().ok());
        let found = place.and_then(|number| state.books.get_mut(number.checked_sub(1)?));
        let Some(found) = found.filter(|booked| booked.state == BookedState::Charged) else {
            return remember(state, category, service_id, failure("NotFound"));
        };
        if request["ReversedAmount"].is_null() {
            found.state = BookedState::Reversed;
        } else {
            let minor = minor(&request["ReversedAmount"]);
            state.books.push(NexoBooked { service_id: service, minor, state: BookedState::Refund });
        }
        let answer = json!({ "Response": { "Result": "Success" }, "POIData": poi });
        return remember(state, category, service_id, answer);
    }
    let is_refund = request["PaymentData"]["PaymentType"] == "Refund";
    let amounts = &request["PaymentTransaction"]["AmountsReq"];
    let asked = minor(&amounts["RequestedAmount"]);
    let half = std::mem::take(&mut state.script.approves_half).then_some(asked / 2);
    let approved = state.script.partial.take().or(half).unwrap_or(asked);
    let booked = if is_refund { BookedState::Refund } else { BookedState::Charged };
    state.books.push(NexoBooked { service_id: service, minor: approved, state: booked });
    let pan = if state.script.full_pan { "4761739001010119" } else { "476173 **** 0119" };
    let answer = json!({
        "Response": {
            "Result": if approved == asked { "Success" } else { "Partial" },
            "AdditionalResponse": format!("PAN={pan}&tid=1"),
        },
        "POIData": poi,
        "PaymentResult": {
            "OnlineFlag": !state.script.offline,
            "AmountsResp": {
                "Currency": amounts["Currency"],
                "AuthorizedAmount": format!("{}.{:02}", approved / 100, approved % 100).parse::<f64>().unwrap_or(0.0),
            },
            "PaymentAcquirerData": { "ApprovalCode": "A7B8C9" },
            "PaymentInstrumentData": { "CardData": {
                "MaskedPan": pan, "PaymentBrand": "visa", "EntryMode": ["Contactless"],
                "SensitiveCardData": {
                    "PAN": pan,
                    "TrackData": [{ "TrackNumb": 2, "TrackValue": format!(";{pan}=28122010000000000731?") }],
                },
                "PaymentToken": { "TokenType": "Customer", "TokenValue": "M469509594859802" },
            } },
        },
        "PaymentReceipt": [
            { "DocumentQualifier": "CashierReceipt",
              "OutputContent": { "OutputText": [{ "Text": "name=MERCHANT%20COPY" }] } },
            { "DocumentQualifier": "CustomerReceipt", "OutputContent": { "OutputText": [
                { "Text": format!("name=Card&value={}", pan.replace(' ', "%20")) },
                { "Text": "name=Payment%20approved" },
            ] } },
        ],
    });
    remember(state, category, service_id, answer)
}

/// Books a charge, or a refund of the last charge, whose request arrived and whose answer was lost.
pub(super) fn book(state: &mut State, service_id: &str, minor: u64, booked: BookedState) {
    let amount = format!("{}.{:02}", minor / 100, minor % 100).parse::<f64>().unwrap_or(0.0);
    if booked != BookedState::Refund {
        let amounts = json!({ "Currency": "USD", "RequestedAmount": amount });
        let request = json!({ "PaymentTransaction": { "AmountsReq": amounts } });
        finish(state, "Payment", service_id, &request);
        return;
    }
    let last = state.books.iter().rposition(|booked| booked.state == BookedState::Charged);
    let id = format!("poi{:06}", last.map_or(0, |place| place + 1));
    let original = json!({ "POITransactionID": { "TransactionID": id } });
    let request = json!({ "OriginalPOITransaction": original, "ReversedAmount": amount });
    finish(state, "Reversal", service_id, &request);
}

fn other(shared: &Shared, category: &str, request: &Value) -> Value {
    let mut state = shared.state();
    match category {
        "Login" => {
            state.logged_in = true;
            json!({ "Response": { "Result": "Success" }, "POISystemData": { "DateTime": "2026-11-28T10:00:00.000Z" } })
        }
        "Diagnosis" => {
            let busy = state.script.busy || state.unfinished.is_some();
            // A terminal that is busy can still be asked about its transactions.
            let status = if busy && request["HostDiagnosisFlag"] == true { "Busy" } else { "OK" };
            json!({
                "Response": { "Result": "Success" },
                "POIStatus": { "GlobalStatus": status },
                "HostStatus": [{ "AcquirerID": "bank", "IsReachableFlag": true }],
            })
        }
        "Abort" => {
            shared.aborted.notify_one();
            json!({})
        }
        "TransactionStatus" => status(&mut state, request, &shared.poi_id),
        "Reconciliation" => {
            let first = state.day;
            state.day = state.books.len();
            let sum = |wanted: BookedState| {
                let day = state.books[first..].iter().filter(|booked| booked.state == wanted);
                day.fold((0_u64, 0_u64), |(count, sum), booked| (count + 1, sum + booked.minor))
            };
            let total = |kind: &str, (count, minor): (u64, u64)| {
                let amount = format!("{}.{:02}", minor / 100, minor % 100).parse::<f64>().unwrap_or(0.0);
                json!({ "TransactionType": kind, "TransactionCount": count, "TransactionAmount": amount })
            };
            let totals = [total("Debit", sum(BookedState::Charged)), total("Credit", sum(BookedState::Refund))];
            json!({
                "Response": { "Result": "Success" },
                "ReconciliationType": "SaleReconciliation",
                "TransactionTotals": [
                    { "PaymentInstrumentType": "Card", "CardBrand": "visa", "PaymentTotals": totals },
                ],
            })
        }
        _ => failure("MessageFormat"),
    }
}

fn status(state: &mut State, request: &Value, poi_id: &str) -> Value {
    let reference = &request["MessageReference"];
    let (category, id) = (reference["MessageCategory"].as_str(), reference["ServiceID"].as_str());
    if let Some(mut unfinished) = state.unfinished.take() {
        if unfinished.inquiries > 0 {
            unfinished.inquiries -= 1;
            state.unfinished = Some(unfinished);
            return failure("InProgress");
        }
        finish(state, &unfinished.category, &unfinished.service_id, &unfinished.request);
    }
    let found = state.answers.iter().rev().find(|(known, service, _)| {
        category.is_none_or(|category| category == known) && id.is_none_or(|id| id == service)
    });
    let Some((category, service_id, answer)) = found else { return failure("NotFound") };
    let mut body = Map::new();
    body.insert(format!("{category}Response"), answer.clone());
    json!({
        "Response": { "Result": "Success" },
        "RepeatedMessageResponse": {
            "MessageHeader": {
                "MessageClass": "Service", "MessageCategory": category, "MessageType": "Response",
                "ServiceID": service_id, "SaleID": "store-hub", "POIID": poi_id,
            },
            "RepeatedResponseMessageBody": body,
        },
    })
}
