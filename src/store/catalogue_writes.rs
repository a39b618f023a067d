//! Writing a catalogue and moving closures, for both engines: the order of the statements is the same, and only the types of the
//! connections differ.

/// Defines the functions that find the zone of closures and move closures to it: for the engine's connection and its result.
macro_rules! define_closure_moves {
    ($connection:ty, $result:ident) => {
        /// Finds the zone of closures. On PostgreSQL it stays as it is if the caller has the lock of closures.
        pub(super) async fn find_zone<'a>(
            connection: &mut $connection,
            zones: ClosureZones<'a>,
        ) -> $result<(ZoneName, &'a ZoneRules)> {
            let of_schedules: Vec<String> = sqlx::query_scalar(catalogue::LIST_ZONES)
                .fetch_all(connection)
                .await?;
            Ok(closures::choose_zone(&of_schedules, zones)?)
        }

        /// Moves closures to their zone, as it is now, in the caller's transaction, which has the lock of closures. Holds that
        /// each one did not overlap before get an event.
        pub(super) async fn date_in(
            connection: &mut $connection,
            zones: ClosureZones<'_>,
        ) -> $result<Vec<ClosedTime>> {
            let (zone, rules) = find_zone(connection, zones).await?;
            let known = sqlx::query_as(closures::LIST_ALL)
                .fetch_all(&mut *connection)
                .await?;
            let mut moved = Vec::new();
            for dated in ClosureRow::list_moved(known, &zone, rules)? {
                let mut closed = ClosedTime::of_closure(&dated);
                closed.note_recorded(&list_conflicts(connection, &closed).await?);
                closures::date_closure!(dated)
                    .execute(&mut *connection)
                    .await?;
                record_conflicts(connection, &mut closed).await?;
                moved.push(closed);
            }
            Ok(moved)
        }
    };
}
pub(super) use define_closure_moves;

/// Defines the function that writes a catalogue: for the engine's connection and its result.
macro_rules! define_catalogue_write {
    ($connection:ty, $result:ident) => {
        /// Writes a catalogue in the caller's transaction, which must be rolled back unless all is written.
        async fn write_in(
            connection: &mut $connection,
            change: &CatalogueChange,
            zones: ClosureZones<'_>,
            now: DateTime<Utc>,
        ) -> $result<Result<Vec<ClosedTime>, ClosureRefusal>> {
            let unknown = |resource: &ResourceId| UnknownResources(vec![resource.clone()]);
            for resource in &change.resources {
                resources::put_in(&mut *connection, resource, now).await?;
            }
            for setting in &change.feeds {
                let feed = setting.address.as_ref().map(|address| NewFeed {
                    url: &address.url,
                    timezone: address.timezone.as_deref(),
                    reaches_to: change.feeds_reach_to,
                });
                if !feeds::set_in(connection, &setting.resource, feed.as_ref(), now).await? {
                    return Ok(Err(unknown(&setting.resource).into()));
                }
            }
            for event_type in &change.event_types {
                if let Err(unknown) = catalogue::put_in(connection, event_type, now).await? {
                    return Ok(Err(unknown.into()));
                }
                // Whole days of a feed may be those of a schedule that is another now.
                for resource in event_type.list_resources() {
                    $crate::store::feeds::make_due!(&resource, now)
                        .execute(&mut *connection)
                        .await?;
                }
            }
            let mut closed = Vec::new();
            for (resource, block) in &change.blocks {
                let put = blocks::put_in(&mut *connection, resource, block, now).await?;
                if put.is_none() {
                    return Ok(Err(unknown(resource).into()));
                }
                closed.push(ClosedTime::of_block(resource, block));
            }
            let zone = closures::find_zone(connection, zones).await?;
            for closure in &change.closures {
                match closures::put_in(connection, closure, zone.clone(), now).await? {
                    Ok((_, dated)) => closed.push(ClosedTime::of_closure(&dated)),
                    Err(refusal) => return Ok(Err(refusal)),
                }
            }
            for closed in &mut closed {
                record_conflicts(connection, closed).await?;
            }
            closed.extend(closures::date_in(connection, zones).await?);
            Ok(Ok(closed))
        }
    };
}
pub(super) use define_catalogue_write;
