//! Checks the files to start from in `deploy/`: exact versions, limits, privileges, and what is reachable from where.

use super::source::{read, root};

/// What the shared part of all containers must have.
const PRIVILEGES: [&str; 3] = [
    "\n  read_only: true\n",
    "\n  cap_drop: [ALL]\n",
    "\n  security_opt: [\"no-new-privileges:true\"]\n",
];

/// The lines of a top-level section, up to the next one.
fn section<'a>(text: &'a str, name: &str) -> &'a str {
    let start = format!("\n{name}:");
    let rest = text.split_once(&start).map(|(_, rest)| rest).unwrap_or_default();
    let end = rest
        .match_indices('\n')
        .find(|(at, _)| rest[at + 1..].starts_with(|c: char| c.is_alphabetic()));
    end.map_or(rest, |(at, _)| &rest[..=at])
}

/// The name and the text of each service.
fn services(compose: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in section(compose, "services").lines() {
        let name = line.strip_prefix("  ").and_then(|line| line.strip_suffix(':'));
        match name.filter(|name| name.starts_with(|c: char| c.is_alphabetic())) {
            Some(name) => found.push((name.to_owned(), String::new())),
            None => {
                if let Some((_, text)) = found.last_mut() {
                    *text += &format!("{line}\n");
                }
            }
        }
    }
    found
}

/// What is wrong with the services of a composition.
fn find_faults(compose: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for privilege in PRIVILEGES {
        if !section(compose, "x-container").contains(privilege) {
            faults.push(format!("x-container lacks {}", privilege.trim()));
        }
    }
    let ours = section(compose, "x-holdfast");
    for (name, text) in services(compose) {
        let text = match text.contains("<<: *holdfast\n") {
            true => format!("{ours}{text}"),
            false => text,
        };
        // A service of the other composition is checked there.
        if text.contains("    extends: {file: sandbox.yaml,") {
            continue;
        }
        if !text.contains("<<: *container\n") {
            faults.push(format!("{name} is no *container"));
        }
        for limit in [" mem_limit: ", " pids_limit: "] {
            if !text.contains(limit) {
                faults.push(format!("{name} lacks {}", limit.trim()));
            }
        }
        for port in find_ports(&text) {
            let is_public = name == "proxy" && matches!(port.as_str(), "80:80" | "443:443");
            if !is_public && !port.starts_with("127.0.0.1:") {
                faults.push(format!("{name} publishes {port}"));
            }
        }
    }
    faults
}

fn find_ports(text: &str) -> Vec<String> {
    let lines = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("ports: ["));
    let ports = lines.flat_map(|list| list.trim_end_matches(']').split(','));
    ports
        .map(|port| port.trim().trim_matches('"').to_owned())
        .collect()
}

/// The images of a composition or a Dockerfile that have no exact version.
fn find_loose_images(text: &str) -> Vec<&str> {
    let lines = text.lines().map(str::trim);
    let images = lines.filter_map(|line| line.strip_prefix("image: ").or(line.strip_prefix("FROM ")));
    let names = images.filter_map(|image| image.split_whitespace().next());
    let is_exact = |image: &str| {
        let tag = image.split_once(':').map_or("", |(_, tag)| tag);
        let version = tag.split('-').next().unwrap_or_default();
        let version = version.strip_prefix('v').unwrap_or(version);
        version.contains('.') && version.chars().all(|c| c.is_ascii_digit() || c == '.')
    };
    names
        .filter(|image| *image != "holdfast:local" && !is_exact(image))
        .collect()
}

#[test]
fn containers_have_limits_and_few_privileges() {
    let compose = read("deploy/compose.yaml");
    let names: Vec<_> = services(&compose).into_iter().map(|(name, _)| name).collect();
    let expected = [
        "postgres",
        "holdfast-1",
        "holdfast-2",
        "proxy",
        "prometheus",
        "grafana",
        "sandbox",
    ];
    assert_eq!(names, expected);
    assert_eq!(find_faults(&compose), [""; 0]);
    assert_eq!(find_faults(&read("deploy/sandbox.yaml")), [""; 0]);
    for line in [
        "read_only: true\n",
        "cap_drop: [ALL]\n",
        "<<: *container\n",
        "pids_limit: 256\n",
        "127.0.0.1:8082:",
        "127.0.0.1:9090:",
        "127.0.0.1:3000:",
        "    extends: {file: sandbox.yaml, service: sandbox}\n",
    ] {
        assert!(
            !find_faults(&compose.replacen(line, "", 1)).is_empty(),
            "not caught: {line}"
        );
    }
}

#[test]
fn images_have_exact_versions() {
    for path in ["deploy/compose.yaml", "deploy/sandbox.yaml", "Dockerfile"] {
        assert_eq!(find_loose_images(&read(path)), [""; 0], "{path}");
    }
    let loose = "FROM debian\nFROM debian:12-slim AS a\nimage: caddy:latest\nimage: caddy:2.10.2\nimage: a/b:v3\nimage: a/b:v3.5.0\n";
    assert_eq!(
        find_loose_images(loose),
        ["debian", "debian:12-slim", "caddy:latest", "a/b:v3"]
    );
}

/// The profile of each service that does not start by itself.
fn find_profiles(compose: &str) -> Vec<(String, String)> {
    let profiles = |text: &str| {
        let lines = text.lines().map(str::trim);
        lines
            .filter_map(|line| {
                line.strip_prefix("profiles: [")?
                    .strip_suffix(']')
                    .map(str::to_owned)
            })
            .next()
    };
    let found = services(compose).into_iter();
    found
        .filter_map(|(name, text)| Some((name, profiles(&text)?)))
        .collect()
}

#[test]
fn monitoring_and_sandbox_start_only_on_demand() {
    let profiles = find_profiles(&read("deploy/compose.yaml"));
    let expected = [
        ("prometheus", "monitoring"),
        ("grafana", "monitoring"),
        ("sandbox", "sandbox"),
    ];
    assert_eq!(
        profiles,
        expected.map(|(name, profile)| (name.to_owned(), profile.to_owned()))
    );
}

/// Finds the paths in `deploy/` that a composition mounts or extends, and that do not exist.
fn find_missing_paths(compose: &str) -> Vec<&str> {
    let lines = compose.lines().map(str::trim);
    let paths = lines.filter_map(|line| {
        let mounted = line.strip_prefix("- ./").and_then(|rest| rest.split(':').next());
        let extended = line
            .strip_prefix("extends: {file: ")
            .and_then(|rest| rest.split(',').next());
        mounted.or(extended)
    });
    paths
        .filter(|path| !root().join("deploy").join(path).exists())
        .collect()
}

#[test]
fn what_containers_mount_exists() {
    let compose = read("deploy/compose.yaml");
    assert!(compose.contains("- ./prometheus:/etc/prometheus:ro"));
    assert_eq!(find_missing_paths(&compose), [""; 0]);
    assert_eq!(
        find_missing_paths("  - ./grafana:/a\n  - ./no-such-file:/b:ro\n"),
        ["no-such-file"]
    );
}

#[test]
fn proxy_sends_hsts_and_hides_what_is_inside() {
    let caddy = read("deploy/Caddyfile");
    assert!(caddy.contains("header Strict-Transport-Security \"max-age="));
    let inside = caddy.lines().find(|line| line.contains("@inside path")).unwrap();
    for path in ["/metrics", "/console/*", "/v1/admin/*"] {
        assert!(inside.contains(path), "{inside}");
    }
}

#[test]
fn unit_gives_secrets_as_credentials() {
    let unit = read("deploy/holdfast.service");
    for (name, variable) in [
        ("stripe_secret_key", "STRIPE_SECRET_KEY"),
        ("stripe_webhook_secret", "STRIPE_WEBHOOK_SECRET"),
        ("admin_key", "HOLDFAST_ADMIN_KEY"),
    ] {
        assert!(unit.contains(&format!("\nLoadCredential={name}:")), "{name}");
        assert!(
            unit.contains(&format!("\nEnvironment={variable}_FILE=%d/{name}\n")),
            "{variable}"
        );
    }
}
