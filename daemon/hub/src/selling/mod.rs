//! The routes of baskets and sales.

mod baskets;
mod sales;

pub(crate) use baskets::routes as basket_routes;
pub(crate) use sales::routes as sale_routes;
