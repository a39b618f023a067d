//! The pseudonym of a hold, in the log and as the reference that a guest says. The id itself gives the right to read the hold, so it is neither logged nor said.

use std::fmt;

use sha2::{Digest, Sha256};

use super::ids::HoldId;

/// Names a hold in log lines, the same in each of them, and where a guest must name it: there it is the `reference`.
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

impl LogId {
    /// Finds the pseudonym in a text that a person typed: its 12 digits, perhaps in groups.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
        let is_whole = digits.len() == 12 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let bits = u64::from_str_radix(&digits, 16);
        bits.ok().filter(|_| is_whole).map(Self)
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

    #[test]
    fn log_id_is_found_in_what_a_person_types() {
        let hold = HoldId::parse("01990000-0000-7000-8000-000000000007").unwrap();
        for typed in ["0bfa9018a9d6", "0BFA 9018 A9D6", "0bfa-9018-a9d6"] {
            assert_eq!(LogId::parse(typed), Some(hold.log_id()), "{typed}");
        }
        for other in ["0bfa9018a9d", "0bfa9018a9d60", "0bfa9018a9dg", "+bfa9018a9d6", ""] {
            assert_eq!(LogId::parse(other), None, "{other}");
        }
    }
}
