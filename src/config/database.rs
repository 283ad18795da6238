//! `[database]`: where the rows are.

use std::path::Path;

use super::problem::Place;
use super::reader::{Found, Section};

const DEFAULT: &str = "sqlite://vestibule.db";

/// The URL; a relative SQLite file of the configuration file lies beside it.
pub(super) fn read(root: &Section<'_>) -> String {
    let Some(section) = root.section("database") else { return beside(root.context.base, DEFAULT) };
    let url = section.text("url");
    section.finish();
    let Some(url) = url else { return beside(root.context.base, DEFAULT) };
    check(root, &url);
    match url.at.place {
        Place::File { .. } => beside(root.context.base, &url.value),
        _ => url.value,
    }
}

fn check(root: &Section<'_>, url: &Found<String>) {
    let scheme = url.value.split(':').next().unwrap_or_default();
    if !matches!(scheme, "sqlite" | "postgres" | "postgresql") {
        let hint = "use `sqlite://file.db` or `postgres://user@host/database`".to_owned();
        root.context.problem(&url.at, format!("`{}` is no database URL", url.value), hint);
    }
    let has_password = url::Url::parse(&url.value).is_ok_and(|url| url.password().is_some());
    if has_password && matches!(url.at.place, Place::File { .. }) {
        let remedy = "set it with the environment variable VESTIBULE_DATABASE__URL, or use PGPASSWORD or ~/.pgpass";
        root.context.insecure(&url.at, "the database password stands in the configuration file", remedy);
    }
}

/// The file behind an SQLite URL; `None` for PostgreSQL and databases in memory.
#[must_use]
pub fn sqlite_file(url: &str) -> Option<&Path> {
    let rest = url.strip_prefix("sqlite:")?;
    let file = rest.strip_prefix("//").unwrap_or(rest).split('?').next()?;
    (!file.is_empty() && file != ":memory:").then(|| Path::new(file))
}

fn beside(base: &Path, url: &str) -> String {
    match sqlite_file(url) {
        Some(file) if file.is_relative() && base != Path::new("") => {
            let query = url.split_once('?').map(|(_, query)| format!("?{query}")).unwrap_or_default();
            format!("sqlite://{}{query}", base.join(file).display())
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_file_lies_beside_the_configuration() {
        assert_eq!(beside(Path::new("/etc/v"), "sqlite://a.db?mode=rw"), "sqlite:///etc/v/a.db?mode=rw");
        assert_eq!(beside(Path::new("/etc/v"), "sqlite:///data/a.db"), "sqlite:///data/a.db");
        assert_eq!(beside(Path::new("/etc/v"), "sqlite::memory:"), "sqlite::memory:");
        assert_eq!(beside(Path::new(""), "sqlite://a.db"), "sqlite://a.db");
    }
}
