//! What a line of `.env` means, and which lines are refused.

use super::*;

fn read(text: &str) -> Vec<(String, String)> {
    let values = parse_env_file(text.as_bytes());
    values
        .unwrap_or_else(|faults| panic!("{text:?}: {faults:?}"))
        .into_iter()
        .collect()
}

fn value(text: &str) -> String {
    let values = read(text);
    assert_eq!(values.len(), 1, "{text:?}: {values:?}");
    values[0].1.clone()
}

fn faults(text: &[u8]) -> Vec<String> {
    let faults = parse_env_file(text).err().unwrap_or_default();
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn value_is_taken_as_it_is_written() {
    for literal in [
        "ab$kd83jf7Qp29xvTz0Lm4Rw8Ys",
        "${HOME}",
        "$",
        "$$",
        "a#b",
        "a=b==",
        "*/10 * * * * *",
        "https://a.example, https://b.example",
        "postgres://u:p$w%23#x@h/db?a=b&c=d",
        "grüße",
        "{HOLD_ID}",
    ] {
        assert_eq!(value(&format!("A={literal}")), literal);
        assert_eq!(value(&format!("A='{literal}'\n")), literal);
        assert_eq!(value(&format!("A=\"{literal}\"\r\n")), literal);
    }
}

#[test]
fn blanks_comments_export_and_line_ends_do_not_count() {
    for text in [
        "A=x",
        "\u{feff}A=x",
        "A=x\n",
        "A=x\r\n",
        "\n \n\t\n# A=y\r\n  # A=z\nA=x",
        "  A = x  ",
        "\tA\t=\tx\t",
        "export A=x",
        "  export\tA=x",
        "A=x # a comment, with ' and \" and $",
        "A=x\t#",
        "A='x'# a comment",
        "A=\"x\"   # a comment",
    ] {
        assert_eq!(read(text), [("A".to_owned(), "x".to_owned())], "{text:?}");
    }
    for empty in ["A=", "A= ", "A=''", "A=\"\"", "A= # a comment"] {
        assert_eq!(value(empty), "", "{empty:?}");
    }
    assert_eq!(value("exported=x"), "x");
    assert_eq!(
        read("A=1\r\nB=2\r\n"),
        [("A".into(), "1".into()), ("B".into(), "2".into())]
    );
    assert!(read("").is_empty() && read("# only\n\n").is_empty());
}

#[test]
fn only_double_quotes_have_escapes() {
    assert_eq!(value(r#"A="a\n\t\\\"\$\`\' b""#), "a\n\t\\\"$`' b");
    assert_eq!(value(r"A='a\n\$ #'"), r"a\n\$ #");
    assert_eq!(value("A='say \"x\"'"), "say \"x\"");
    assert_eq!(value("A=\"it's # $x\""), "it's # $x");
}

#[test]
fn quoted_value_may_have_several_lines() {
    assert_eq!(
        read("A='one\r\n# two\n'  # end\nB=\"x\ny\"\nC=z"),
        [
            ("A".into(), "one\n# two\n".into()),
            ("B".into(), "x\ny".into()),
            ("C".into(), "z".into()),
        ]
    );
}

#[test]
fn unreadable_lines_are_named_without_their_values() {
    for (text, expected) in [
        ("A='hunter2", "line 1: A has a quote without its end"),
        (
            "\n\nB=\"hunter2\\\"\nC=3",
            "line 3: B has a quote without its end",
        ),
        ("A='hunter2'x", "line 1: A has text behind the closing quote"),
        (
            "A=\"hunter2\" x # y",
            "line 1: A has text behind the closing quote",
        ),
        ("A=hun'ter2", "line 1: A has a quote or a backslash inside"),
        ("A=hun\\$ter2", "line 1: A has a quote or a backslash inside"),
        ("A=\"hunter2\\x\"", "line 1: A has an unknown escape"),
        ("A=#hunter2", "line 1: A begins with #"),
        ("hunter2", "line 1 is not NAME=value"),
        ("# one\nexport hunter2", "line 2 is not NAME=value"),
        ("hunter 2=x", "line 1 is not NAME=value"),
        ("=hunter2", "line 1 is not NAME=value"),
        (
            "A=1\nB=2\nA=hunter2",
            "line 3: A is set twice: line 1 sets it too",
        ),
        ("A='x\ny'\nB=hun\"ter2", "line 3: B has a quote"),
    ] {
        let found = faults(text.as_bytes());
        assert_eq!(found.len(), 1, "{text:?}: {found:?}");
        assert!(found[0].starts_with(expected), "{text:?}: {found:?}");
        assert!(
            !found[0].contains("hun") && !found[0].contains("ter2"),
            "{found:?}"
        );
    }
}

#[test]
fn every_unreadable_line_is_reported_at_once() {
    let found = faults(b"A=1\nb\nC=\"x\"y\nD='d'\nE=#e\n");
    let lines: Vec<&str> = found
        .iter()
        .map(|fault| fault.split([':', ' ']).nth(1).unwrap())
        .collect();
    assert_eq!(lines, ["2", "3", "5"], "{found:?}");
}

#[test]
fn file_that_is_not_utf8_names_line_and_variable() {
    assert_eq!(faults(b"A=1\nexport B=hunter2\xff\n"), ["line 2: B is not UTF-8"]);
    assert_eq!(faults(b"A=1\n\n# gr\xfc\xdfe"), ["line 3 is not UTF-8"]);
}
