//! Prints the page `docs/operators.md`, from a run of the suite in the file or folder that is given, or
//! of the one beside the repository. Exits with 3 where no suite is at hand.

use std::path::Path;
use std::process::ExitCode;

use sedge_tests::suite::Suite;
use sedge_tests::table;

fn main() -> ExitCode {
    let suite = match std::env::args_os().nth(1) {
        Some(path) => Some(Suite::open(Path::new(&path))),
        None => Suite::at_hand(),
    };
    match suite {
        Some(suite) => {
            print!("{}", table::page(&suite));
            ExitCode::SUCCESS
        }
        None => ExitCode::from(3),
    }
}
