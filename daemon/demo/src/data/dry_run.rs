//! Sells a basket by the rules of [`commerce`] alone, so that a basket that the hub would refuse is reported with its
//! line before anything starts.

use commerce::{
    Basket, BasketId, Currency, Discount, Item, Minor, NewLine, Origin, Particulars, Refusal, Tender, line::What,
};

use super::{DataBasket, DataLine};

/// A refusal, and the column that caused it in a line of the basket.
pub(super) struct Refused {
    /// The line, counted from 0.
    pub(super) line: usize,
    pub(super) column: &'static str,
    pub(super) why: String,
}

/// Sells a basket like [`Register::sell`](crate::register::Register::sell): lines, then coupons, then the rest in cash.
/// `item` finds the catalog's item of a line.
pub(super) fn sell<'a>(
    basket: &DataBasket,
    currency: Currency,
    item: impl Fn(&DataLine) -> Option<&'a Item>,
) -> Result<(), Refused> {
    let refused = |line, column, why: &dyn std::fmt::Display| Refused { line, column, why: why.to_string() };
    let register = "till-1".parse().map_err(|error| refused(0, "basket_id", &error))?;
    let (id, customer) = (basket.id.clone(), basket.customer.clone());
    let opened = Basket::open(BasketId(1), register, None, currency, 0, Some(id), customer);
    let mut sold = opened.map_err(|why| refused(0, "customer", &why))?;
    for (number, line) in basket.lines.iter().enumerate() {
        add(&mut sold, line, item(line)).map_err(|why| refused(number, "regular_cents", &why))?;
    }
    for (number, line) in basket.lines.iter().enumerate().filter(|(_, line)| line.manufacturer_coupon.is_positive()) {
        let coupon = Tender::ManufacturerCoupon { amount: line.manufacturer_coupon, code: None };
        sold.tender(coupon).map_err(|why| refused(number, "manufacturer_coupon_cents", &why))?;
    }
    if sold.due().is_positive() {
        let last = basket.lines.iter().rposition(|line| line.manufacturer_coupon.is_positive());
        let column = if last.is_some() { "manufacturer_coupon_cents" } else { "regular_cents" };
        let rest = sold.tender(Tender::Cash { amount: sold.due() });
        rest.map_err(|why| refused(last.unwrap_or(0), column, &format!("the rest can't be paid: {why}")))?;
    }
    Ok(())
}

fn add(sold: &mut Basket, line: &DataLine, item: Option<&Item>) -> Result<(), Refusal> {
    let what = match item {
        Some(item) => What::Item(item),
        None => What::NotOnFile { sku: Some(line.sku.clone()), gtin: None, description: line.description() },
    };
    let discount = |reason: &str, origin, amount: Minor| {
        amount.is_positive().then(|| Discount { reason: reason.to_owned(), origin, amount })
    };
    let discounts = [
        discount("Loyalty price", Origin::Loyalty, line.loyalty),
        discount("Coupon match", Origin::StoreCoupon, line.coupon_match),
    ];
    let keyed = (!line.at_catalog_price).then(|| (line.regular, "shelf price of the day".to_owned()));
    let new = NewLine {
        what,
        quantity: line.quantity,
        keyed,
        discounts: discounts.into_iter().flatten().collect(),
        particulars: Particulars::default(),
    };
    sold.add_line(new).map(drop)
}
