//! Hints for hands that are used to JavaScript: what they wrote, and how it is said here.
//!
//! Asked only where something is wrong already. The place of an error is where the parser gave up, which for a foreign
//! construct is the word itself, or just behind it.

use rhai::Position;

/// Parts of Auth0's `api` that are not there.
const MISSING: [&str; 7] = ["authentication", "multifactor", "prompt", "redirect", "rules", "samlResponse", "validation"];

/// What to say to a word.
const WORDS: &[(&str, &str)] = &[
    ("exports", HANDLER),
    ("module", HANDLER),
    ("export", "write `fn` alone: a handler is found by its name"),
    ("function", "a function is `fn name(a, b) { … }`, a function value `|a, b| …`"),
    ("async", "write `fn` alone: every call returns its result, there is nothing to await"),
    ("await", "leave `await` out: every call returns its result"),
    ("require", NO_IMPORT),
    ("import", NO_IMPORT),
    ("undefined", "what is absent is `()`: `if x == () { … }`"),
    ("null", "what is absent is `()`: `if x == () { … }`; setting a metadata key to `()` deletes it"),
    ("var", "use `let` or `const`"),
    ("typeof", "use `type_of(x)`, which is \"string\", \"i64\", \"f64\", \"bool\", \"array\", \"map\" or \"()\""),
    ("instanceof", "use `type_of(x)`, which is \"string\", \"i64\", \"f64\", \"bool\", \"array\", \"map\" or \"()\""),
    ("Error", "throw the text: `throw \"what is wrong\"`"),
    ("UnauthorizedError", "use `api.access.deny(\"reason\")`"),
    ("Date", "points in time are milliseconds: `time::now()`, `time::parse(text)`, `time::format(ms)`"),
    ("new", "there are no classes: values are made as `#{ key: value }` and `[1, 2]`"),
    ("class", "there are no classes: values are made as `#{ key: value }` and `[1, 2]`"),
    ("delete", "use `map.remove(\"key\")`; for metadata of the user `api.user.setUserMetadata(\"key\", ())`"),
    ("finally", "there is no `finally`: write what must happen after the `try`"),
    ("case", SWITCH),
    ("default", SWITCH),
    ("elif", "write `else if`"),
    ("and", "write `&&`"),
    ("or", "write `||`"),
    ("not", "write `!`"),
    ("Boolean", PRESENT),
    ("JSON", "use `json::stringify(value)` and `json::parse(text)`"),
    ("Math", "numbers have methods: `x.floor()`, `x.round()`, `x.abs()`; `min(a, b)`, `max(a, b)`"),
    ("Object", "maps have methods: `map.keys()`, `map.values()`, `a + b` for `Object.assign`"),
    ("Array", "use `isArray(value)`"),
    ("Buffer", "use `base64::encode(text)` and `base64::decode(text)`"),
    ("btoa", "use `base64::encode(text)`"),
    ("atob", "use `base64::decode(text)`"),
    ("encodeURIComponent", "use `url::encode(text)`"),
    ("decodeURIComponent", "use `url::decode(text)`"),
    ("URLSearchParams", "use `url::build_query(map)` and `url::parse_query(text)`"),
    ("crypto", "functions of a namespace are called with `::`, such as `crypto::sha256(text)`"),
    ("process", "secrets of the action are in `event.secrets`"),
    ("fetch", HTTP),
    ("axios", HTTP),
    ("setTimeout", "a login does not wait: there are no timers"),
    ("Promise", "every call returns its result, there is nothing to await"),
    ("callback", "a handler has no callback: it ends with `return`; to refuse, `api.access.deny(\"reason\")`"),
    ("context", "what a Rule had in `context` is in `event`; claims are set with `api.idToken.setCustomClaim(name, value)`"),
    ("configuration", "secrets of the action are in `event.secrets`"),
    ("setClaim", "did you mean `setCustomClaim`?"),
    ("setCustomParam", "did you mean `setCustomParameter`?"),
];

const HANDLER: &str = "define the handler as `fn onExecutePostLogin(event, api) { … }`";
const NO_IMPORT: &str = "there is no `import`: a file `lib/name.rhai` is the namespace `name::`";
const SWITCH: &str = "a switch is `switch x { \"a\" => …, \"b\" | \"c\" => …, _ => … }`, without `case` and `break`";
const CONDITION: &str = "`_` takes no condition: write `if a { … } else if b { … } else { … }`";
const HTTP: &str = "use `http::get(url)` and `http::post(url, body)`; `allow_hosts` of the action says where to";
const CLOSURE: &str = "a function value is `|x| …`: `list.filter(|x| x > 1)`";
const MAP: &str = "a map is `#{ key: value }`, with `#`";
/// What to write instead of a truth that JavaScript would see in a value.
pub(super) const PRESENT: &str =
    "only `true` and `false` are conditions: ask `x != ()` for presence, `x != \"\"` for a text, `x ?? other` for a default";

/// The same where nothing is there: a member that is `true` or missing.
pub(super) const ABSENT: &str = "what is absent is neither true nor false: `!(x ?? false)`, or `x == ()` to ask for absence";

/// What to say to symbols that the place begins with; the longer ones first.
const SYMBOLS: &[(&str, &str)] = &[
    ("===", "write `==`, which never converts"),
    ("!==", "write `!=`, which never converts"),
    ("=>", CLOSURE),
    ("...", "join instead of spreading: `a + b` for lists and maps"),
    ("++", "write `x += 1`"),
    ("--", "write `x -= 1`"),
    ("?", "a condition that yields a value is `if a { b } else { c }`"),
    ("/", "there are no regular expressions: `startsWith`, `endsWith`, `includes`, `split` look into texts"),
    (":", MAP),
    ("'", "a text stands in double quotes; single quotes hold one character"),
    ("\"", "a text over several lines stands in backticks"),
];

/// What a JavaScript author should write instead of what stands at the place; `problem` is the parser's message.
pub(super) fn hint(source: &str, position: Position, problem: &str) -> Option<&'static str> {
    let line = source.lines().nth(position.line()?.checked_sub(1)?)?;
    let at = line.char_indices().nth(position.position()?.saturating_sub(1)).map_or(line.len(), |(at, _)| at);
    let (before, rest) = (line[..at].trim_end(), &line[at..]);
    let word = leading_word(rest);
    let previous = trailing_word(before.strip_suffix('.').unwrap_or(before));
    if matches!(leading_word(line.trim_start()), "exports" | "module") {
        return Some(HANDLER);
    }
    if word == "new" {
        return of_word(leading_word(rest[3..].trim_start())).or_else(|| of_word(word));
    }
    if problem.contains("doc-comment") {
        return Some("`///` and `/**` describe functions; use `//` elsewhere");
    }
    if before.ends_with("function()") || before.contains("(function") {
        return Some(CLOSURE);
    }
    if problem.contains("case cannot have a condition") {
        return Some(CONDITION);
    }
    let by_word = of_word(word).or_else(|| of_word(previous));
    if problem.contains("boolean expression") {
        return by_word.or(Some(PRESENT));
    }
    by_word.or_else(|| of_symbol(rest)).or_else(|| of_situation(before, rest, problem))
}

/// What to say to the object of a method, `JSON` in `JSON.stringify(x)`; the place is the method's.
pub(super) fn of_receiver(source: &str, position: Position) -> Option<&'static str> {
    let line = source.lines().nth(position.line()?.checked_sub(1)?)?;
    let at = line.char_indices().nth(position.position()?.checked_sub(1)?)?.0;
    let receiver = line[..at].strip_suffix('.')?;
    if MISSING.into_iter().any(|part| receiver.strip_suffix(part).is_some_and(|rest| rest.ends_with("api."))) {
        return Some("this part of Auth0's `api` is not there; `api.access.deny(\"reason\")` refuses a login");
    }
    let after = line[at..].trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
    if line[at..].starts_with("length") && after.starts_with('(') {
        return Some("it is a property: `.length` without parentheses");
    }
    of_word(trailing_word(receiver))
}

/// What to say to a name that is not known.
pub(super) fn of_word(word: &str) -> Option<&'static str> {
    WORDS.iter().find(|(own, _)| *own == word).map(|(_, hint)| *hint)
}

fn of_symbol(rest: &str) -> Option<&'static str> {
    SYMBOLS.iter().find(|(symbol, _)| rest.starts_with(symbol)).map(|(_, hint)| *hint)
}

/// Where not a word but its surroundings tell what was meant.
fn of_situation(before: &str, rest: &str, problem: &str) -> Option<&'static str> {
    if before.ends_with("for (") || before.ends_with("for(") {
        return Some("loops are `for x in list { … }`, `for i in 0..3 { … }` and `while a < b { … }`");
    }
    if before.ends_with("??") || before.ends_with("||") || before.ends_with("&&") {
        return Some("write `x = x ?? other`");
    }
    if problem.contains("name of a variable") && rest.starts_with(['{', '[']) {
        return Some("there is no destructuring: `let email = event.user.email;`");
    }
    if problem.contains("'{'") {
        return Some("the body of `if`, `else`, `for` and `while` stands in braces: `if a { b }`");
    }
    if before.contains("=>") || rest.contains("=>") {
        return Some(CLOSURE);
    }
    if problem.contains("separate the arguments") {
        return Some("is a `)` or a `,` missing before it?");
    }
    if problem.contains("separate the items") {
        return Some("is a `,` missing before it, or the bracket that ends the list or map?");
    }
    problem.contains("';'").then_some("does the statement before it end with `;`?")
}

fn leading_word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

fn trailing_word(text: &str) -> &str {
    let start = text
        .rfind(|c: char| !c.is_alphanumeric() && c != '_')
        .map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    &text[start..]
}
