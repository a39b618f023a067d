//! One binary for all tests that need more than one room, so that it is linked once.

mod gateway;
