//! One binary for all integration tests: one module per room or promise.

mod sandbox;
