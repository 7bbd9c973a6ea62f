//! Gift cards that a basket sells: a line with an amount, and the card that its payment loads.

use serde::{Deserialize, Serialize};

use super::{Basket, Refusal};
use crate::{
    gift_card::{CardKind, CardNumber},
    line::{NewLine, What},
    money::Minor,
    particulars::Particulars,
    quantity::{Quantity, Unit},
};

/// A gift card that a line loads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CardLoad {
    /// The line.
    pub line: u32,
    /// The card.
    pub card: CardNumber,
    /// The amount.
    pub amount: Minor,
    /// The movement of the card, once the sale is completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub movement: Option<u64>,
}

impl Basket {
    /// Adds a line that loads a gift card, without tax or discounts, and returns its number.
    ///
    /// # Errors
    /// Not open, something is paid, too many lines, or the amount is out of range.
    pub fn add_load(&mut self, card: CardNumber, amount: Minor) -> Result<u32, Refusal> {
        let title = CardKind::GiftCard.title();
        let quantity = Quantity::new(1000, Unit::Each).map_err(|_| Refusal::AmountOutOfRange)?;
        let line = self.add_line(NewLine {
            what: What::NotOnFile { sku: None, gtin: None, description: format!("{title} {}", card.masked()) },
            quantity,
            keyed: Some((amount, title.to_owned())),
            discounts: Vec::new(),
            particulars: Particulars::default(),
        })?;
        self.loads.push(CardLoad { line, card, amount, movement: None });
        Ok(line)
    }

    /// The loads of lines that are not voided.
    pub fn live_loads(&self) -> impl Iterator<Item = &CardLoad> {
        let is_live = |load: &&CardLoad| self.lines.iter().any(|line| line.number == load.line && !line.voided);
        self.loads.iter().filter(is_live)
    }
}
