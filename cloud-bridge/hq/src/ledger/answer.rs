//! Answers to the hubs' questions.

use contract::{
    Answer, Asked, Epoch, HubId, Question, SaleCompleted,
    ask::{LastReceipt, MAX_FOUND, MAX_REGISTERS, Numbers, ReceiptAsked},
};

use super::{Ledger, coupons, now_ms};
use crate::{
    customers,
    database::{DatabaseError, Row, Value, statement::statements, values},
    down::QueueError,
    gift_cards,
};

statements! {
    /// The sales with a receipt number, newest first.
    FIND = "receipt/find";
    /// The last number of each register and fiscal year.
    LAST = "receipt/last";
    /// The latest epoch of a hub besides one.
    EARLIER = "receipt/epoch";
}

fn bound(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

impl Ledger {
    /// Answers a question.
    ///
    /// # Errors
    /// The database fails.
    pub async fn answer(&self, asked: &Asked) -> Result<Answer, DatabaseError> {
        match &asked.question {
            Question::Receipt(receipt) => self.sales_of(receipt).await.map(Answer::Sales),
            Question::CustomerSales(asked_of) => {
                customers::history(self.database(), &asked_of.customer, MAX_FOUND).await.map(Answer::Sales)
            }
            Question::GiftCard(asked_of) => {
                let mut transaction = self.database().transaction().await?;
                let (hub, epoch) = (&asked.hub, asked.epoch);
                let answer = gift_cards::answer(&mut transaction, hub, epoch, asked_of, now_ms()).await;
                let answer = answer.map_err(QueueError::into_database)?;
                transaction.commit().await?;
                Ok(Answer::GiftCard(answer))
            }
            Question::Coupons(coupons) => {
                coupons::elsewhere(self.database(), &asked.hub, coupons).await.map(Answer::Coupons)
            }
            Question::Return(asked) => self.known_of_return(asked, now_ms()).await.map(Box::new).map(Answer::Return),
            Question::Find(sought) => self.find_sales(sought).await.map(Answer::Found),
            Question::Numbers => self.numbers(&asked.hub, asked.epoch).await.map(Answer::Numbers),
        }
    }

    async fn sales_of(&self, asked: &ReceiptAsked) -> Result<Vec<SaleCompleted>, DatabaseError> {
        let ReceiptAsked { store, register, receipt } = asked;
        let parameters = values![store.as_str(), register, Value::unsigned("receipt", *receipt)?, bound(MAX_FOUND)];
        let rows = self.database().read(&FIND, parameters).await?;
        let sale = |row: Row| {
            let (body,): (String,) = row.read()?;
            let bad = |error: serde_json::Error| DatabaseError::Column {
                column: 0,
                expected: "a sale",
                found: error.to_string(),
            };
            serde_json::from_str(&body).map_err(bad)
        };
        rows.into_iter().map(sale).collect()
    }

    /// The last receipt numbers of a hub in all epochs.
    async fn numbers(&self, hub: &HubId, epoch: Epoch) -> Result<Numbers, DatabaseError> {
        let last = self.database().read(&LAST, values![hub.as_str(), bound(MAX_REGISTERS)]).await?;
        let receipt = |row: Row| {
            let (register, fiscal_year, receipt): (String, u64, u64) = row.read()?;
            let fiscal_year = u16::try_from(fiscal_year).unwrap_or(u16::MAX);
            Ok(LastReceipt { register, fiscal_year, receipt })
        };
        let receipts = last.into_iter().map(receipt).collect::<Result<_, DatabaseError>>()?;
        let parameters = values![hub.as_str(), Value::unsigned("epoch", epoch.0)?];
        let earlier = self.database().read(&EARLIER, parameters).await?.pop();
        let earlier = earlier.map(Row::read::<(Option<u64>,)>).transpose()?;
        Ok(Numbers { epoch: earlier.and_then(|(epoch,)| epoch).map(Epoch), receipts })
    }
}

#[cfg(test)]
mod tests {
    use contract::{Batch, Event, Sequence, Stream, sale};
    use serde_json::{json, value::to_raw_value};

    use super::*;
    use crate::testing::{Fresh, on_each_engine};

    on_each_engine! {
        a_receipt_of_another_store_and_the_last_numbers_are_found
    }

    async fn sell(ledger: &Ledger, hub: &str, epoch: u64, receipts: &[(&str, u64)]) {
        sell_as(ledger, hub, epoch, receipts, None).await;
    }

    async fn sell_as(ledger: &Ledger, hub: &str, epoch: u64, receipts: &[(&str, u64)], prefix: Option<&str>) {
        let event = |(sequence, (register, receipt)): (u64, &(&str, u64))| {
            let mut body = json!({
                "sale": format!("{epoch}-{sequence}"), "register": register, "receipt": receipt, "fiscal_year": 2026,
                "business_day": "2026-11-24", "sold_at_ms": epoch, "currency": "USD", "lines": [], "tenders": [],
                "totals": { "regular": 0, "discount": 0, "net": 0, "manufacturer_coupon": 0, "tendered": 0,
                    "change": 0 }
            });
            if let Some(prefix) = prefix {
                body["receipt_prefix"] = prefix.into();
            }
            Event {
                sequence: Sequence(sequence),
                kind: sale::COMPLETED.name().into(),
                occurred_at_ms: 1,
                body: to_raw_value(&body).unwrap(),
            }
        };
        let events = (1..).zip(receipts).map(event).collect();
        let (hub, epoch, stream) = (hub.parse().unwrap(), Epoch(epoch), Stream::sales());
        ledger.apply(&Batch { hub, epoch, stream, events, link: None }).await.unwrap();
    }

    async fn a_receipt_of_another_store_and_the_last_numbers_are_found(fresh: Fresh) {
        let ledger = Ledger::on(fresh.database.clone());
        sell(&ledger, "store-1", 1, &[("till-1", 1), ("till-1", 2), ("till-2", 1)]).await;
        // In the next epoch one register began again.
        sell(&ledger, "store-1", 2, &[("till-1", 2)]).await;
        let ask = async |question| {
            let asked = Asked { hub: "store-1".parse().unwrap(), epoch: Epoch(3), question };
            ledger.answer(&asked).await.unwrap()
        };
        let receipt = |store: &str, receipt| {
            let (store, register) = (store.parse().unwrap(), "till-1".to_owned());
            Question::Receipt(ReceiptAsked { store, register, receipt })
        };
        let Answer::Sales(found) = ask(receipt("store-1", 2)).await else { panic!("sales") };
        assert_eq!(found.iter().map(|sale| &*sale.sale).collect::<Vec<_>>(), ["2-1", "1-2"], "newest first");
        assert_eq!(ask(receipt("store-2", 2)).await, Answer::Sales(vec![]));
        let last = |register: &str, receipt| LastReceipt { register: register.into(), fiscal_year: 2026, receipt };
        // Numbers under a prefix say nothing of those without one.
        sell_as(&ledger, "store-1", 9, &[("till-1", 70)], Some("TP7L6O")).await;
        let numbers = Numbers { epoch: Some(Epoch(9)), receipts: vec![last("till-1", 2), last("till-2", 1)] };
        assert_eq!(ask(Question::Numbers).await, Answer::Numbers(numbers));
    }
}
