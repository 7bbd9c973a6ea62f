//! What prices and restrictions have to know about the customer, and the checks before something is paid.

use serde::{Deserialize, Serialize};

use super::{Basket, Refusal};
use crate::{line::checked_text, pricing};

/// The maximum number of groups of a customer, and of coupons in a basket.
const MAX_LISTED: usize = 20;

/// What is known about the customer of a basket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Buyer {
    /// The groups of customers that they belong to, for member prices and personal offers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// The number of their certificate of tax exemption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exemption: Option<String>,
    /// The age that a person at the register has checked, in years.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked_age: Option<u8>,
    /// The store coupons that they presented.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coupons: Vec<StoreCoupon>,
}

/// A store coupon in a basket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StoreCoupon {
    /// The class, which offers name.
    pub class: String,
    /// Its code.
    pub code: String,
    /// How often the code may be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u32>,
    /// How often a customer may use coupons of the class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_customer: Option<u32>,
    /// Whether an offer took something off for it. Derived: recomputed with every change of the basket.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub used: bool,
    /// Whether this use is counted against the limits of the coupon.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spent: bool,
}

impl Buyer {
    /// Whether nothing is known.
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }

    /// What an offer needs of the coupons.
    pub(super) fn presented(&self) -> Vec<pricing::basket::Coupon> {
        let coupon =
            |coupon: &StoreCoupon| pricing::basket::Coupon { class: coupon.class.clone(), code: coupon.code.clone() };
        self.coupons.iter().map(coupon).collect()
    }
}

impl Basket {
    /// Replaces what is known about the customer.
    ///
    /// # Errors
    /// Not open, something is paid, a text is invalid, a coupon comes twice, or there are too many.
    pub fn identify(&mut self, buyer: Buyer) -> Result<(), Refusal> {
        self.lines_may_change()?;
        if buyer.groups.len() > MAX_LISTED || buyer.coupons.len() > MAX_LISTED {
            return Err(Refusal::TooManyListed { most: MAX_LISTED });
        }
        for group in &buyer.groups {
            checked_text("groups", group.clone())?;
        }
        if let Some(number) = &buyer.exemption {
            checked_text("exemption", number.clone())?;
        }
        for (index, coupon) in buyer.coupons.iter().enumerate() {
            checked_text("coupons", coupon.code.clone())?;
            if buyer.coupons[..index].iter().any(|other| other.code == coupon.code) {
                return Err(Refusal::CouponTaken { code: coupon.code.clone() });
            }
        }
        self.buyer = buyer;
        Ok(())
    }

    /// Sets the customer.
    ///
    /// # Errors
    /// Not open, something is paid, or the text is invalid.
    pub fn set_customer(&mut self, customer: Option<String>) -> Result<(), Refusal> {
        self.lines_may_change()?;
        self.customer = customer.map(|text| checked_text("customer", text)).transpose()?;
        Ok(())
    }

    /// Checks, before the lines become fixed, that the goods may be sold now and to this customer.
    ///
    /// # Errors
    /// A line is sold at other hours only, or to customers of an age that nobody has checked.
    pub fn may_be_paid(&self, at_ms: i64) -> Result<(), Refusal> {
        for line in self.lines.iter().filter(|line| !line.voided) {
            if let Some(window) = line.sold_within.filter(|window| !window.contains(at_ms)) {
                return Err(Refusal::NotSoldNow { line: line.number, from_ms: window.from_ms });
            }
            let checked = self.buyer.checked_age;
            if let Some(years) = line.minimum_age.filter(|years| checked.is_none_or(|checked| checked < *years)) {
                return Err(Refusal::AgeUnchecked { line: line.number, years });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
