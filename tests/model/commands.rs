//! The outbox of a replayed workflow.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use holdfast::domain::booking::Actor;
use holdfast::domain::command::Command;
use holdfast::domain::ids::CommandId;
use holdfast::domain::listing::{CommandFilter, Page, PageRequest};
use holdfast::store::{Commands, LeaseRequest, StoreError};

use crate::call::{Call, FailedLease, Leased, Reply, hold_id};
use crate::doubles::{Script, command_id, command_index, unexpected};
use crate::fixture;
use crate::process::Kind;

fn command(leased: Leased) -> Command {
    Command {
        id: command_id(leased.index),
        ordered_by: Some("holdfast".to_owned()),
        hold: leased.hold.map(hold_id),
        action: leased.what,
        stripe_key: (leased.key > 0).then(|| key_text(leased.key)),
        first_tried_at: leased.tried.map(fixture::on_day),
        tries: 0,
        due_at: fixture::start(),
        leased_until: Some(fixture::start() + Duration::from_secs(leased.lease.into())),
        last_error: None,
        created_at: fixture::start(),
        done_at: None,
    }
}

/// The number of the lease that ends when this one does.
fn lease_number(command: &Command) -> u8 {
    let since = command.leased_until.unwrap() - fixture::start();
    u8::try_from(since.num_seconds()).unwrap()
}

/// The text of a key that replaced another one.
pub(crate) fn key_text(number: u8) -> String {
    format!("key_{number}")
}

#[async_trait]
impl Commands for Script {
    async fn lease_commands(&self, _: &LeaseRequest) -> Result<Vec<Command>, StoreError> {
        if !matches!(self.kind, Kind::Outbox { .. }) {
            return Ok(Vec::new());
        }
        Ok(self
            .leased_command(Call::LeaseCommands)
            .await?
            .into_iter()
            .collect())
    }

    async fn lease_command(&self, id: CommandId, _: Duration) -> Result<Option<Command>, StoreError> {
        self.leased_command(Call::LeaseCommand(command_index(&id))).await
    }

    async fn finish_command(&self, command: &Command, _: DateTime<Utc>) -> Result<(), StoreError> {
        self.store(Call::FinishCommand(command_index(&command.id)))
            .await
            .map(|_| ())
    }

    async fn begin_command(&self, id: CommandId, _: DateTime<Utc>) -> Result<(), StoreError> {
        self.store(Call::BeginCommand(command_index(&id)))
            .await
            .map(|_| ())
    }

    async fn fail_command(
        &self,
        command: &Command,
        _: &str,
        _: DateTime<Utc>,
        key: Option<&str>,
    ) -> Result<(), StoreError> {
        let failed = FailedLease {
            lease: lease_number(command),
            with_new_key: key.is_some(),
        };
        self.store(Call::FailCommand(command_index(&command.id), failed))
            .await
            .map(|_| ())
    }

    async fn defer_command(&self, command: &Command, _: DateTime<Utc>) -> Result<(), StoreError> {
        self.store(Call::DeferCommand(
            command_index(&command.id),
            lease_number(command),
        ))
        .await
        .map(|_| ())
    }

    async fn await_decision(&self, _: &Command, _: &str, _: DateTime<Utc>) -> Result<(), StoreError> {
        unimplemented!()
    }

    async fn order_command(&self, _: CommandId, _: &Actor) -> Result<(), StoreError> {
        unimplemented!()
    }

    async fn find_command(&self, _: CommandId) -> Result<Option<Command>, StoreError> {
        unimplemented!()
    }

    async fn list_commands(&self, _: CommandFilter, _: &PageRequest) -> Result<Page<Command>, StoreError> {
        unimplemented!()
    }

    async fn retry_command(&self, _: CommandId, _: DateTime<Utc>) -> Result<Option<Command>, StoreError> {
        unimplemented!()
    }

    async fn delete_done_commands(&self, _: DateTime<Utc>, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }
}

impl Script {
    async fn leased_command(&self, call: Call) -> Result<Option<Command>, StoreError> {
        match self.store(call).await? {
            Reply::Command(leased) => Ok(leased.map(command)),
            other => unexpected(&other),
        }
    }
}
