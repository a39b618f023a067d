//! Column types that both engines encode and decode, so that a row struct and a statement can serve both.
//!
//! PostgreSQL has `uuid`, `timestamptz` and `jsonb`. SQLite has none of the three types: it stores a UUID as
//! hyphenated text, an instant as milliseconds since the Unix epoch, and JSON as text.

use chrono::{DateTime, Utc};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo, PgValueRef};
use sqlx::sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef};
use sqlx::types::Json;
use sqlx::{Decode, Encode, Postgres, Sqlite, Type};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

/// A UUID: `uuid` on PostgreSQL, hyphenated text on SQLite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub(super) struct DbUuid(pub(super) Uuid);

/// An instant: `timestamptz` on PostgreSQL, milliseconds since the Unix epoch on SQLite. In JSON it is read as PostgreSQL writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(transparent)]
pub(super) struct DbTime(pub(super) DateTime<Utc>);

/// A JSON value: `jsonb` on PostgreSQL, text on SQLite.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(transparent)]
pub(super) struct DbJson(pub(super) serde_json::Value);

/// Implements a column type for one engine: the type that the engine's driver knows, and the two conversions.
macro_rules! column_type {
    ($column:ident, $engine:ident, $info:ident, $value:ident, $buffer:ident, $native:ty, |$self:ident| $to:expr, $from:expr) => {
        impl Type<$engine> for $column {
            fn type_info() -> $info {
                <$native as Type<$engine>>::type_info()
            }

            fn compatible(info: &$info) -> bool {
                <$native as Type<$engine>>::compatible(info)
            }
        }

        impl<'q> Encode<'q, $engine> for $column {
            fn encode_by_ref(&self, buffer: &mut $buffer) -> Result<IsNull, BoxDynError> {
                let $self = self;
                Encode::<'q, $engine>::encode($to, buffer)
            }
        }

        impl<'r> Decode<'r, $engine> for $column {
            fn decode(value: $value<'r>) -> Result<Self, BoxDynError> {
                let from_native: fn($native) -> Result<Self, BoxDynError> = $from;
                from_native(<$native as Decode<'r, $engine>>::decode(value)?)
            }
        }
    };
}

column_type! {
    DbUuid, Postgres, PgTypeInfo, PgValueRef, PgArgumentBuffer, Uuid,
    |column| column.0, |id| Ok(Self(id))
}
column_type! {
    DbUuid, Sqlite, SqliteTypeInfo, SqliteValueRef, SqliteArgumentsBuffer, Hyphenated,
    |column| column.0.hyphenated(), |id| Ok(Self(id.into_uuid()))
}
column_type! {
    DbTime, Postgres, PgTypeInfo, PgValueRef, PgArgumentBuffer, DateTime<Utc>,
    |column| column.0, |at| Ok(Self(at))
}
column_type! {
    DbTime, Sqlite, SqliteTypeInfo, SqliteValueRef, SqliteArgumentsBuffer, i64,
    |column| column.0.timestamp_millis(),
    |ms| Ok(Self(DateTime::from_timestamp_millis(ms).ok_or("the instant is out of range")?))
}
column_type! {
    DbJson, Postgres, PgTypeInfo, PgValueRef, PgArgumentBuffer, Json<serde_json::Value>,
    |column| Json(&column.0), |json| Ok(Self(json.0))
}
column_type! {
    DbJson, Sqlite, SqliteTypeInfo, SqliteValueRef, SqliteArgumentsBuffer, Json<serde_json::Value>,
    |column| Json(&column.0), |json| Ok(Self(json.0))
}
