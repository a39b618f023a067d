//! What keeps this program from working on a database server, found out before it fails in the middle of something.

/// The oldest version that this program works on, as `server_version_num` has it.
pub(super) const OLDEST_VERSION: i32 = 130_000;

/// Something about a database server that somebody must change before this program can use it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerFault {
    /// A pooler gives each transaction another connection to the server, so settings and locks of a session are lost.
    #[error("a pooler between this program and the server pools transactions, not sessions")]
    PoolsTransactions,
    /// The database cannot store all names of guests.
    #[error("the database has the encoding {0}, not UTF8")]
    Encoding(String),
    /// The server is too old.
    #[error("the server is PostgreSQL {0}, older than 13")]
    Version(String),
    /// The server does not have the extension.
    #[error("the server does not have the extension btree_gist")]
    ExtensionMissing,
    /// The role may not create the extension, and nobody else has created it.
    #[error("the role {0} may not create the extension btree_gist in this database")]
    ExtensionForbidden(String),
    /// The role has no schema for its tables.
    #[error("the role {0} may not create tables in the schema {1}")]
    SchemaForbidden(String, String),
    /// The role may not use tables that another role owns, or may not migrate them.
    #[error("the role {0} has too few rights on the tables {1}")]
    TablesForbidden(String, String),
}

impl ServerFault {
    /// Says what to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::PoolsTransactions => {
                "set pool_mode = session for this database in the pooler, or connect without it"
            }
            Self::Encoding(_) => {
                "make a new database: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0, and move the data with pg_dump"
            }
            Self::Version(_) => "upgrade the server",
            Self::ExtensionMissing => "install the server's package of contrib modules",
            Self::ExtensionForbidden(_) => {
                "make the role the owner of the database, or run CREATE EXTENSION btree_gist as a superuser"
            }
            Self::SchemaForbidden(..) => {
                "make the role the owner of the database, or grant it USAGE and CREATE on the schema"
            }
            Self::TablesForbidden(..) => "use the role that owns the tables, or make this role their owner",
        }
    }
}

/// What a server says about itself and about the rights of our role.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct ServerFacts {
    pub(super) encoding: String,
    pub(super) version: i32,
    pub(super) version_text: String,
    pub(super) role: String,
    /// The schema for new tables; `None` if the search path names none.
    pub(super) schema: Option<String>,
    pub(super) has_extension: bool,
    pub(super) has_extension_files: bool,
    pub(super) may_create_in_database: bool,
    pub(super) may_create_in_schema: bool,
    pub(super) may_read_migrations: bool,
    /// Our tables that the role may not read and write, and our views that it may not read.
    pub(super) unusable_tables: Vec<String>,
    /// Our tables and views that the role does not own, so that it cannot change them.
    pub(super) foreign_tables: Vec<String>,
}

impl ServerFacts {
    /// Lists the faults that these facts show. A migration needs more rights than serving does.
    pub(super) fn find_faults(&self, must_migrate: bool) -> Vec<ServerFault> {
        let mut faults = Vec::new();
        if self.version < OLDEST_VERSION {
            faults.push(ServerFault::Version(self.version_text.clone()));
        }
        if self.encoding != "UTF8" {
            faults.push(ServerFault::Encoding(self.encoding.clone()));
        }
        if !self.has_extension && !self.has_extension_files {
            faults.push(ServerFault::ExtensionMissing);
        } else if !self.has_extension && !self.may_create_in_database {
            faults.push(ServerFault::ExtensionForbidden(self.role.clone()));
        }
        if must_migrate && !self.may_create_in_schema {
            let schema = self
                .schema
                .clone()
                .unwrap_or_else(|| "of the search path".to_owned());
            faults.push(ServerFault::SchemaForbidden(self.role.clone(), schema));
        }
        let tables = if must_migrate {
            &self.foreign_tables
        } else {
            &self.unusable_tables
        };
        if !tables.is_empty() {
            faults.push(ServerFault::TablesForbidden(self.role.clone(), tables.join(", ")));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn healthy() -> ServerFacts {
        ServerFacts {
            encoding: "UTF8".to_owned(),
            version: 130_014,
            version_text: "13.14".to_owned(),
            role: "holdfast".to_owned(),
            schema: Some("public".to_owned()),
            has_extension: true,
            has_extension_files: true,
            may_create_in_database: true,
            may_create_in_schema: true,
            may_read_migrations: true,
            unusable_tables: Vec::new(),
            foreign_tables: Vec::new(),
        }
    }

    #[test]
    fn each_lack_of_a_server_is_a_fault() {
        let role = || "holdfast".to_owned();
        let none = healthy();
        assert_eq!(none.find_faults(true), []);
        let latin = ServerFacts {
            encoding: "LATIN1".to_owned(),
            ..healthy()
        };
        assert_eq!(
            latin.find_faults(false),
            [ServerFault::Encoding("LATIN1".to_owned())]
        );
        let old = ServerFacts {
            version: 120_022,
            version_text: "12.22".to_owned(),
            ..healthy()
        };
        assert_eq!(old.find_faults(false), [ServerFault::Version("12.22".to_owned())]);
        let without_contrib = ServerFacts {
            has_extension: false,
            has_extension_files: false,
            ..healthy()
        };
        assert_eq!(without_contrib.find_faults(true), [ServerFault::ExtensionMissing]);
        let not_owner = ServerFacts {
            has_extension: false,
            may_create_in_database: false,
            may_create_in_schema: false,
            schema: None,
            ..healthy()
        };
        let schema = ServerFault::SchemaForbidden(role(), "of the search path".to_owned());
        assert_eq!(
            not_owner.find_faults(true),
            [ServerFault::ExtensionForbidden(role()), schema]
        );
    }

    #[test]
    fn serving_needs_fewer_rights_than_migrating() {
        let served = ServerFacts {
            may_create_in_schema: false,
            foreign_tables: vec!["holds".to_owned(), "payments".to_owned()],
            ..healthy()
        };
        assert_eq!(served.find_faults(false), []);
        assert_eq!(served.find_faults(true).len(), 2);
        let read_only = ServerFacts {
            unusable_tables: vec!["holds".to_owned(), "payments".to_owned()],
            ..healthy()
        };
        let fault = &read_only.find_faults(false)[0];
        assert_eq!(
            fault.to_string(),
            "the role holdfast has too few rights on the tables holds, payments"
        );
    }
}
