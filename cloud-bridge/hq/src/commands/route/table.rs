//! Plans for people.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use hq::routing::{Method, Other, Plan, Request, Why};

/// The maximum number of costlier stores listed by name.
const NAMED: usize = 5;

/// Writes a plan: its cost, its stores, and the reasons against the others.
pub(super) fn write(out: &mut impl Write, request: &Request, plan: &Plan, now_ms: i64) -> io::Result<()> {
    let how = match plan.method {
        Method::Exact => "exact",
        Method::Heuristic => "heuristic: the search reached its limit",
    };
    let cost = &plan.cost;
    writeln!(out, "order {}  cost {}  ({how})", plan.order, cost.total)?;
    writeln!(
        out,
        "  of it parcels and handling {}, waiting {}, scarce stock {}, splits {}",
        cost.money, cost.waiting, cost.balance, cost.splits
    )?;
    for part in &plan.parts {
        let lines: Vec<String> = part.lines.iter().map(|amount| named(request, amount.line, amount.milli)).collect();
        let minutes = part.there_at_ms.saturating_sub(now_ms) / 60_000;
        writeln!(
            out,
            "  {:<20} {:>6}.{} km {:>6} min {:>8}  {}",
            part.store.to_string(),
            part.metres / 1000,
            part.metres % 1000 / 100,
            minutes,
            part.money,
            lines.join(", ")
        )?;
    }
    if !plan.unplaced.is_empty() {
        let left: Vec<String> = plan.unplaced.iter().map(|left| named(request, left.line, left.milli)).collect();
        writeln!(out, "  unplaced             {}", left.join(", "))?;
    }
    others(out, &plan.others)
}

fn named(request: &Request, line: u32, milli: i64) -> String {
    let of = request.lines.iter().find(|known| known.line == line);
    let sku = of.map_or_else(String::new, |line| format!(" of {}", line.sku));
    let unit = of.map_or("", |line| line.quantity.unit().symbol());
    match milli % 1000 {
        0 => format!("line {line}: {}{unit}{sku}", milli / 1000),
        part => format!("line {line}: {}.{part:03}{unit}{sku}", milli / 1000),
    }
}

/// Writes the cheapest alternatives, and the number of other stores by reason.
fn others(out: &mut impl Write, others: &[Other]) -> io::Result<()> {
    let mut costlier: Vec<(i64, &Other)> = Vec::new();
    let mut reasons: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for other in others {
        match other.why {
            Why::Costlier { by } => costlier.push((by, other)),
            why => {
                let (count, first) = reasons.entry(why.to_string()).or_insert((0, other.store.to_string()));
                *count += 1;
                if *count == 2 {
                    first.push_str(" ...");
                }
            }
        }
    }
    costlier.sort_by_key(|(by, _)| *by);
    for (by, other) in costlier.iter().take(NAMED) {
        writeln!(out, "  not {:<16} would cost {by} more", other.store.to_string())?;
    }
    if costlier.len() > NAMED {
        writeln!(out, "  not {} others     would cost more still", costlier.len() - NAMED)?;
    }
    for (reason, (count, first)) in reasons {
        writeln!(
            out,
            "  not {first:<16} {reason}{}",
            if count > 1 { format!(" ({count} stores)") } else { String::new() }
        )?;
    }
    Ok(())
}
