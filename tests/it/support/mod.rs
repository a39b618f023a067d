//! What tests of several rooms stand on.

pub(crate) mod database;
pub(crate) mod postgres;
