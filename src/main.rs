//! Parse arguments, run, print the error, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    vestibule::cli::run()
}
