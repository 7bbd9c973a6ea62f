//! The results as text and as JSON.

use std::fmt::Write as _;

use serde::Serialize;
use store::EngineKind;

use super::{durable::Durable, orders::Orders};
use crate::replay::Percentiles;

/// All results.
#[derive(Serialize)]
pub(super) struct Report {
    pub(super) engine: EngineKind,
    /// Items in the catalog.
    pub(super) items: usize,
    /// Earlier sales in the store.
    pub(super) stored: u64,
    /// Appends of 4 KiB with fdatasync per second, before and after the other measurements.
    pub(super) raw_appends_per_s: [f64; 2],
    pub(super) durable: Vec<Durable>,
    pub(super) sales: Vec<Sales>,
    pub(super) lookup: Lookup,
    pub(super) catalog: Catalog,
    pub(super) published: Catalog,
    pub(super) lists: Lists,
    /// Finding what of a sale can come back.
    pub(super) receipt_ms: Percentiles,
    pub(super) orders: Orders,
    pub(super) start: Start,
    pub(super) size: Size,
    /// Seconds from the last sale until HQ had all sales.
    pub(super) hq_lag_s: f64,
}

/// Whole sales through the LAN API.
#[derive(Serialize)]
pub(super) struct Sales {
    pub(super) paid_by: &'static str,
    pub(super) registers: usize,
    pub(super) rate_per_s: f64,
    pub(super) ms: Percentiles,
    pub(super) ratio_to_raw: f64,
    /// Microseconds per sale in the committer.
    pub(super) deciding_us: f64,
    pub(super) applying_us: f64,
    pub(super) flushing_us: f64,
}

/// Lookups of items by GTIN.
#[derive(Serialize)]
pub(super) struct Lookup {
    pub(super) per_s: f64,
    /// The rate of the constant answer.
    pub(super) constant_per_s: f64,
    pub(super) ratio: f64,
    /// Latency at 2,000 lookups per second while four registers sell.
    pub(super) while_selling_ms: Percentiles,
    pub(super) constant_while_selling_ms: Percentiles,
}

/// Loading a whole catalog through the API, or publishing it from HQ.
#[derive(Serialize)]
pub(super) struct Catalog {
    pub(super) load_s: f64,
    /// Latency of sales of four registers, before and meanwhile.
    pub(super) sale_before_ms: Percentiles,
    pub(super) sale_meanwhile_ms: Percentiles,
}

/// Reading pages of 100 sales of 400 lines.
#[derive(Serialize)]
pub(super) struct Lists {
    pub(super) per_s: f64,
    /// Latency of sales of four registers, before and meanwhile.
    pub(super) sale_before_ms: Percentiles,
    pub(super) sale_meanwhile_ms: Percentiles,
}

/// Milliseconds from a start after a kill to the first answer.
#[derive(Serialize)]
pub(super) struct Start {
    pub(super) first_answer_ms: Vec<f64>,
    /// Memory after the start.
    pub(super) resident_mb: f64,
    /// Memory after a number of further sales.
    pub(super) resident_later_mb: Vec<(u64, f64)>,
    /// Memory after the catalog was loaded again.
    pub(super) resident_reloaded_mb: f64,
}

/// The size on disk.
#[derive(Serialize)]
pub(super) struct Size {
    pub(super) store_mb: f64,
    pub(super) archive_mb: f64,
    pub(super) bytes_per_sale: f64,
}

impl Report {
    /// The results as text.
    pub(super) fn table(&self) -> String {
        let mut out = String::new();
        let [before, after] = self.raw_appends_per_s;
        let _ = writeln!(
            out,
            "\n  {}, {} items, {} earlier sales; the disk does {before:.0} to {after:.0} appends of 4 KiB with \
             fdatasync per second\n",
            self.engine, self.items, self.stored
        );
        let _ =
            writeln!(out, "  the committer alone    sales/s  of raw  a flush  bytes  us: deciding  applying  flushing");
        for figure in &self.durable {
            let _ = writeln!(
                out,
                "  {:>3} callers          {:>10.0} {:>7.2} {:>8.1} {:>6.0} {:>13.1} {:>9.1} {:>9.1}",
                figure.callers,
                figure.sales_per_s,
                figure.ratio,
                figure.sales_per_flush,
                figure.bytes_per_sale,
                figure.deciding_us,
                figure.applying_us,
                figure.flushing_us
            );
        }
        let _ = writeln!(
            out,
            "\n  through the API        sales/s  of raw   p50 ms   p99 ms   max ms  us: deciding  applying  flushing"
        );
        for figure in &self.sales {
            let Percentiles { p50, p99, max } = figure.ms;
            let _ = writeln!(
                out,
                "  {:>3} registers, {} {:>10.0} {:>7.2} {p50:>8.2} {p99:>8.2} {max:>8.2} {:>13.1} {:>9.1} {:>9.1}",
                figure.registers,
                figure.paid_by,
                figure.rate_per_s,
                figure.ratio_to_raw,
                figure.deciding_us,
                figure.applying_us,
                figure.flushing_us
            );
        }
        let Lookup { per_s, constant_per_s, ratio, while_selling_ms: selling, constant_while_selling_ms: constant } =
            &self.lookup;
        let _ = writeln!(
            out,
            "\n  items by GTIN          {per_s:.0}/s, {ratio:.2} of a constant's {constant_per_s:.0}/s\n  \
             2,000/s while selling  p50 {:.2} ms, p99 {:.2} ms; a constant's p50 {:.2} ms, p99 {:.2} ms",
            selling.p50, selling.p99, constant.p50, constant.p99
        );
        for (what, figure) in [("loaded", &self.catalog), ("published", &self.published)] {
            let Catalog { load_s, sale_before_ms: before, sale_meanwhile_ms: meanwhile } = figure;
            let _ = writeln!(
                out,
                "  catalog {what:<14} {load_s:.2} s; sales meanwhile p99 {:.2} ms, before {:.2} ms",
                meanwhile.p99, before.p99
            );
        }
        let Lists { per_s, sale_before_ms: before, sale_meanwhile_ms: meanwhile } = &self.lists;
        let _ = writeln!(
            out,
            "  pages of large sales   {per_s:.0}/s; sales meanwhile p99 {:.2} ms, before {:.2} ms",
            meanwhile.p99, before.p99
        );
        let Percentiles { p50, p99, max } = self.receipt_ms;
        let _ = writeln!(out, "  receipts to return     p50 {p50:.2} ms, p99 {p99:.2} ms, max {max:.2} ms");
        out.push_str(&self.orders.table());
        let starts: Vec<_> = self.start.first_answer_ms.iter().map(|ms| format!("{ms:.0}")).collect();
        let later: Vec<_> = self
            .start
            .resident_later_mb
            .iter()
            .map(|(sales, mb)| format!("{mb:.0} after {sales} more sales"))
            .collect();
        let _ = writeln!(
            out,
            "  first answer           {} ms after the start\n  \
             memory                 {:.0} MB after the start, {}, {:.0} after the catalog was loaded again\n  \
             on the disk            {:.0} bytes per sale: {:.0} MB in the engine, {:.0} MB in the archive\n  \
             HQ had all             {} s after the last sale",
            starts.join(", "),
            self.start.resident_mb,
            later.join(", "),
            self.start.resident_reloaded_mb,
            self.size.bytes_per_sale,
            self.size.store_mb,
            self.size.archive_mb,
            self.hq_lag_s
        );
        out
    }
}
