//! Tests the files to start from in `deploy/` with the programs that read them.

mod compose;
mod prometheus;
