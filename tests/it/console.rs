//! Tests of the console, page by page: over HTTP as a browser sends requests, and in a real browser with axe.

mod act_steps;
mod already_over;
mod attention;
mod audit;
mod calendar;
mod catalogue;
mod changes;
mod clicks;
mod endpoints;
mod feeds;
mod forms;
mod funnel;
mod hold;
mod hold_acts;
mod hold_money;
mod hold_pages;
mod keys;
mod newcomer;
mod notices;
mod pages;
mod search;
mod sessions;
mod shop_pages;
mod today;
