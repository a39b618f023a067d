//! Reads the variables of `.env`. A value is taken as it is written: nothing is substituted, nothing is cut off without a word.
//!
//! The crates for such files replace `$NAME`, or end an unquoted value at any `#`, so that a secret becomes a shorter one.
//! Where common tools disagree about a line, it is refused. No fault repeats a value, because it may be a secret.

use std::collections::BTreeMap;
use std::fmt;

/// A line of `.env` that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvFileFault {
    /// The number of the line, from 1.
    pub line: usize,
    /// The variable of the line, if the line names one.
    pub variable: Option<String>,
    /// What is wrong with the line.
    pub detail: String,
}

impl fmt::Display for EnvFileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, detail, .. } = self;
        match &self.variable {
            Some(variable) => write!(f, "line {line}: {variable} {detail}"),
            None => write!(f, "line {line} {detail}"),
        }
    }
}

const BLANKS: [char; 2] = [' ', '\t'];

/// Parses the content of a file.
///
/// # Errors
/// Every line that cannot be read.
pub(super) fn parse_env_file(content: &[u8]) -> Result<BTreeMap<String, String>, Vec<EnvFileFault>> {
    let text = std::str::from_utf8(content)
        .map_err(|error| vec![describe_encoding_fault(&content[..error.valid_up_to()])])?;
    let mut reader = Reader {
        rest: text.strip_prefix('\u{feff}').unwrap_or(text),
        line: 1,
        lines_of_names: BTreeMap::new(),
        values: BTreeMap::new(),
    };
    let mut faults = Vec::new();
    while !reader.rest.is_empty() {
        faults.extend(reader.read_statement().err());
    }
    if faults.is_empty() {
        Ok(reader.values)
    } else {
        Err(faults)
    }
}

/// Describes the line at the end of the text that can be read.
fn describe_encoding_fault(readable: &[u8]) -> EnvFileFault {
    let readable = String::from_utf8_lossy(readable);
    let last = readable.rsplit('\n').next().unwrap_or_default();
    let name = split_assignment(last).map(|(name, _)| name.to_owned());
    EnvFileFault {
        line: 1 + readable.matches('\n').count(),
        variable: name,
        detail: "is not UTF-8".to_owned(),
    }
}

/// Splits `export NAME = value` into the name and the rest behind the `=`.
fn split_assignment(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start_matches(BLANKS);
    let exported = line
        .strip_prefix("export")
        .filter(|rest| rest.starts_with(BLANKS));
    let (name, value) = exported.unwrap_or(line).split_once('=')?;
    let name = name.trim_matches(BLANKS);
    let is_name_character = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let is_name = name.chars().all(is_name_character) && !name.is_empty();
    is_name.then_some((name, value))
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
    lines_of_names: BTreeMap<String, usize>,
    values: BTreeMap<String, String>,
}

impl<'a> Reader<'a> {
    /// Takes the next line, without its end.
    fn take_line(&mut self) -> &'a str {
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        self.rest = rest;
        self.line += 1;
        line.strip_suffix('\r').unwrap_or(line)
    }

    /// Reads a blank line, a comment, or an assignment, which may have several lines in quotes.
    fn read_statement(&mut self) -> Result<(), EnvFileFault> {
        let (number, begin) = (self.line, self.rest);
        let line = self.take_line();
        let content = line.trim_start_matches(BLANKS);
        if content.is_empty() || content.starts_with('#') {
            return Ok(());
        }
        let fault = |variable: Option<&str>, detail: &str| EnvFileFault {
            line: number,
            variable: variable.map(str::to_owned),
            detail: detail.to_owned(),
        };
        let (name, behind) = split_assignment(line).ok_or_else(|| fault(None, "is not NAME=value"))?;
        let value = behind.trim_start_matches(BLANKS);
        let value = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                // The value may go on in the next lines, so it is read again from the beginning of this one.
                let quoted = line.len() - value.len() + 1;
                (self.rest, self.line) = (&begin[quoted..], number);
                self.take_quoted(quote)
            }
            _ => read_unquoted(value, behind.starts_with(BLANKS)),
        };
        let value = value.map_err(|detail| fault(Some(name), detail))?;
        if let Some(first) = self.lines_of_names.insert(name.to_owned(), number) {
            return Err(fault(
                Some(name),
                &format!("is set twice: line {first} sets it too"),
            ));
        }
        self.values.insert(name.to_owned(), value);
        Ok(())
    }

    /// Takes the text up to the closing quote, and the rest of that line.
    fn take_quoted(&mut self, quote: char) -> Result<String, &'static str> {
        let Some((value, length)) = unquote(self.rest, quote) else {
            // Where the next statement begins is unknown.
            self.rest = "";
            return Err("has a quote without its end");
        };
        let (quoted, behind) = self.rest.split_at(length);
        self.line += quoted.matches('\n').count();
        self.rest = behind;
        let behind = self.take_line().trim_start_matches(BLANKS);
        if !behind.is_empty() && !behind.starts_with('#') {
            return Err("has text behind the closing quote");
        }
        value
    }
}

/// Returns the value before the closing quote, or what is wrong with it, and the length of both; `None` if there is no
/// closing quote. Only double quotes have escapes.
fn unquote(text: &str, quote: char) -> Option<(Result<String, &'static str>, usize)> {
    let mut value = Ok(String::new());
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        let read = match c {
            c if c == quote => return Some((value.map(|text: String| text.replace("\r\n", "\n")), at + 1)),
            '\\' if quote == '"' => match characters.next()?.1 {
                'n' => Some('\n'),
                'r' => Some('\r'),
                't' => Some('\t'),
                c @ ('\\' | '"' | '\'' | '$' | '`' | ' ') => Some(c),
                _ => None,
            },
            c => Some(c),
        };
        match read {
            Some(c) => value = value.map(|text| text + c.encode_utf8(&mut [0; 4])),
            None => value = Err("has an unknown escape in double quotes: use single quotes, which have none"),
        }
    }
    None
}

/// Reads a value without quotes: to the end of the line, or to a comment, which begins with a blank and `#`.
fn read_unquoted(text: &str, is_after_blank: bool) -> Result<String, &'static str> {
    if text.starts_with('#') {
        return if is_after_blank {
            Ok(String::new())
        } else {
            Err("begins with #: put the value in quotes, or a blank before the comment")
        };
    }
    let comment = text
        .match_indices('#')
        .map(|(at, _)| at)
        .find(|at| text[..*at].ends_with(BLANKS));
    let value = text[..comment.unwrap_or(text.len())].trim_end_matches(BLANKS);
    if value.contains(['"', '\'', '`', '\\']) {
        return Err(
            "has a quote or a backslash inside, which programs read differently: put the value in single quotes",
        );
    }
    Ok(value.to_owned())
}

#[cfg(test)]
mod tests;
