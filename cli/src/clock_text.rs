//! Times as RFC 3339 text.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

/// Returns milliseconds since the epoch as text in UTC, always of the same width.
pub(crate) fn from_milliseconds(milliseconds: u64) -> String {
    let time = i64::try_from(milliseconds)
        .ok()
        .and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok());
    time.map_or_else(|| "beyond time".into(), |time| format!("{time:.3}"))
}

/// Returns microseconds since the epoch as text in UTC.
pub(crate) fn from_microseconds(microseconds: i64) -> Option<String> {
    let time = Timestamp::from_microsecond(microseconds).ok()?;
    Some(format!("{time:.6}"))
}

/// Returns seconds since the epoch as text in the zone whose offset is written as `+hhmm`, as git
/// writes it. A time that no calendar has gives none; an offset that makes no sense counts as UTC.
pub(crate) fn from_git(seconds: i64, offset: &str) -> Option<String> {
    let time = Timestamp::from_second(seconds).ok()?;
    let zone = offset_of(offset).unwrap_or(Offset::UTC);
    let text = time.to_zoned(TimeZone::fixed(zone));
    Some(text.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
}

fn offset_of(text: &str) -> Option<Offset> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+')?),
    };
    let number: i32 = digits.parse().ok()?;
    let seconds = sign * (number / 100 * 3600 + number % 100 * 60);
    Offset::from_seconds(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339() {
        assert_eq!(from_milliseconds(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(
            from_microseconds(1_700_000_000_000_001).unwrap(),
            "2023-11-14T22:13:20.000001Z"
        );
        assert_eq!(from_git(0, "+0530").unwrap(), "1970-01-01T05:30:00+05:30");
        assert_eq!(from_git(-1, "-0100").unwrap(), "1969-12-31T22:59:59-01:00");
    }

    #[test]
    fn times_and_offsets_that_make_no_sense_are_survived() {
        assert_eq!(from_git(i64::MAX, "+0000"), None);
        assert_eq!(from_git(0, "+9999").unwrap(), "1970-01-01T00:00:00+00:00");
        assert_eq!(from_git(0, "noon").unwrap(), "1970-01-01T00:00:00+00:00");
        assert_eq!(from_milliseconds(u64::MAX), "beyond time");
    }
}
