//! Splits a text file into code, comments and string literals, and these into words.
//!
//! The split is a scan, not a parse: it knows comments and quotes, which is all that rules about words need.

/// What a piece of a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Code outside of comments and literals; in Markdown, what stands between backticks.
    Code,
    /// A comment, or the prose of a file that is no program.
    Prose,
    /// A string literal, quotes included.
    Literal,
}

/// A part of a file that is all of one kind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    pub(crate) kind: Kind,
    /// The line on which it starts, from 1 on.
    pub(crate) line: usize,
    pub(crate) text: &'a str,
}

/// How a language marks comments and strings.
struct Syntax {
    line_comment: Option<&'static str>,
    block_comment: Option<(&'static str, &'static str)>,
    quotes: &'static str,
    /// Whether `r#"…"#` is a string and `'a` may be a lifetime.
    is_rust: bool,
}

fn syntax_of(path: &str) -> Option<Syntax> {
    let (line_comment, block_comment, quotes) = match path.rsplit('.').next()? {
        "rs" => (Some("//"), Some(("/*", "*/")), "\""),
        "js" | "mjs" | "ts" => (Some("//"), Some(("/*", "*/")), "\"'`"),
        "css" => (None, Some(("/*", "*/")), "\"'"),
        "sql" => (Some("--"), None, "'"),
        "json" => (None, None, "\""),
        "md" => (None, None, ""),
        _ => return None,
    };
    Some(Syntax {
        line_comment,
        block_comment,
        quotes,
        is_rust: path.ends_with(".rs"),
    })
}

/// Splits a file; a file of an unknown language is one piece of prose.
pub(crate) fn pieces<'a>(path: &str, text: &'a str) -> Vec<Piece<'a>> {
    let spans = match syntax_of(path) {
        _ if path.ends_with(".md") => markdown_spans(text),
        Some(syntax) => program_spans(&syntax, text),
        None => vec![(Kind::Prose, 0, text.len())],
    };
    let (mut line, mut counted) = (1, 0);
    spans
        .into_iter()
        .filter(|(_, start, end)| start < end)
        .map(|(kind, start, end)| {
            line += text[counted..start].matches('\n').count();
            counted = start;
            let text = &text[start..end];
            Piece { kind, line, text }
        })
        .collect()
}

type Span = (Kind, usize, usize);

fn markdown_spans(text: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    let (mut start, mut kind) = (0, Kind::Prose);
    for (at, _) in text.match_indices('`') {
        spans.push((kind, start, at));
        kind = if kind == Kind::Prose {
            Kind::Code
        } else {
            Kind::Prose
        };
        start = at + 1;
    }
    spans.push((kind, start, text.len()));
    spans
}

fn program_spans(syntax: &Syntax, text: &str) -> Vec<Span> {
    let (mut spans, mut code_from, mut at) = (Vec::new(), 0, 0);
    while at < text.len() {
        let rest = &text[at..];
        let found = comment_length(syntax, rest)
            .map(|length| (Kind::Prose, length))
            .or_else(|| literal_length(syntax, &text[..at], rest).map(|length| (Kind::Literal, length)));
        if let Some((kind, length)) = found {
            spans.push((Kind::Code, code_from, at));
            spans.push((kind, at, at + length));
            at += length;
            code_from = at;
        } else {
            at += char_length(syntax, rest);
        }
    }
    spans.push((Kind::Code, code_from, text.len()));
    spans
}

/// The length of the comment that starts here; line comments below one another are one.
fn comment_length(syntax: &Syntax, rest: &str) -> Option<usize> {
    if let Some(mark) = syntax.line_comment.filter(|mark| rest.starts_with(mark)) {
        let mut length = 0;
        loop {
            length += rest[length..].find('\n').unwrap_or(rest.len() - length);
            let below = rest[length..].trim_start_matches([' ', '\n']);
            let gap = rest.len() - length - below.len();
            let is_next = rest[length..length + gap].matches('\n').count() == 1;
            if !is_next || !below.starts_with(mark) {
                return Some(length);
            }
            length += gap;
        }
    }
    let (open, close) = syntax.block_comment.filter(|(open, _)| rest.starts_with(open))?;
    let end = rest[open.len()..].find(close);
    Some(end.map_or(rest.len(), |end| open.len() + end + close.len()))
}

fn literal_length(syntax: &Syntax, before: &str, rest: &str) -> Option<usize> {
    let follows_word = before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
    if syntax.is_rust && !follows_word {
        let raw = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'));
        let hashes = raw.map_or(0, |raw| raw.len() - raw.trim_start_matches('#').len());
        if let Some(body) = raw.and_then(|raw| raw[hashes..].strip_prefix('"')) {
            let close = format!("\"{}", "#".repeat(hashes));
            let end = body.find(&close).map_or(body.len(), |end| end + close.len());
            return Some(rest.len() - body.len() + end);
        }
    }
    let quote = rest.chars().next().filter(|c| syntax.quotes.contains(*c))?;
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return Some(at + c.len_utf8()),
            _ => {}
        }
    }
    Some(rest.len())
}

/// The length of a character of code. A Rust character literal counts as one, so that `'"'` opens no string.
fn char_length(syntax: &Syntax, rest: &str) -> usize {
    let mut chars = rest.chars();
    let first = chars.next().map_or(1, char::len_utf8);
    if !syntax.is_rust || !rest.starts_with('\'') {
        return first;
    }
    match chars.next() {
        Some('\\') => rest[3..].find('\'').map_or(first, |end| end + 4),
        Some(c) if chars.next() == Some('\'') => 2 + c.len_utf8(),
        _ => first,
    }
}

/// What stands between a word and the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joint {
    /// Nothing or `_`: both belong to one identifier.
    Identifier,
    /// Blanks, line ends, comment marks or a hyphen.
    Blank,
    /// Anything else, or the start of the piece.
    Break,
}

/// A word in lower case: a part of an identifier or of a sentence.
#[derive(Debug)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) line: usize,
    pub(crate) joint: Joint,
    /// The character after it.
    pub(crate) next: Option<char>,
}

/// The words of a piece; `snake_case` and `CamelCase` are split.
pub(crate) fn words(piece: &Piece) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let (mut line, mut joint) = (piece.line, Joint::Break);
    let (mut current, mut was_lower, mut escaped) = (String::new(), false, false);
    let mut end = |current: &mut String, line, joint: &mut Joint, next| {
        if !current.is_empty() {
            let text = std::mem::take(current).to_lowercase();
            let joint = std::mem::replace(joint, Joint::Identifier);
            words.push(Word {
                text,
                line,
                joint,
                next,
            });
        }
    };
    for c in piece.text.chars() {
        // The letter of `\n` in a literal is no part of a word.
        if std::mem::take(&mut escaped) && piece.kind == Kind::Literal {
            joint = Joint::Blank;
            continue;
        }
        if c.is_alphanumeric() {
            if c.is_uppercase() && was_lower {
                end(&mut current, line, &mut joint, Some(c));
            }
            current.push(c);
        } else {
            end(&mut current, line, &mut joint, Some(c));
            joint = match (c, joint) {
                ('_', Joint::Identifier) => Joint::Identifier,
                (
                    ' ' | '\t' | '\r' | '\n' | '/' | '!' | '*' | '#' | '-' | '>',
                    Joint::Identifier | Joint::Blank,
                ) => Joint::Blank,
                _ => Joint::Break,
            };
            line += usize::from(c == '\n');
            escaped = c == '\\';
        }
        was_lower = c.is_lowercase() || c.is_numeric();
    }
    end(&mut current, line, &mut joint, None);
    words
}

#[test]
fn a_file_is_split_into_code_comments_and_literals() {
    let split = |path, text| {
        let pieces = pieces(path, text).into_iter();
        pieces
            .filter(|piece| !piece.text.trim().is_empty())
            .map(|piece| (piece.kind, piece.line, piece.text.trim().to_owned()))
            .collect::<Vec<_>>()
    };
    let text = "let a = '\"'; // b \"c\"\n// d\nf::<'x>(r#\"g\"h\"#, \"i\\\"j\")\n";
    let found = split("a.rs", text);
    let expected = [
        (Kind::Code, 1, "let a = '\"';"),
        (Kind::Prose, 1, "// b \"c\"\n// d"),
        (Kind::Code, 2, "f::<'x>("),
        (Kind::Literal, 3, "r#\"g\"h\"#"),
        (Kind::Code, 3, ","),
        (Kind::Literal, 3, "\"i\\\"j\""),
        (Kind::Code, 3, ")"),
    ];
    assert_eq!(
        found,
        expected.map(|(kind, line, text)| (kind, line, text.to_owned()))
    );
    let found = split("a.md", "the `code_span` here");
    assert_eq!(found[1], (Kind::Code, 1, "code_span".to_owned()));
    let found = split("a.sql", "a -- b\n'c'");
    assert_eq!(found[1], (Kind::Prose, 1, "-- b".to_owned()));
}

#[test]
fn identifiers_and_sentences_are_split_into_words() {
    let piece = |text| Piece {
        kind: Kind::Prose,
        line: 7,
        text,
    };
    let found: Vec<_> = words(&piece("/// SlotRequest of\n/// two_parts. End"))
        .into_iter()
        .map(|word| (word.text, word.line, word.joint))
        .collect();
    let expected = [
        ("slot", 7, Joint::Break),
        ("request", 7, Joint::Identifier),
        ("of", 7, Joint::Blank),
        ("two", 8, Joint::Blank),
        ("parts", 8, Joint::Identifier),
        ("end", 8, Joint::Break),
    ];
    assert_eq!(
        found,
        expected.map(|(text, line, joint)| (text.to_owned(), line, joint))
    );
}
