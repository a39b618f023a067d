//! The interface of a store: all that the workflows need of a database.

use super::attempts::Attempts;
use super::availability::Occupancies;
use super::blocks::Blocks;
use super::catalogue::Catalogue;
use super::changes::Changes;
use super::commands::Commands;
use super::events::Events;
use super::feeds::Feeds;
use super::figures::Figures;
use super::guests::Guests;
use super::holds::Holds;
use super::placements::Placements;
use super::resources::Resources;
use super::schema::Schema;

/// Everything that the workflows need of a database: the sum of the traits of all aggregates.
pub trait Store:
    Attempts
    + Blocks
    + Catalogue
    + Changes
    + Commands
    + Events
    + Feeds
    + Figures
    + Guests
    + Holds
    + Occupancies
    + Placements
    + Resources
    + Schema
    + Send
    + Sync
    + 'static
{
}

impl<T> Store for T where
    T: Attempts
        + Blocks
        + Catalogue
        + Changes
        + Commands
        + Events
        + Feeds
        + Figures
        + Guests
        + Holds
        + Occupancies
        + Placements
        + Resources
        + Schema
        + Send
        + Sync
        + 'static
{
}
