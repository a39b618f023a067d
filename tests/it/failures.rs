//! What happens when Stripe, the database, the clock or the process itself fails, or has too much to do.

mod clock_skew;
mod database_clock;
mod database_outage;
mod event_delivery;
mod event_rounds;
mod many_instances;
mod migration_locks;
mod overload;
mod pooler;
mod process_killed;
mod saga;
mod stripe_client;
mod stripe_faults;
mod stripe_outage;
mod unsuitable_server;
mod wrong_key;
