//! Replays real baskets through simulated registers as fast as the hub accepts them, and compares HQ's ledger with the
//! input to the cent.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use contract::SaleCompleted;
use drivers::simulate::{BookedState, SimulatedCardTerminal, TerminalFault};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::{
    client::Client,
    data::{Data, DataBasket},
    register::{Pays, Register},
    stage::Stage,
    web_orders::OrdersReport,
};

/// How long HQ may make no progress before the replay fails.
const HQ_STALLED: Duration = Duration::from_secs(60);

/// In each lane the link of the terminal is cut during every such card payment.
const CUT_EVERY: usize = 20;

/// Where it is cut, in turn. The payment is settled by asking the terminal.
const CUTS: [TerminalFault; 3] =
    [TerminalFault::CutAfterApproval, TerminalFault::CutBeforeApproval, TerminalFault::CutAfterResult];

/// The results of a replay.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// Baskets in the input.
    pub(crate) baskets: usize,
    /// Lines in HQ's ledger.
    pub(crate) lines: usize,
    /// The sum of regular amounts at HQ.
    pub(crate) regular_cents: i64,
    /// The sum of discounts at HQ.
    pub(crate) discount_cents: i64,
    /// The sum of net amounts at HQ.
    pub(crate) net_cents: i64,
    /// The sum of manufacturer coupons at HQ.
    pub(crate) manufacturer_coupon_cents: i64,
    /// Baskets in HQ's ledger.
    pub(crate) hq_baskets: usize,
    /// The time of completing a sale, as measured by a register.
    pub(crate) sale_ms: Percentiles,
    /// The time from a scanner's last byte to the register's event.
    pub(crate) scan_ms: Percentiles,
    /// The card payments in HQ's ledger.
    pub(crate) card_cents: i64,
    /// The amount that the terminals' journals say was charged since they were started: equal, unless the store was
    /// kept from an earlier run.
    pub(crate) terminal_cents: u64,
    /// Card payments during which the terminal's link was cut.
    pub(crate) links_cut: usize,
    /// Baskets that HQ has more than once.
    pub(crate) duplicates: usize,
    /// Baskets that are missing at HQ or differ.
    pub(crate) lost: usize,
    /// The total time in seconds.
    pub(crate) elapsed_s: f64,
    /// Descriptions of the first baskets that differ.
    pub(crate) differences: Vec<String>,
    /// The web orders that followed.
    pub(crate) orders: OrdersReport,
}

/// Percentiles of durations, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Percentiles {
    /// The median.
    pub p50: f64,
    /// The 99th percentile.
    pub p99: f64,
    /// The maximum.
    pub(crate) max: f64,
}

impl Percentiles {
    /// The percentiles of a list; zeros for an empty one.
    pub(crate) fn of(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        let at = |share: usize| all.get((all.len() * share / 100).min(all.len().saturating_sub(1)));
        let ms =
            |duration: Option<&Duration>| duration.map_or(0.0, |duration| (duration.as_secs_f64() * 1e6).round() / 1e3);
        Self { p50: ms(at(50)), p99: ms(at(99)), max: ms(all.last()) }
    }
}

impl Report {
    /// Whether HQ has every basket once, to the cent, and every order as the store has it.
    pub(crate) fn is_right(&self) -> bool {
        let baskets = self.lost == 0 && self.duplicates == 0 && self.hq_baskets == self.baskets;
        baskets && self.orders.differences.is_empty()
    }

    /// The results as text.
    pub(crate) fn table(&self, currency: commerce::Currency) -> String {
        use std::fmt::Write as _;
        let money = |cents: i64| {
            commerce::Minor::new(cents).map_or_else(|| cents.to_string(), |minor| minor.display(currency).to_string())
        };
        let mut table = String::new();
        let mut row = |name: &str, value: String| {
            let _ = writeln!(table, "  {name:<28}{value:>16}");
        };
        row("baskets sold", self.baskets.to_string());
        row("baskets at HQ", self.hq_baskets.to_string());
        row("lines", self.lines.to_string());
        row("regular", money(self.regular_cents));
        row("discounts", money(self.discount_cents));
        row("net", money(self.net_cents));
        row("manufacturer coupons", money(self.manufacturer_coupon_cents));
        row("by card", money(self.card_cents));
        row("terminal links cut", self.links_cut.to_string());
        row("lost", self.lost.to_string());
        row("duplicates", self.duplicates.to_string());
        row("sale p50 / p99 / max", format!("{} / {} / {} ms", self.sale_ms.p50, self.sale_ms.p99, self.sale_ms.max));
        row("scan p50 / p99", format!("{} / {} ms", self.scan_ms.p50, self.scan_ms.p99));
        row("elapsed", format!("{:.1} s", self.elapsed_s));
        let OrdersReport { placed, handed_over, shipped, cancelled, refused, .. } = self.orders;
        row("web orders", placed.to_string());
        row("handed over / shipped", format!("{handed_over} / {shipped}"));
        row("cancelled", cancelled.to_string());
        row("refused beyond the quota", refused.to_string());
        table
    }
}

/// Sells all baskets through the registers and waits until HQ has them.
///
/// # Errors
/// The hub refused a register, or HQ stalled.
pub(crate) async fn replay(stage: &Stage, data: &Data, clients: Vec<Client>) -> Result<Report, String> {
    let began = Instant::now();
    let bar = progress(data.baskets.len(), "baskets sold");
    let mut lanes = Vec::new();
    let count = clients.len();
    let links_cut = Arc::new(AtomicUsize::new(0));
    for (lane, (client, scanner)) in clients.into_iter().zip(&stage.devices.scanners).enumerate() {
        let (bar, devices, links_cut) = (bar.clone(), Arc::clone(&stage.devices), Arc::clone(&links_cut));
        let queue: Vec<_> =
            data.baskets.iter().cloned().enumerate().filter(|(_, basket)| lane_of(basket, count) == lane).collect();
        let mut register = Register::new(client, Arc::clone(scanner));
        lanes.push(tokio::spawn(async move {
            let mut by_card = 0_usize;
            for (place, basket) in queue {
                let pays = if place % 5 < 3 { Pays::Card } else { Pays::Cash };
                by_card += usize::from(pays == Pays::Card);
                if pays == Pays::Card && by_card % CUT_EVERY == 1 {
                    devices.terminals[lane].fault(CUTS[by_card / CUT_EVERY % CUTS.len()])?;
                    links_cut.fetch_add(1, Ordering::Relaxed);
                }
                let key = format!("replay-{}", basket.id);
                let sold = register.sell(&basket, &key, &basket.id, pays, Duration::ZERO).await;
                sold.map_err(|why| format!("basket {}: {why}", basket.id))?;
                bar.step();
            }
            Ok::<_, String>((register.scans, register.sales))
        }));
    }
    let (mut scans, mut sales) = (Vec::new(), Vec::new());
    for lane in lanes {
        let (lane_scans, lane_sales) = lane.await.map_err(|error| error.to_string())??;
        scans.extend(lane_scans);
        sales.extend(lane_sales);
    }
    bar.finish();
    wait_for_hq(stage, data).await?;
    let mut report = compare(stage, data).await?;
    report.links_cut = links_cut.load(Ordering::Relaxed);
    report.sale_ms = Percentiles::of(sales);
    report.scan_ms = Percentiles::of(scans);
    report.elapsed_s = began.elapsed().as_secs_f64();
    Ok(report)
}

async fn wait_for_hq(stage: &Stage, data: &Data) -> Result<(), String> {
    let bar = progress(data.baskets.len(), "baskets at HQ");
    let hub = &stage.config.store.hub;
    let mut lacks: Vec<_> = data.baskets.iter().collect();
    let (mut known, mut moved) = (0, Instant::now());
    loop {
        let mut still = Vec::new();
        for basket in lacks {
            let found = stage.ledger.by_reference(hub, &basket.id).await.map_err(|error| error.to_string())?;
            still.extend(found.is_empty().then_some(basket));
        }
        lacks = still;
        let now = data.baskets.len() - lacks.len();
        bar.set(now);
        if now == data.baskets.len() {
            bar.finish();
            return Ok(());
        }
        if now > known {
            (known, moved) = (now, Instant::now());
        }
        if moved.elapsed() > HQ_STALLED {
            return Err(format!(
                "HQ has {now} of {} baskets and received none for {} s",
                data.baskets.len(),
                HQ_STALLED.as_secs()
            ));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The lane that sells a basket: always the same one. Idempotency keys belong to a register, so a replay that continues
/// after a crash must sell each basket at the same register again.
fn lane_of(basket: &DataBasket, lanes: usize) -> usize {
    let mix = basket.id.bytes().fold(0_usize, |mix, byte| mix.wrapping_mul(31).wrapping_add(usize::from(byte)));
    mix % lanes.max(1)
}

/// Compares HQ's ledger with the input, basket by basket, line by line.
async fn compare(stage: &Stage, data: &Data) -> Result<Report, String> {
    let mut report = Report {
        baskets: data.baskets.len(),
        lines: 0,
        regular_cents: 0,
        discount_cents: 0,
        net_cents: 0,
        manufacturer_coupon_cents: 0,
        hq_baskets: 0,
        sale_ms: Percentiles::default(),
        scan_ms: Percentiles::default(),
        card_cents: 0,
        terminal_cents: charged(stage),
        links_cut: 0,
        duplicates: 0,
        lost: 0,
        elapsed_s: 0.0,
        differences: Vec::new(),
        orders: OrdersReport::default(),
    };
    for basket in &data.baskets {
        let found = stage.ledger.by_reference(&stage.config.store.hub, &basket.id).await;
        let found = found.map_err(|error| error.to_string())?;
        report.duplicates += found.len().saturating_sub(1);
        report.hq_baskets += usize::from(!found.is_empty());
        for sale in &found {
            report.lines += sale.lines.len();
            report.regular_cents += sale.totals.regular.get();
            report.discount_cents += sale.totals.discount.get();
            report.net_cents += sale.totals.net.get();
            report.manufacturer_coupon_cents += sale.totals.manufacturer_coupon.get();
            report.card_cents += sale
                .tenders
                .iter()
                .filter(|tender| tender.card.is_some())
                .map(|tender| tender.amount.get())
                .sum::<i64>();
        }
        if let Some(why) =
            found.first().map_or_else(|| Some("missing at HQ".to_owned()), |sale| difference(basket, sale))
        {
            report.lost += 1;
            if report.differences.len() < 10 {
                report.differences.push(format!("basket {}: {why}", basket.id));
            }
        }
    }
    Ok(report)
}

/// The amount that customers were really charged.
fn charged(stage: &Stage) -> u64 {
    let books = stage.devices.terminals.iter().flat_map(SimulatedCardTerminal::books);
    books.filter(|(_, state)| *state == BookedState::Charged).map(|(minor, _)| minor).sum()
}

fn difference(basket: &DataBasket, sale: &SaleCompleted) -> Option<String> {
    let totals = sale.totals;
    let hq = [totals.regular, totals.discount, totals.net, totals.manufacturer_coupon].map(commerce::Minor::get);
    if hq != basket.sums() {
        return Some(format!("regular, discount, net, coupons are {:?}, HQ has {hq:?}", basket.sums()));
    }
    if basket.lines.len() != sale.lines.len() {
        return Some(format!("it has {} lines, HQ has {}", basket.lines.len(), sale.lines.len()));
    }
    basket.lines.iter().zip(&sale.lines).find_map(|(line, hq)| {
        let same = hq.sku.as_deref() == Some(line.sku.as_str())
            && hq.quantity_milli == line.quantity.milli()
            && hq.unit == line.quantity.unit()
            && hq.regular == line.regular
            && hq.net == line.regular - line.loyalty - line.coupon_match;
        (!same).then(|| format!("line {} differs at HQ", hq.number))
    })
}

/// Progress as a bar on a terminal, otherwise a line per tenth.
#[derive(Clone)]
struct Progress {
    bar: ProgressBar,
    told: Arc<Mutex<u64>>,
    what: &'static str,
}

fn progress(length: usize, what: &'static str) -> Progress {
    let bar = ProgressBar::with_draw_target(Some(length as u64), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("  {msg:16} [{bar:32.green}] {pos}/{len}  {elapsed}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_message(what);
    Progress { bar, told: Arc::default(), what }
}

impl Progress {
    fn step(&self) {
        self.bar.inc(1);
        self.tell();
    }

    fn set(&self, position: usize) {
        self.bar.set_position(position as u64);
        self.tell();
    }

    fn tell(&self) {
        let (position, length) = (self.bar.position(), self.bar.length().unwrap_or(0).max(1));
        let tenth = position * 10 / length;
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if self.bar.is_hidden() && tenth > *told {
            *told = tenth;
            eprintln!("  {:<16} {position}/{length}", self.what);
        }
    }

    fn finish(&self) {
        self.bar.finish();
    }
}
