//! `vestibule init`: a project that `check`, `test` and `dev` accept as it is. Its files are those in `template/`, byte for byte.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Path below the project, and content. Names with a dot stand without it here, lest they take effect in this repository.
const FILES: [(&str, &str); 12] = [
    ("vestibule.toml", include_str!("template/vestibule.toml")),
    ("actions/10-verified-email.rhai", include_str!("template/actions/10-verified-email.rhai")),
    ("actions/20-roles-and-plan.rhai", include_str!("template/actions/20-roles-and-plan.rhai")),
    ("actions/lib/claims.rhai", include_str!("template/actions/lib/claims.rhai")),
    ("actions/api.d.rhai", include_str!("../../../actions/api.d.rhai")),
    ("actions/tests/10-verified-email.rhai", include_str!("template/actions/tests/10-verified-email.rhai")),
    ("actions/tests/20-roles-and-plan.rhai", include_str!("template/actions/tests/20-roles-and-plan.rhai")),
    (".github/workflows/vestibule.yml", include_str!("template/github/vestibule.yml")),
    (".vscode/extensions.json", include_str!("template/vscode/extensions.json")),
    (".vscode/settings.json", include_str!("template/vscode/settings.json")),
    (".gitignore", include_str!("template/gitignore")),
    ("README.md", include_str!("template/README.md")),
];

/// Why no project was made.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// A file stands where the directory should be.
    #[error("`{0}` is no directory")]
    NoDirectory(PathBuf),
    /// Somebody's work is in there.
    #[error("`{directory}` is not empty: it holds `{entry}`")]
    NotEmpty {
        /// The directory.
        directory: PathBuf,
        /// What it holds, for example.
        entry: String,
    },
    /// The file system's word.
    #[error("`{path}` cannot be written: {error}")]
    Unwritable {
        /// What was to be written or looked at.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

/// Makes the project in a directory that is empty, holds only `.git`, or does not exist; nothing is ever overwritten. The
/// answer lists the files.
///
/// # Errors
/// A directory that is in use or cannot be written.
pub fn scaffold(directory: &Path) -> Result<Vec<&'static str>, Refused> {
    refuse_occupied(directory)?;
    for (name, content) in FILES {
        let path = directory.join(name);
        let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| create(&path, content));
        written.map_err(|error| Refused::Unwritable { path, error })?;
    }
    Ok(FILES.iter().map(|(name, _)| *name).collect())
}

fn refuse_occupied(directory: &Path) -> Result<(), Refused> {
    let unwritable = |error| Refused::Unwritable { path: directory.to_owned(), error };
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(Refused::NoDirectory(directory.to_owned()));
        }
        Err(error) => return Err(unwritable(error)),
    };
    for entry in entries {
        let name = entry.map_err(unwritable)?.file_name();
        if name != ".git" {
            let entry = name.to_string_lossy().into_owned();
            return Err(Refused::NotEmpty { directory: directory.to_owned(), entry });
        }
    }
    Ok(())
}

/// A file that was not there before.
fn create(path: &Path, content: &str) -> io::Result<()> {
    use io::Write as _;
    fs::File::create_new(path)?.write_all(content.as_bytes())
}
