//! A shift of a till.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    Count, Kind, Moved, Refusal, Sum, Takings, sum_of,
    takings::{add_moved, net_moved},
};
use crate::{
    MAX_LINE_AMOUNT,
    actor::Actor,
    ids::{BusinessDay, RegisterName, ShiftId, TillName},
    line::checked_text,
    money::{Currency, Minor},
    sale::Sale,
};

/// Where a shift stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum ShiftState {
    /// Its registers sell.
    Open,
    /// No register uses it; it can be resumed at any.
    Suspended,
    /// Its registers are free; the till waits to be counted.
    Ended,
    /// Over, with its result.
    Closed,
}

impl ShiftState {
    /// The name for people and in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Suspended => "suspended",
            Self::Ended => "ended",
            Self::Closed => "closed",
        }
    }
}

/// How a shift was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = ShiftClosing))]
pub struct Closing {
    /// When: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// Who closed it.
    pub by: Actor,
    /// What should have been in the till.
    pub expected: Minor,
    /// What was counted; absent if nobody had to count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<Minor>,
    /// `counted - expected`: over if positive, short if negative.
    #[serde(default, skip_serializing_if = "Minor::is_zero")]
    pub difference: Minor,
    /// Whether the difference was above the limit, so that it needed the approval of whoever closed the shift.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub approved: bool,
}

/// A shift.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Shift {
    /// Its id.
    pub id: ShiftId,
    /// The till.
    pub till: TillName,
    /// The number of its business day in the store.
    pub day: u64,
    /// The date of that day.
    pub business_day: BusinessDay,
    /// The currency of all amounts.
    pub currency: Currency,
    /// The state.
    pub state: ShiftState,
    /// When it was opened: milliseconds since 1970, UTC.
    pub opened_at_ms: i64,
    /// Who opened it; absent if a register sold without a shift.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_by: Option<Actor>,
    /// The cash in the till at the beginning.
    pub float: Minor,
    /// The registers that use it now.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub registers: BTreeSet<RegisterName>,
    /// The takings by register.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = BTreeMap<String, Takings>))]
    pub takings: BTreeMap<RegisterName, Takings>,
    /// Cash that went in and out without a sale.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = BTreeMap<String, Sum>))]
    pub moved: Moved,
    /// The last count, if nothing happened since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<Count>,
    /// How often the till was counted.
    #[serde(default)]
    pub counts: u32,
    /// How it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closing: Option<Closing>,
}

/// What a new shift needs.
#[derive(Clone, Debug)]
pub struct NewShift {
    /// Its id.
    pub id: ShiftId,
    /// The till.
    pub till: TillName,
    /// The business day's number and date.
    pub day: (u64, BusinessDay),
    /// The currency.
    pub currency: Currency,
    /// When.
    pub at_ms: i64,
    /// The first register.
    pub register: RegisterName,
}

impl Shift {
    /// A shift that nobody opened, for a register that sells without one.
    pub fn unattended(new: NewShift) -> Self {
        let NewShift { id, till, day: (day, business_day), currency, at_ms, register } = new;
        Self {
            id,
            till,
            day,
            business_day,
            currency,
            state: ShiftState::Open,
            opened_at_ms: at_ms,
            opened_by: None,
            float: Minor::ZERO,
            registers: BTreeSet::from([register]),
            takings: BTreeMap::new(),
            moved: Moved::new(),
            count: None,
            counts: 0,
            closing: None,
        }
    }

    /// A person opens it, or takes over one that nobody opened, with its sales.
    ///
    /// # Errors
    /// The float is negative or implausibly large, or somebody has opened the shift already.
    pub fn open(mut self, till: TillName, float: Minor, by: Actor) -> Result<Self, Refusal> {
        if self.opened_by.is_some() || self.state != ShiftState::Open {
            return Err(self.not("opened again"));
        }
        in_range(float, 0)?;
        (self.till, self.float, self.opened_by, self.count) = (till, float, Some(by), None);
        Ok(self)
    }

    /// Whether a person opened it.
    pub fn is_attended(&self) -> bool {
        self.opened_by.is_some()
    }

    fn not(&self, asked: &'static str) -> Refusal {
        Refusal::State { shift: self.id, state: self.state, asked }
    }

    fn require(&self, states: &[ShiftState], asked: &'static str) -> Result<(), Refusal> {
        if states.contains(&self.state) { Ok(()) } else { Err(self.not(asked)) }
    }

    /// What sales brought in.
    pub fn total(&self) -> Takings {
        Takings::sum(self.takings.values())
    }

    /// What should be in the till.
    pub fn expected(&self) -> Minor {
        sum_of(sum_of(self.float, self.total().cash()), net_moved(&self.moved))
    }

    /// What the count exceeds the expected amount by; none without a count.
    pub fn difference(&self) -> Option<Minor> {
        self.count.as_ref().map(|count| sum_of(count.total, -self.expected()))
    }

    /// Adds a sale. The caller has found the shift of the sale's register.
    pub fn sell(&mut self, sale: &Sale) {
        self.takings.entry(sale.register.clone()).or_default().add(&Takings::of(sale));
        self.count = None;
    }

    /// Another register shares the till.
    ///
    /// # Errors
    /// It is not open.
    pub fn join(&mut self, register: RegisterName) -> Result<(), Refusal> {
        self.require(&[ShiftState::Open], "joined")?;
        self.registers.insert(register);
        Ok(())
    }

    /// Puts cash in, or takes some out; returns the reason as it is to be stored.
    ///
    /// # Errors
    /// It is not open, the amount is not positive or exceeds what is in the till, or the reason is missing.
    pub fn move_cash(&mut self, kind: Kind, amount: Minor, reason: Option<String>) -> Result<Option<String>, Refusal> {
        self.require(&[ShiftState::Open], "changed")?;
        in_range(amount, 1)?;
        let bad_reason = |_| Refusal::Reason { kind };
        let reason = reason.map(|reason| checked_text("reason", reason)).transpose().map_err(bad_reason)?;
        if kind.needs_reason() && reason.is_none() {
            return Err(Refusal::Reason { kind });
        }
        if !kind.puts_in() && amount > self.expected() {
            return Err(Refusal::ExceedsTill { amount });
        }
        add_moved(&mut self.moved, kind, Sum { count: 1, amount });
        self.count = None;
        Ok(reason)
    }

    /// Frees its registers until it is resumed.
    ///
    /// # Errors
    /// It is not open.
    pub fn suspend(&mut self) -> Result<BTreeSet<RegisterName>, Refusal> {
        self.require(&[ShiftState::Open], "suspended")?;
        self.state = ShiftState::Suspended;
        Ok(std::mem::take(&mut self.registers))
    }

    /// Goes on at a register.
    ///
    /// # Errors
    /// It is not suspended.
    pub fn resume(&mut self, register: RegisterName) -> Result<(), Refusal> {
        self.require(&[ShiftState::Suspended], "resumed")?;
        self.state = ShiftState::Open;
        self.registers = BTreeSet::from([register]);
        Ok(())
    }

    /// Ends it: its registers are free at once, and the till is counted later. It can't be resumed.
    ///
    /// # Errors
    /// It has ended already.
    pub fn end(&mut self) -> Result<BTreeSet<RegisterName>, Refusal> {
        self.require(&[ShiftState::Open, ShiftState::Suspended], "ended")?;
        self.state = ShiftState::Ended;
        Ok(std::mem::take(&mut self.registers))
    }

    /// Takes a count. Another one replaces it.
    ///
    /// # Errors
    /// It is closed.
    pub fn count(&mut self, count: Count) -> Result<(), Refusal> {
        self.require(&[ShiftState::Open, ShiftState::Suspended, ShiftState::Ended], "counted")?;
        self.counts = self.counts.saturating_add(1);
        self.count = Some(count);
        Ok(())
    }

    /// Closes it after a count; returns the registers that it frees. `limit` is the difference that needs no approval,
    /// and `approves` says whether the actor may approve a larger one.
    ///
    /// # Errors
    /// It is closed or not counted, or the difference is above the limit.
    pub fn close(
        &mut self,
        at_ms: i64,
        by: Actor,
        limit: Minor,
        approves: bool,
    ) -> Result<BTreeSet<RegisterName>, Refusal> {
        self.require(&[ShiftState::Open, ShiftState::Suspended, ShiftState::Ended], "closed")?;
        let expected = self.expected();
        let counted = self.count.as_ref().map(|count| count.total);
        let difference = self.difference().ok_or(Refusal::NotCounted { shift: self.id })?;
        let is_above = difference.get().abs() > limit.get();
        if is_above && !approves {
            return Err(Refusal::NeedsApproval { shift: self.id });
        }
        Ok(self.end_with(Closing { at_ms, by, expected, counted, difference, approved: is_above }))
    }

    /// Closes a shift that nobody opened, and so nobody counts.
    ///
    /// # Errors
    /// A person has opened it, or it is closed.
    pub fn close_unattended(&mut self, at_ms: i64, by: Actor) -> Result<BTreeSet<RegisterName>, Refusal> {
        if self.is_attended() || self.state == ShiftState::Closed {
            return Err(self.not("closed without a count"));
        }
        let expected = self.expected();
        Ok(self.end_with(Closing { at_ms, by, expected, counted: None, difference: Minor::ZERO, approved: false }))
    }

    fn end_with(&mut self, closing: Closing) -> BTreeSet<RegisterName> {
        (self.state, self.closing) = (ShiftState::Closed, Some(closing));
        std::mem::take(&mut self.registers)
    }

    /// Why a closed shift contradicts itself; none if it adds up.
    pub fn contradiction(&self) -> Option<String> {
        let told = |why: &str| Some(format!("shift {}: {why}", self.id));
        let expected = self.expected();
        match (&self.closing, self.state) {
            (None, ShiftState::Closed) => told("it is closed without a result"),
            (Some(_), state) if state != ShiftState::Closed => told("it has a result, but is not closed"),
            (Some(closing), _) if closing.expected != expected => {
                told("its expected amount is not the sum of its parts")
            }
            (Some(closing), _)
                if self.count.as_ref().map(|count| count.total) != closing.counted && closing.counted.is_some() =>
            {
                told("its result is not that of its count")
            }
            (Some(Closing { counted: Some(counted), difference, .. }), _)
                if sum_of(*counted, -expected) != *difference =>
            {
                told("its difference is not that of count and expected amount")
            }
            _ => None,
        }
    }
}

fn in_range(amount: Minor, least: i64) -> Result<(), Refusal> {
    if amount.get() < least || amount > MAX_LINE_AMOUNT {
        return Err(Refusal::Amount { amount, least, most: MAX_LINE_AMOUNT });
    }
    Ok(())
}
