//! The expression engine and its built-in functions, with the names that Artillery's users know.
//!
//! Whatever is random is drawn from the iteration that evaluates, so that a seed repeats it.

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};
use rand::RngExt;
use rand::distr::{Alphanumeric, SampleString};

use super::chance::{SplitMix, draw_lent};
use super::people;
use crate::clock;

/// An expression may take this many engine steps; a loop in one would otherwise never end.
const FUEL: u64 = 50_000;
/// Random text is not made longer than this.
const LONGEST: usize = 65_536;
/// What `$randomString()` has without a length.
const USUAL_LENGTH: usize = 10;
const DAY_SECONDS: i64 = 86_400;

/// Functions that may be written without their parentheses, as Artillery's built-in variables are.
pub const BARE: [&str; 9] = [
    "__uuid",
    "__name",
    "__firstName",
    "__lastName",
    "__email",
    "__username",
    "__sentence",
    "__now",
    "__epochMicros",
];

/// The engine.
pub static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_fuel(Some(FUEL));
    // It allocates whatever it is asked for.
    engine.remove_filter("indent");
    add_numbers(&mut engine);
    add_people(&mut engine);
    add_times(&mut engine);
    engine
});

fn add_numbers(engine: &mut Environment<'static>) {
    let whole = |low: i64, high: i64| draw_lent(|chance| chance.random_range(low.min(high)..=high.max(low)));
    engine.add_function("__randomNumber", whole);
    engine.add_function("__randomInt", whole);
    engine.add_function("__randomFloat", |low: f64, high: f64| {
        draw_lent(|chance| low + (high - low) * chance.random::<f64>())
    });
    engine.add_function("__randomBool", || draw_lent(RngExt::random::<bool>));
    engine.add_function("__randomString", |length: Option<usize>| {
        let length = length.unwrap_or(USUAL_LENGTH).min(LONGEST);
        draw_lent(|chance| Alphanumeric.sample_string(chance, length))
    });
    engine.add_function("__randomHex", |digits: Option<usize>| random_hex(digits.unwrap_or(USUAL_LENGTH)));
    engine.add_function("__randomItem", random_item);
    engine.add_function("__uuid", || {
        draw_lent(|chance| uuid::Builder::from_random_bytes(chance.random()).into_uuid().to_string())
    });
}

fn random_hex(digits: usize) -> String {
    let digit = |chance: &mut SplitMix| char::from_digit(chance.random_range(0..16), 16).unwrap_or('0');
    draw_lent(|chance| (0..digits.min(LONGEST)).map(|_| digit(chance)).collect())
}

fn random_item(list: &Value) -> Result<Value, Error> {
    let items: Vec<Value> = list.try_iter()?.collect();
    if items.is_empty() {
        return Err(Error::new(ErrorKind::InvalidOperation, "$randomItem needs a list that is not empty"));
    }
    Ok(items[draw_lent(|chance| chance.random_range(0..items.len()))].clone())
}

fn add_people(engine: &mut Environment<'static>) {
    engine.add_function("__firstName", || draw_lent(people::first_name));
    engine.add_function("__lastName", || draw_lent(people::last_name));
    engine.add_function("__name", || draw_lent(people::name));
    engine.add_function("__username", || draw_lent(people::username));
    engine.add_function("__email", || draw_lent(people::email));
    engine.add_function("__sentence", |words: Option<usize>| {
        draw_lent(|chance| people::sentence(chance, words))
    });
}

fn add_times(engine: &mut Environment<'static>) {
    engine.add_function("__epochMicros", epoch_micros);
    engine.add_function("__now", || timestamp(epoch_seconds()));
    engine.add_function("__date", |days: Option<i64>| {
        let seconds = days.unwrap_or(0).saturating_mul(DAY_SECONDS).saturating_add(epoch_seconds());
        timestamp(seconds).map(|text| text.chars().take("2026-01-01".len()).collect::<String>())
    });
}

fn epoch_seconds() -> i64 {
    i64::try_from(epoch_micros() / 1_000_000).unwrap_or(i64::MAX)
}

/// Microseconds since 1970, for delivery times.
pub fn epoch_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// As RFC 3339 has it, in UTC.
fn timestamp(seconds: i64) -> Result<String, Error> {
    let too_far = || Error::new(ErrorKind::InvalidOperation, "$date is too many days away");
    let days = seconds.div_euclid(DAY_SECONDS);
    // Years of four digits, as the format wants them.
    if !(-719_468..=2_932_896).contains(&days) {
        return Err(too_far());
    }
    clock::at(seconds).ok_or_else(too_far)
}

#[cfg(test)]
mod tests {
    use super::timestamp;

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(timestamp(0).unwrap(), "1970-01-01T00:00:00Z");
        assert_eq!(timestamp(951_827_696).unwrap(), "2000-02-29T12:34:56Z");
        assert_eq!(timestamp(1_798_761_599).unwrap(), "2026-12-31T23:59:59Z");
        assert!(timestamp(i64::MAX).is_err());
    }
}
