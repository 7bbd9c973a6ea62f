//! Tests of the stock, by subject.

mod counts;
mod notices;
mod permissions;
mod records;
mod till;
