//! Reads the files of `tests/`, and runs their tests on several threads.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::config::did_you_mean;
use crate::flow::script::{Call, Script, ScriptFunction};
use crate::flow::{Diagnostic, LoadError, Settings, natural_order, script};
use crate::kit::login::Impossible;

use super::report::{Failure, Report, TestResult};
use super::snapshots::{self, Stored};
use super::world::{Failed, Remains, Scene, World};
use super::{Options, PATIENCE, TestError, estimates, functions, limits};

/// What the names of tests begin with.
const PREFIX: &str = "test_";
/// Scripts recurse on the stack of their thread, and a test's script has an action's above it.
const STACK_BYTES: usize = 16 * 1024 * 1024;

/// All files with their tests.
#[derive(Debug)]
pub(super) struct Suite {
    files: Vec<TestFile>,
}

/// One file.
#[derive(Debug)]
struct TestFile {
    script: Script,
    /// Those that were asked for.
    tests: Vec<ScriptFunction>,
    /// Names of all of its tests.
    names: Vec<String>,
    stored: Stored,
}

impl Suite {
    /// Reads and compiles the files, and keeps the tests that fit one of the filters.
    pub(super) fn load(scene: &Arc<Scene>, settings: &Settings, filters: &[String]) -> Result<Self, TestError> {
        let directory = settings.directory.join("tests");
        let display = format!("{}/tests", settings.display.trim_end_matches('/'));
        let hint = || format!("write {display}/first.rhai: fn test_login() {{ assert_allowed(login(event())); }}");
        if !directory.is_dir() {
            return Err(Impossible { message: format!("there is no directory {display}"), hint: hint() }.into());
        }
        let (mut files, mut problems) = (Vec::new(), Vec::new());
        for (name, text) in script::read(&directory, &display, limits().max_file_size)? {
            match TestFile::load(scene, &directory, &format!("{display}/{name}"), &text) {
                Ok(file) => files.push(file),
                Err(found) => problems.extend(found),
            }
        }
        if !problems.is_empty() {
            return Err(LoadError { problems }.into());
        }
        files.sort_by(|a, b| natural_order(Path::new(&a.script.file), Path::new(&b.script.file)));
        if let Some(problem) = files.iter().find_map(TestFile::with_parameters) {
            return Err(problem.into());
        }
        if files.iter().all(|file| file.tests.is_empty()) {
            return Err(Impossible { message: format!("{display} has no test"), hint: hint() }.into());
        }
        let mut suite = Self { files };
        suite.filter(filters)?;
        Ok(suite)
    }

    fn filter(&mut self, filters: &[String]) -> Result<(), TestError> {
        if filters.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = self.files.iter().flat_map(|file| file.names.clone()).collect();
        for filter in filters {
            if !self.files.iter().any(|file| file.tests.iter().any(|test| fits(file, test, filter))) {
                let near = did_you_mean(filter, names.iter().map(String::as_str));
                let hint = near.unwrap_or_else(|| {
                    format!(
                        "a filter is a part of a file's name, a function's name or a description; there are {} tests",
                        names.len()
                    )
                });
                return Err(Impossible { message: format!("no test fits `{filter}`"), hint }.into());
            }
        }
        for file in &mut self.files {
            let tests = std::mem::take(&mut file.tests);
            file.tests = tests.into_iter().filter(|test| filters.iter().any(|filter| fits(file, test, filter))).collect();
        }
        Ok(())
    }

    /// Runs everything; results are in the order of the files, whoever ran them.
    pub(super) fn run(&self, scene: &Arc<Scene>, options: &Options) -> Result<Report, TestError> {
        let began = Instant::now();
        let tests: Vec<(&TestFile, &ScriptFunction)> =
            self.files.iter().flat_map(|file| file.tests.iter().map(move |test| (file, test))).collect();
        let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(tests.len())));
        let work = || {
            while let Some((index, (file, test))) = take(&next, &tests) {
                let ran = file.run(scene, test, options.accept);
                done.lock().unwrap_or_else(PoisonError::into_inner).push((index, ran));
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..options.jobs.get().min(tests.len()) {
                let thread = std::thread::Builder::new().name("test".to_owned()).stack_size(STACK_BYTES);
                // Where no thread is to be had the others do its work, and this one if there are none.
                if thread.spawn_scoped(scope, work).is_err() {
                    work();
                }
            }
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(index, _)| *index);
        let ran: Vec<(TestResult, Remains)> = done.into_iter().map(|(_, ran)| ran).collect();
        self.report(ran, options, began)
    }

    fn report(&self, ran: Vec<(TestResult, Remains)>, options: &Options, began: Instant) -> Result<Report, TestError> {
        let stored = self.files.iter().map(|file| (&file.stored, &*file.names)).collect::<Vec<_>>();
        let snapshots = snapshots::conclude(&stored, &ran, options.accept)?;
        let estimates = estimates::of(&ran);
        let results = ran.into_iter().map(|(result, _)| result).collect();
        Ok(Report { results, took: began.elapsed(), snapshots, estimates, coverage: None })
    }
}

fn take<T: Copy>(next: &AtomicUsize, tests: &[T]) -> Option<(usize, T)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    tests.get(index).map(|test| (index, *test))
}

fn fits(file: &TestFile, test: &ScriptFunction, filter: &str) -> bool {
    let comment = test.comment.as_deref().unwrap_or_default();
    [&*test.name, &*file.script.file, comment].into_iter().any(|text| text.contains(filter))
}

impl TestFile {
    fn load(scene: &Arc<Scene>, directory: &Path, file: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        // For the names, and for constants that call functions of tests.
        let world = World::new(Arc::clone(scene), "", None);
        let script = scene.set.script(functions::module(&world), &limits(), file, text)?;
        let functions = script.functions();
        let tests: Vec<_> = functions.into_iter().filter(|function| function.name.starts_with(PREFIX)).collect();
        let stored = Stored::read(directory, file).map_err(|error| error.problems)?;
        let names = tests.iter().map(|test| test.name.clone()).collect();
        Ok(Self { script, tests, names, stored })
    }

    /// The problem of a test that cannot be called.
    fn with_parameters(&self) -> Option<Impossible> {
        let test = self.tests.iter().find(|test| test.parameters > 0)?;
        Some(Impossible {
            message: format!("{}:{}: the test `{}` has parameters", self.script.file, test.line, test.name),
            hint: "a test is called without; functions that help tests have names without `test_`".to_owned(),
        })
    }

    fn run(&self, scene: &Arc<Scene>, test: &ScriptFunction, accept: bool) -> (TestResult, Remains) {
        let began = Instant::now();
        let world = World::new(Arc::clone(scene), &test.name, (!accept).then(|| self.stored.values()));
        let functions = functions::module(&world);
        let call = Call { function: test, functions, host: world.host(), patience: PATIENCE };
        let called = scene.set.call(&self.script, call);
        let mut remains = world.remains();
        let failed = remains.failure.take().map(|failed| failure(&self.script, failed));
        let failure = failed.or_else(|| called.failure.map(Failure::from));
        let result = TestResult {
            file: self.script.file.clone(),
            line: test.line,
            function: test.name.clone(),
            title: test.comment.clone().unwrap_or_else(|| test.name.clone()),
            took: began.elapsed(),
            failure,
            printed: called.printed,
            logs: logs(&remains),
        };
        (result, remains)
    }
}

fn failure(script: &Script, failed: Failed) -> Failure {
    let file = failed.file.as_deref().unwrap_or(&script.file);
    let spot = script.spot(file, failed.position(), &failed.message);
    Failure { spot, code: None, message: failed.message, details: failed.details, hint: failed.hint }
}

/// What the actions printed, each line with its action.
fn logs(remains: &Remains) -> Vec<String> {
    let actions = remains.decisions.iter().flat_map(|decision| &decision.trace.actions);
    actions.flat_map(|action| action.logs.iter().map(|line| format!("{}: {line}", action.action))).collect()
}
