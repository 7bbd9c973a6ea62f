//! Generates a store with a history: a catalog of any size, and any number of sales, one per minute until now. They are
//! made by the code that sells, stored by the same committer, and acknowledged and archived as over the years; only the
//! registers and HQ are missing.

use std::{sync::Arc, time::Instant};

use app::{
    By, Refusal, Retention, catalog, keeping,
    selling::{self, SaleContext},
};
use commerce::{
    Actor, Basket, BasketId, BusinessDay, Currency, Gtin, Item, NewLine, Quantity, RegisterName, Tender, line::What,
};
use contract::{Epoch, Sequence, Stream};
use hq::Ledger;
use hub::config::Config;
use indicatif::ProgressBar;
use jiff::{Timestamp, tz::TimeZone};
use store::{
    MostlyEmpty, Purpose, Store, StoreError, Transaction,
    idempotency::{CommandKey, REMEMBERED},
};

use crate::now_ms;

/// The interval of sales: about 1,400 per day.
const APART_MS: i64 = 60_000;

/// Sales per flush.
const PART: u64 = 500;

/// Sales between two archivings.
const ARCHIVED_EVERY: u64 = 10_000;

/// Lines per sale.
pub(super) const LINES: usize = 5;

/// The real items, and generated ones with numbers and GTINs of their own up to the requested count.
pub(crate) fn items(real: &[Item], count: usize) -> Vec<Item> {
    let mut items: Vec<Item> = real.iter().take(count).cloned().collect();
    for number in items.len()..count {
        let like = &real[number % real.len()];
        let sku = format!("9{number:07}");
        let item = sku.parse().ok().map(|sku| Item { sku, gtin: gtin(number), ..like.clone() });
        items.extend(item);
    }
    items
}

/// A GTIN-13 of the range for use inside a store.
fn gtin(number: usize) -> Option<Gtin> {
    let digits = format!("29{number:010}");
    let weighed: u32 =
        digits.bytes().zip([1, 3].into_iter().cycle()).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    format!("{digits}{}", (10 - weighed % 10) % 10).parse().ok()
}

/// A basket of [`LINES`] lines, paid in cash, without a number yet.
///
/// # Errors
/// The rules of the basket refuse it.
pub(super) fn basket(
    register: RegisterName,
    currency: Currency,
    at_ms: i64,
    items: &[Item],
) -> Result<Basket, commerce::Refusal> {
    let mut basket = Basket::open(BasketId(0), register, None, currency, at_ms, None, None)?;
    for item in items {
        let quantity = Quantity::pieces(1).map_err(|_| commerce::Refusal::AmountOutOfRange)?;
        basket.add_line(NewLine {
            what: What::Item(item),
            quantity,
            keyed: None,
            discounts: Vec::new(),
            particulars: commerce::Particulars::default(),
        })?;
    }
    basket.tender(Tender::Cash { amount: basket.due() })?;
    Ok(basket)
}

/// [`LINES`] items that are sold by the piece, from an offset on.
pub(crate) fn some(items: &[Item], place: usize) -> Vec<Item> {
    let by_piece = items.iter().filter(|item| item.price.minor.is_positive() && !item.price.per.is_measure());
    by_piece.cycle().skip(place % items.len().max(1)).take(LINES).cloned().collect()
}

/// The data of a sale at a moment besides its basket; without a printer.
pub(super) fn context(epoch: u64, at_ms: i64) -> SaleContext {
    let date = Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(TimeZone::UTC).date();
    let (year, number) = (u16::try_from(date.year()).unwrap_or(1), |value: i8| u8::try_from(value).unwrap_or(1));
    let business_day = BusinessDay::new(year, number(date.month()), number(date.day())).unwrap_or(BusinessDay::FIRST);
    SaleContext { epoch, at_ms, business_day, fiscal_year: year, printer: None }
}

/// A sale, as a register's command makes it.
///
/// # Errors
/// The store fails.
pub(super) fn sell(
    transaction: &mut Transaction<'_>,
    basket: Basket,
    context: &SaleContext,
    key: Option<&CommandKey>,
) -> Result<(), Refusal> {
    let by = By { actor: Actor::register(basket.register.clone()), at_ms: context.at_ms };
    let work = |transaction: &mut Transaction<'_>| selling::sell(transaction, &by, basket, context);
    match key {
        Some(key) => transaction.once(key, work).map(|_| ()),
        None => work(transaction).map(|_| ()),
    }
}

/// Creates the store of a config with a history of sales. With HQ's ledger they are acknowledged there and archived;
/// without it all of them wait for HQ.
///
/// # Errors
/// The store fails.
pub(crate) async fn fill(config: &Config, ledger: Option<&Ledger>, items: &[Item], sales: u64) -> Result<(), String> {
    let now = now_ms();
    let born = u64::try_from(now).unwrap_or(0);
    let store = Store::open(&config.store.data, config.store.engine, &app::linked_tables(), born)
        .map_err(|error| error.to_string())?;
    let store = Arc::new(store);
    for part in items.chunks(catalog::MAX_LOAD) {
        let (part, by) = (part.to_vec(), By { actor: Actor::console(), at_ms: now });
        let put = store
            .commit_for(Purpose::Ordinary, move |transaction| catalog::load(transaction, &by, &part, "made up".into()));
        put.await.map_err(|error| error.to_string())?;
    }
    let bar = ProgressBar::new(sales).with_message("earlier sales");
    let sold: Arc<[Item]> =
        items.iter().filter(|item| item.price.minor.is_positive() && !item.price.per.is_measure()).cloned().collect();
    let stream = Stream::sales();
    for first in (1..=sales).step_by(usize::try_from(PART).unwrap_or(1)) {
        let last = sales.min(first + PART - 1);
        let (choice, currency, epoch) = (Arc::clone(&sold), config.store.currency, store.epoch());
        let lanes = config.register.len().max(1) as u64;
        let done = store.commit(move |transaction| {
            for number in first..=last {
                let at_ms = now - i64::try_from(sales - number).unwrap_or(0) * APART_MS;
                let register = format!("till-{}", number % lanes + 1);
                let lines: Vec<_> = (0..LINES)
                    .map(|line| choice[(usize::try_from(number).unwrap_or(0) * 7 + line * 131) % choice.len()].clone())
                    .collect();
                let name = register.parse().map_err(|_| commerce::Refusal::BadText { field: "register" })?;
                let basket = basket(name, currency, at_ms, &lines)?;
                let is_remembered = now - at_ms < i64::try_from(REMEMBERED.as_millis()).unwrap_or(0);
                let key =
                    CommandKey { asker: register, key: format!("past-{number}"), fingerprint: "f".repeat(64), at_ms };
                sell(transaction, basket, &context(epoch, at_ms), is_remembered.then_some(&key))?;
            }
            Ok::<_, Refusal>(())
        });
        done.await.map_err(|refusal| refusal.detail)?;
        bar.set_position(last);
        if ledger.is_some() && (last.is_multiple_of(ARCHIVED_EVERY) || last == sales) {
            store.acknowledge_outbox(stream.as_str(), last).await.map_err(|error| error.to_string())?;
            let retention =
                Retention { now_ms: now, keep_sales_days: config.store.keep_sales_days, has_headquarters: true };
            let store = Arc::clone(&store);
            let tidied = tokio::task::spawn_blocking(move || keeping::tidy(&store, &retention)).await;
            tidied.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        }
    }
    bar.finish_and_clear();
    let Some(ledger) = ledger else { return Ok(()) };
    let epoch = Epoch(store.epoch());
    rest(config, store)?;
    let began = ledger.begin_after(&config.store.hub, epoch, &stream, Sequence(sales)).await;
    began.map_err(|error| error.to_string())
}

/// Restarts the store as a store with a history would have been, so that mostly empty files are rewritten.
fn rest(config: &Config, store: Arc<Store>) -> Result<(), String> {
    let said = |error: StoreError| error.to_string();
    let Some(MostlyEmpty { files, live }) = store.mostly_empty().map_err(said)? else { return Ok(()) };
    store::ask_for_rewriting(&config.store.data).map_err(said)?;
    drop(store);
    let began = Instant::now();
    let store = Store::open(&config.store.data, config.store.engine, &app::linked_tables(), 1).map_err(said)?;
    let after = store.size_on_disk().map_err(said)?;
    eprintln!(
        "  the store's files were mostly empty ({} of {} MB in use): rewritten in {:.1} s, now {} MB",
        live / 1_000_000,
        files / 1_000_000,
        began.elapsed().as_secs_f64(),
        after / 1_000_000
    );
    Ok(())
}
