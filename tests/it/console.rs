//! Tests of the console, page by page: over HTTP as a browser sends requests, and in a real browser with axe.

mod attention;
mod changes;
mod forms;
mod pages;
mod sessions;
mod today;
