//! Filters and functions of the templates that depend on the reader's language.

use std::fmt::Write as _;

use fluent_bundle::{FluentArgs, FluentValue};
use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind};

use crate::{Lang, assets, texts};

/// Puts a comma between groups of three digits of a decimal number's whole part.
/// Anything that is not a plain decimal number comes back unchanged.
pub fn group_thousands(number: &str) -> String {
    let (sign, rest) = match number.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", number),
    };
    let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    if whole.is_empty() || !whole.bytes().all(|b| b.is_ascii_digit()) {
        return number.to_owned();
    }
    let mut out = String::with_capacity(number.len() + whole.len() / 3);
    out.push_str(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// Whole percent of `done` in `total`, rounded down so that 100 means all of it;
/// zero of zero is 0.
pub fn percent_of(done: i64, total: i64) -> i64 {
    if total <= 0 {
        return 0;
    }
    let ratio = i128::from(done.max(0)) * 100 / i128::from(total);
    ratio.min(100) as i64
}

/// The step of the one-hue completion scale for a percentage.
fn scale(percent: f64) -> &'static str {
    // Seven steps; the last only from 90 on, as in the pictures.
    match percent {
        p if p < 15.0 => "s0",
        p if p < 35.0 => "s1",
        p if p < 50.0 => "s2",
        p if p < 65.0 => "s3",
        p if p < 80.0 => "s4",
        p if p < 90.0 => "s5",
        _ => "s6",
    }
}

/// The date part of an ISO date or date-time as (year, month, day), when it has one.
fn parts(iso: &str) -> Option<(&str, u8, u8)> {
    let date = iso.get(..10)?;
    let mut pieces = date.split('-');
    let year = pieces.next().filter(|y| y.len() == 4)?;
    let month = pieces.next()?.parse().ok().filter(|m| (1..=12).contains(m))?;
    let day = pieces.next()?.parse().ok().filter(|d| (1..=31).contains(d))?;
    Some((year, month, day))
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A date in a sentence: `11 月 23 日` or `23 Nov`; what is no date stays as it is.
fn day(lang: Lang, iso: &str) -> String {
    match (parts(iso), lang) {
        (None, _) => iso.to_owned(),
        (Some((_, month, day)), Lang::ZhCn) => format!("{month} 月 {day} 日"),
        (Some((_, month, day)), Lang::En) => {
            format!("{day} {}", MONTHS[usize::from(month) - 1])
        }
    }
}

/// Percent-encodes a query component (RFC 3986 unreserved characters stay).
fn encode(out: &mut String, raw: &str) {
    for byte in raw.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// `?key=value&…` from the current parameters with some replaced; a value of
/// none or an empty text removes the parameter. Never empty: `?` resets a page.
fn url_query(params: &Value, changes: &Kwargs) -> Result<String, Error> {
    let mut pairs: Vec<(String, Value)> = Vec::new();
    if params.kind() == ValueKind::Map {
        for key in params.try_iter()? {
            pairs.push((key.to_string(), params.get_item(&key)?));
        }
    }
    for name in changes.args() {
        let value: Value = changes.peek(name)?;
        match pairs.iter_mut().find(|(key, _)| key == name) {
            Some(pair) => pair.1 = value,
            None => pairs.push((name.to_owned(), value)),
        }
    }
    let mut out = String::from("?");
    for (key, value) in pairs {
        let raw = if value.is_none() { String::new() } else { value.to_string() };
        if raw.is_empty() {
            continue;
        }
        if out.len() > 1 {
            out.push('&');
        }
        encode(&mut out, &key);
        out.push('=');
        encode(&mut out, &raw);
    }
    Ok(out)
}

/// Fills a text; an unknown key is an error while developing and shows the key
/// to a reader otherwise.
fn translate(lang: Lang, key: &str, args: &Kwargs) -> Result<String, Error> {
    let mut fluent_args = FluentArgs::new();
    for name in args.args() {
        let value: Value = args.peek(name)?;
        let fluent = match value.as_i64() {
            Some(number) if value.is_number() => FluentValue::from(number),
            _ if value.is_number() => match value.to_string().parse::<f64>() {
                Ok(number) => FluentValue::from(number),
                Err(_) => FluentValue::from(value.to_string()),
            },
            _ if value.is_none() => FluentValue::from(String::new()),
            _ => FluentValue::from(value.to_string()),
        };
        fluent_args.set(name.to_owned(), fluent);
    }
    match texts::find(lang, key, &fluent_args) {
        Some(text) => Ok(text),
        None if cfg!(debug_assertions) => {
            Err(Error::new(ErrorKind::InvalidOperation, format!("no text {key:?} in {}", lang.tag())))
        }
        None => Ok(key.to_owned()),
    }
}

fn icon(name: &str) -> Result<Value, Error> {
    if cfg!(debug_assertions) && !assets::has_icon(name) {
        return Err(Error::new(ErrorKind::InvalidOperation, format!("no icon {name:?} in the sprite")));
    }
    // Names come from templates; escaping them anyway costs nothing.
    let safe: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    let sprite = assets::asset_url("icons.svg");
    Ok(Value::from_safe_string(format!(
        r#"<svg class="icon" width="18" height="18" aria-hidden="true" focusable="false"><use href="{sprite}#{safe}"/></svg>"#
    )))
}

/// Adds everything to an environment whose pages are read in `lang`.
pub(crate) fn install(env: &mut Environment<'static>, lang: Lang) {
    env.add_function("t", move |key: &str, args: Kwargs| translate(lang, key, &args));
    env.add_function("asset", |name: &str| assets::asset_url(name));
    env.add_function("icon", icon);
    env.add_function("url_query", |params: &Value, changes: Kwargs| url_query(params, &changes));
    env.add_function("percent_of", percent_of);
    env.add_function("scale", scale);
    env.add_filter(
        "number",
        |value: &Value| {
            if value.is_none() { "–".to_owned() } else { group_thousands(&value.to_string()) }
        },
    );
    env.add_filter("percent", |value: &Value| if value.is_none() { "–".to_owned() } else { format!("{value}%") });
    env.add_filter("date", |value: &Value| match value.as_str() {
        Some(iso) => iso.get(..10).unwrap_or(iso).to_owned(),
        None => "–".to_owned(),
    });
    env.add_filter("day", move |value: &Value| match value.as_str() {
        Some(iso) => day(lang, iso),
        None => "–".to_owned(),
    });
    env.add_filter("pick", move |map: &Value| pick(lang, map));
}

/// A language map in the reader's language; a plain text stays as it is.
fn pick(lang: Lang, map: &Value) -> Result<Value, Error> {
    if map.kind() != ValueKind::Map {
        return Ok(map.clone());
    }
    for tag in [lang.tag(), Lang::ZhCn.tag()] {
        let found = map.get_attr(tag)?;
        if !found.is_undefined() && !found.is_none() {
            return Ok(found);
        }
    }
    match map.try_iter()?.next() {
        Some(key) => map.get_item(&key),
        None => Ok(Value::from("")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands() {
        for (raw, grouped) in [
            ("0", "0"),
            ("999", "999"),
            ("1000", "1,000"),
            ("-1234567.50", "-1,234,567.50"),
            ("三", "三"),
            ("1e9", "1e9"),
        ] {
            assert_eq!(group_thousands(raw), grouped);
        }
    }

    #[test]
    fn percent_is_full_only_when_all_is_done() {
        assert_eq!(percent_of(999, 1000), 99);
        assert_eq!(percent_of(1000, 1000), 100);
        assert_eq!(percent_of(0, 0), 0);
        assert_eq!(percent_of(i64::MAX, i64::MAX), 100);
        assert_eq!(percent_of(-3, 10), 0);
    }

    #[test]
    fn dates_of_sentences() {
        assert_eq!(day(Lang::ZhCn, "2026-11-23"), "11 月 23 日");
        assert_eq!(day(Lang::En, "2026-11-03T09:00:00+08:00"), "3 Nov");
        assert_eq!(day(Lang::En, "someday"), "someday");
        assert_eq!(day(Lang::En, "2026-13-01"), "2026-13-01");
    }

    #[test]
    fn queries_replace_and_remove() {
        let mut env = Environment::new();
        install(&mut env, Lang::En);
        let render = |source: &str| env.render_str(source, Value::from(())).unwrap();
        assert_eq!(
            render(r#"{{ url_query({"q": "独 居", "page": 3}, page=none, sort="a&b") }}"#),
            "?q=%E7%8B%AC%20%E5%B1%85&sort=a%26b"
        );
        assert_eq!(render("{{ url_query({}, page=2) }}"), "?page=2");
        assert_eq!(render("{{ url_query({}) }}"), "?");
    }
}
