//! The routes of baskets and sales, and the question to HQ with which selling may begin.

mod baskets;
mod customer;
mod elsewhere;
pub(crate) mod entry;
mod no_receipt;
pub(crate) mod numbering;
mod parking;
mod returns;
mod sales;

pub(crate) use baskets::routes as basket_routes;
pub(crate) use returns::routes as return_routes;
pub(crate) use sales::routes as sale_routes;
