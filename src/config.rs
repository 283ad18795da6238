//! `vestibule.toml`: sections, defaults, environment overrides; all problems reported at once.
