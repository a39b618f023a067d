//! Tests of the console, page by page: over HTTP as a browser sends requests, and in a real browser with axe.

mod attention;
mod audit;
mod calendar;
mod catalogue;
mod changes;
mod endpoints;
mod feeds;
mod forms;
mod funnel;
mod keys;
mod pages;
mod sessions;
mod shop_pages;
mod today;
