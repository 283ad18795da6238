//! Bounds of a file's shape, kept while the parser reads it.
//!
//! Some of what the parser does grows with the square of what is counted here: 64 KiB of nothing but `let` took seconds. The
//! counts are far above those of a file that somebody wrote, and what exceeds them is refused at its place.

use std::sync::atomic::{AtomicUsize, Ordering};

use rhai::{Engine, LexError, Position, Token};

use super::Limits;
use super::memory::Budget;

/// Bytes of a file for each of its words and symbols, at least; four are what dense code has.
const BYTES_PER_TOKEN: usize = 4;
/// Variables that one function declares, or the top level before it.
const VARIABLES: usize = 256;
/// Names that stand in a row, with commas between them: parameters.
const NAMES: usize = 64;

/// What to do about any of them.
pub(super) const HINT: &str = "split the file or the function, or pass a map instead of many arguments";

/// What has been read so far.
#[derive(Debug, Default)]
struct Counts {
    tokens: AtomicUsize,
    variables: AtomicUsize,
    names: AtomicUsize,
}

/// Lets the next `compile` of the engine end with an error when the file exceeds the bounds, or the thread its memory.
#[expect(deprecated, reason = "not deprecated but marked as volatile; the version is pinned")]
pub(super) fn watch(engine: &mut Engine, limits: &Limits) {
    let (counts, budget) = (Counts::default(), Budget::begin(limits.max_memory));
    let tokens = limits.max_file_size / BYTES_PER_TOKEN;
    engine.on_parse_token(move |token, _: Position, _| match counts.exceeded_by(&token, tokens) {
        // Between the parts of a text the parser expects the next part and nothing else: what follows is refused.
        _ if matches!(token, Token::StringConstant(_) | Token::InterpolatedString(_) | Token::LexError(_)) => token,
        Some(message) => refused(&message),
        None if budget.exceeded() => refused("the file needs too much memory to be compiled"),
        None => token,
    });
}

fn refused(message: &str) -> Token {
    Token::LexError(Box::new(LexError::Runtime(message.to_owned())))
}

impl Counts {
    /// Counts the token; what there is too much of now, if anything.
    fn exceeded_by(&self, token: &Token, tokens: usize) -> Option<String> {
        match token {
            Token::Fn => self.variables.store(0, Ordering::Relaxed),
            Token::Let | Token::Const | Token::For if one_more(&self.variables) > VARIABLES => {
                return Some(format!("more than {VARIABLES} variables are declared in a row"));
            }
            _ => {}
        }
        match token {
            Token::Identifier(_) if one_more(&self.names) > NAMES => {
                return Some(format!("more than {NAMES} names stand in a row"));
            }
            Token::Identifier(_) | Token::Comma => {}
            _ => self.names.store(0, Ordering::Relaxed),
        }
        (one_more(&self.tokens) > tokens).then(|| format!("the file has more than {tokens} words and symbols"))
    }
}

/// Only the thread that compiles counts.
fn one_more(count: &AtomicUsize) -> usize {
    count.fetch_add(1, Ordering::Relaxed) + 1
}
