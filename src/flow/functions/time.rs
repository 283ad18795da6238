//! `time::`: points in time are integers, milliseconds since the Unix epoch, as JavaScript's `Date.now()`.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use rhai::{Dynamic, INT, ImmutableString, Map, NativeCallContext};

use super::arguments::{Fallible, fail, handle, integer, text};
use super::description::{Family, Function, Registrar, example};

pub(super) const FAMILY: Family = Family { namespace: Some("time"), functions: FUNCTIONS, register };

const UNITS: &str = "units are milliseconds, seconds, minutes, hours, days, weeks, months, years";

// The clock of the examples stands at 2026-11-21T05:14:34Z.
const FUNCTIONS: &[Function] = &[
    Function::new("now", "time::now() -> integer", "Now.").examples(&[example("time::now()", "1795238074000")]),
    Function::new(
        "now_seconds",
        "time::now_seconds() -> integer",
        "Now in seconds since the Unix epoch, as in the claims `iat` and `exp`.",
    )
    .also(&["nowSeconds"])
    .examples(&[example("time::now_seconds()", "1795238074")]),
    Function::new("now_iso", "time::now_iso() -> string", "Now as ISO 8601 text in UTC.")
        .also(&["nowIso", "nowISO"])
        .examples(&[example("time::now_iso()", r#""2026-11-21T05:14:34.000Z""#)]),
    Function::new("format", "time::format(milliseconds) -> string", "A point in time as ISO 8601 text in UTC.")
        .also(&["iso", "to_iso", "toISOString"])
        .limits("years -9999 to 9999")
        .examples(&[
            example("time::format(0)", r#""1970-01-01T00:00:00.000Z""#),
            example("time::format(1795238074123.0)", r#""2026-11-21T05:14:34.123Z""#),
            example("time::format(9223372036854775807)", "error: time::format: the time is out of range"),
        ]),
    Function::new(
        "parse",
        "time::parse(text) -> integer",
        "The point in time that an ISO 8601 text names, with an offset or `Z`; without one, and for a mere date, UTC is meant.",
    )
    .limits("a text that is none is an error")
    .examples(&[
        example(r#"time::parse("2026-11-21T05:14:34.000Z") == time::now()"#, "true"),
        example(r#"time::parse("2026-11-21T06:14:34+01:00") == time::now()"#, "true"),
        example(r#"time::parse("2026-11-21T05:14:34") == time::now()"#, "true"),
        example(r#"time::format(time::parse("2026-11-21"))"#, r#""2026-11-21T00:00:00.000Z""#),
        example(r#"time::parse("tomorrow")"#, "error: time::parse: `tomorrow` is no ISO 8601 time"),
        example(r#"time::parse("2026-02-30")"#, "error: time::parse: `2026-02-30` is no ISO 8601 time"),
    ]),
    Function::new(
        "parts",
        "time::parts(milliseconds) -> map",
        "The calendar in UTC: `year`, `month` (1 to 12), `day`, `weekday` (0 is Sunday, 6 is Saturday), `hour`, `minute`, `second`.",
    )
    .limits("years -9999 to 9999")
    .examples(&[
        example("time::parts(time::now())", r#"{"day":21,"hour":5,"minute":14,"month":11,"second":34,"weekday":6,"year":2026}"#),
        example("time::parts(0).weekday", "4"),
    ]),
    Function::new(
        "add",
        "time::add(milliseconds, amount, unit) -> integer",
        "A later or, with a negative amount, an earlier point in time. Months and years follow the calendar of UTC.",
    )
    .limits(UNITS)
    .examples(&[
        example(r#"time::format(time::add(time::now(), 36, "hours"))"#, r#""2026-11-22T17:14:34.000Z""#),
        example(r#"time::format(time::add(time::parse("2026-01-31"), 1, "month"))"#, r#""2026-02-28T00:00:00.000Z""#),
        example(r#"time::format(time::add(0, -1, "day"))"#, r#""1969-12-31T00:00:00.000Z""#),
        example(r#"time::add(0, 1, "fortnight")"#, "error: time::add: unknown unit `fortnight`"),
        example(r#"time::add(0, 9223372036854775807, "days")"#, "error: time::add: the time is out of range"),
    ]),
    Function::new(
        "diff",
        "time::diff(later, earlier, unit = \"milliseconds\") -> integer",
        "How many whole units lie between two points in time; negative if `later` is earlier.",
    )
    .limits("milliseconds, seconds, minutes, hours, days (of 24 hours), weeks")
    .examples(&[
        example(r#"time::diff(time::parse("2026-11-21"), time::parse("2026-11-01"), "days")"#, "20"),
        example(r#"time::diff(0, 5400000, "hours")"#, "-1"),
        example("time::diff(5, 3)", "2"),
        example(r#"time::diff(1, 0, "months")"#, "error: time::diff: unknown unit `months`"),
    ]),
];

fn register(library: &mut Registrar<'_>) {
    library
        .add("now", |context: NativeCallContext| -> Fallible<INT> { Ok(handle(&context, "time::now")?.witness.now_ms()) });
    library.add("now_seconds", |context: NativeCallContext| -> Fallible<INT> {
        Ok(handle(&context, "time::now_seconds")?.witness.now_ms().div_euclid(1000))
    });
    library.add("now_iso", |context: NativeCallContext| -> Fallible<ImmutableString> {
        Ok(crate::clock::iso8601(handle(&context, "time::now_iso")?.witness.now_ms()).into())
    });
    library.add("format", format);
    library.add("parse", parse);
    library.add("parts", parts);
    library.add("add", add);
    library.add("diff", |later: Dynamic, earlier: Dynamic| diff(&later, &earlier, "milliseconds"));
    library
        .add("diff", |later: Dynamic, earlier: Dynamic, unit: Dynamic| diff(&later, &earlier, &text("time::diff", &unit)?));
}

fn timestamp(function: &str, milliseconds: &Dynamic) -> Fallible<Timestamp> {
    Timestamp::from_millisecond(integer(function, milliseconds)?).or_else(|_| fail(function, "the time is out of range"))
}

fn format(milliseconds: Dynamic) -> Fallible<ImmutableString> {
    Ok(crate::clock::iso8601(timestamp("time::format", &milliseconds)?.as_millisecond()).into())
}

fn parts(milliseconds: Dynamic) -> Fallible<Map> {
    let utc = timestamp("time::parts", &milliseconds)?.to_zoned(TimeZone::UTC);
    let number = |number: i8| Dynamic::from_int(number.into());
    Ok(Map::from([
        ("year".into(), Dynamic::from_int(utc.year().into())),
        ("month".into(), number(utc.month())),
        ("day".into(), number(utc.day())),
        ("weekday".into(), number(utc.weekday().to_sunday_zero_offset())),
        ("hour".into(), number(utc.hour())),
        ("minute".into(), number(utc.minute())),
        ("second".into(), number(utc.second())),
    ]))
}

pub(crate) fn parse(iso: Dynamic) -> Fallible<INT> {
    let iso = text("time::parse", &iso)?;
    let iso = iso.trim();
    let utc = |local: DateTime| local.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    let parsed = iso
        .parse::<Timestamp>()
        .ok()
        .or_else(|| iso.parse::<DateTime>().ok().and_then(utc))
        .or_else(|| iso.parse::<Date>().ok().and_then(|date| utc(date.at(0, 0, 0, 0))));
    match parsed {
        Some(timestamp) => Ok(timestamp.as_millisecond()),
        // The text may be long and belong to the user: a part of it is enough for the author.
        None => fail("time::parse", format_args!("`{}` is no ISO 8601 time", iso.chars().take(40).collect::<String>())),
    }
}

pub(crate) fn add(milliseconds: Dynamic, amount: Dynamic, unit: Dynamic) -> Fallible<INT> {
    let (start, amount) = (timestamp("time::add", &milliseconds)?, integer("time::add", &amount)?);
    let unit = text("time::add", &unit)?;
    let span = match singular(&unit) {
        "millisecond" | "ms" => Span::new().try_milliseconds(amount),
        "second" => Span::new().try_seconds(amount),
        "minute" => Span::new().try_minutes(amount),
        "hour" => Span::new().try_hours(amount),
        "day" => Span::new().try_days(amount),
        "week" => Span::new().try_weeks(amount),
        "month" => Span::new().try_months(amount),
        "year" => Span::new().try_years(amount),
        _ => return fail("time::add", format_args!("unknown unit `{unit}`; {UNITS}")),
    };
    let end = span.and_then(|span| start.to_zoned(TimeZone::UTC).checked_add(span));
    end.map(|end| end.timestamp().as_millisecond()).or_else(|_| fail("time::add", "the time is out of range"))
}

fn diff(later: &Dynamic, earlier: &Dynamic, unit: &str) -> Fallible<INT> {
    let (later, earlier) = (timestamp("time::diff", later)?, timestamp("time::diff", earlier)?);
    let length = match singular(unit) {
        "millisecond" | "ms" => 1,
        "second" => 1_000,
        "minute" => 60_000,
        "hour" => 3_600_000,
        "day" => 86_400_000,
        "week" => 7 * 86_400_000,
        _ => return fail("time::diff", format_args!("unknown unit `{unit}`; units are milliseconds to weeks")),
    };
    Ok((later.as_millisecond() - earlier.as_millisecond()) / length)
}

/// `days` and `day` are the same unit.
fn singular(unit: &str) -> &str {
    unit.strip_suffix('s').filter(|unit| *unit != "m").unwrap_or(unit)
}
