# Short names for the usual commands. Nothing depends on `just`: each line works on its own.

# What must pass before a merge: format, lints, every test on both engines.
ci:
    .ci/run

# Every test on both engines; arguments go to `cargo test`.
test *ARGS:
    ./test.sh {{ARGS}}

# Makes the numbers of docs/benchmarks.md again.
bench:
    cargo bench --bench checkout && cargo bench --bench availability && cargo bench --bench abuse && cargo bench --bench peers

# The whole service with a simulated Stripe and demo data.
sandbox:
    cargo run --release -- sandbox

# Licences, sources, banned crates and known faults of the dependencies.
deny:
    cargo deny check
