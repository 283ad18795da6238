//! Recordings as they come in: lines of a file, filtered, replayed on several threads, and told in their order.

use std::io::{self, BufRead, Read as _};
use std::ops::ControlFlow;

use super::in_order::in_order;
use super::recorded::{Recorded, Unreadable};
use super::{Login, Replay};
use crate::flow::Trigger;

/// Bytes of a line; an exported trace has 256 KiB at most.
const MAX_LINE: usize = 4 * 1024 * 1024;

/// Which recordings, and on how many threads.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Only logins at this client.
    pub client_id: Option<String>,
    /// Only these.
    pub trigger: Option<Trigger>,
    /// At most so many.
    pub limit: Option<usize>,
    /// Threads.
    pub jobs: usize,
}

/// Why a replay ends before its end. The number of the line is from 1.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// It cannot be read.
    #[error("line {0}: {1}")]
    Read(usize, io::Error),
    /// It is no recording.
    #[error("line {0}: {1}")]
    Line(usize, Unreadable),
}

/// The lines of a file, one at a time.
#[derive(Debug)]
pub struct Lines<R>(pub R);

impl<R: BufRead> Iterator for Lines<R> {
    type Item = io::Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = Vec::new();
        match self.0.by_ref().take(MAX_LINE as u64 + 1).read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(read) if read > MAX_LINE => {
                Some(Err(io::Error::new(io::ErrorKind::InvalidData, format!("the line is longer than {MAX_LINE} bytes"))))
            }
            Ok(_) => {
                let text = String::from_utf8(line);
                Some(text.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the line is not UTF-8")))
            }
            Err(error) => Some(Err(error)),
        }
    }
}

impl Wanted {
    fn fits(&self, recorded: &Recorded) -> bool {
        self.client_id.as_ref().is_none_or(|wanted| *wanted == recorded.client_id)
            && self.trigger.is_none_or(|wanted| wanted == recorded.recording.trigger)
    }
}

impl Replay<'_> {
    /// Decides every recording again that is wanted, and tells each in order. Empty lines are none.
    ///
    /// # Errors
    /// The first line that cannot be read; those before it were told.
    pub fn lines(
        &self,
        lines: impl Iterator<Item = io::Result<String>> + Send,
        wanted: &Wanted,
        mut tell: impl FnMut(&Login) + Send,
    ) -> Result<(), Broken> {
        let (mut told, mut broken) = (0, None);
        let left = |told: usize| wanted.limit.is_none_or(|limit| told < limit);
        if !left(0) {
            return Ok(());
        }
        let numbered = lines.enumerate().map(|(index, line)| (index + 1, line));
        let work = |(number, line): (usize, io::Result<String>)| self.line(number, line, wanted);
        in_order(numbered, wanted.jobs, work, |result| {
            match result {
                Ok(None) => return ControlFlow::Continue(()),
                Ok(Some(login)) => tell(&login),
                Err(error) => {
                    broken = Some(error);
                    return ControlFlow::Break(());
                }
            }
            told += 1;
            if left(told) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        broken.map_or(Ok(()), Err)
    }

    fn line(&self, number: usize, line: io::Result<String>, wanted: &Wanted) -> Result<Option<Login>, Broken> {
        let line = line.map_err(|error| Broken::Read(number, error))?;
        let line = line.trim_end();
        if line.is_empty() {
            return Ok(None);
        }
        let recorded = Recorded::read(line).map_err(|error| Broken::Line(number, error))?;
        Ok(wanted.fits(&recorded).then(|| self.login(recorded, line)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_one_at_a_time_and_never_more_than_memory_holds() {
        let lines: Vec<_> = Lines("a\n\nb".as_bytes()).map(Result::unwrap).collect();
        assert_eq!(lines, ["a\n", "\n", "b"]);
        let long = vec![b'x'; MAX_LINE + 2];
        assert!(Lines(&*long).next().unwrap().unwrap_err().to_string().contains("longer than"));
        assert!(Lines(&b"\xff\n"[..]).next().unwrap().unwrap_err().to_string().contains("UTF-8"));
    }
}
