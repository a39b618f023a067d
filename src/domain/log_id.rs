//! The pseudonym of a hold in the log. The id itself gives the right to read the hold, so it is not logged.

use std::fmt;

use sha2::{Digest, Sha256};

use super::ids::HoldId;

/// Names a hold in log lines, the same in each of them.
///
/// It is the first 48 bits of the id's SHA-256. An id has 74 random bits, so it cannot be found from its pseudonym.
/// An operator who has the id computes the pseudonym without a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogId(u64);

impl HoldId {
    /// Returns the hold's pseudonym in the log.
    pub fn log_id(self) -> LogId {
        let digest: [u8; 32] = Sha256::digest(self.to_string()).into();
        let first = digest[..6].iter();
        LogId(first.fold(0, |bits, byte| bits << 8 | u64::from(*byte)))
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_id_is_what_sha256sum_prints() {
        // printf %s 01990000-0000-7000-8000-000000000007 | sha256sum | cut -c 1-12
        let hold = HoldId::parse("01990000-0000-7000-8000-000000000007").unwrap();
        assert_eq!(hold.log_id().to_string(), "0bfa9018a9d6");
    }
}
