//! The helpers a script may call. Each is one operation, whatever the length of the lists.

use rhai::{Array, Dynamic, EvalAltResult, ImmutableString};

use crate::dispatch::MAX_DAYS;
use crate::error::{HelperFault, quote};
use crate::host::{CandidateHost, ChainHost, Given, ListHost, LoadHost, Nobody, PlaceHost, RecordHost, Share};
use crate::input::CandidateKind;
use crate::trace::Step;

type Answer<T> = Result<T, Box<EvalAltResult>>;

/// Helpers called by name; no variable or parameter may hide them.
pub(crate) const CALLED: [&str; 7] = ["least_load", "to", "none", "percent", "scaled", "blank", "includes"];

/// Helpers called on `candidates`, `chain` and `load`; no function may replace them.
const METHODS: [&str; 10] =
    ["governing", "serving", "with_tag", "in_place", "staff", "orgs", "first", "len", "at", "of"];

/// Whether a function of this name would replace a helper.
pub(crate) fn is_helper(name: &str) -> bool {
    CALLED.contains(&name) || METHODS.contains(&name)
}

/// Makes all helpers known to an engine.
pub(crate) fn register(engine: &mut rhai::Engine) {
    register_records(engine);
    register_chain(engine);
    register_candidates(engine);
    register_answers(engine);
    register_values(engine);
}

fn register_records(engine: &mut rhai::Engine) {
    engine
        .register_type_with_name::<RecordHost>("record")
        .register_get("id", |record: &mut RecordHost| record.0.id.clone())
        .register_get("class", |record: &mut RecordHost| record.0.class.clone())
        .register_indexer_get(|record: &mut RecordHost, key: ImmutableString| -> Answer<Dynamic> {
            match record.0.attributes.get(key.as_str()) {
                None | Some(serde_json::Value::Null) => Ok(Dynamic::UNIT),
                Some(serde_json::Value::String(text)) => Ok(text.as_str().into()),
                Some(serde_json::Value::Bool(flag)) => Ok((*flag).into()),
                Some(value) => rhai::serde::to_dynamic(value),
            }
        });
}

fn register_chain(engine: &mut rhai::Engine) {
    engine
        .register_type_with_name::<ChainHost>("chain")
        .register_fn("len", |chain: &mut ChainHost| chain.0.chain.places().len() as i64)
        .register_fn("at", |chain: &mut ChainHost, level: &str| match chain.0.chain.at(level) {
            Some(index) => Dynamic::from(PlaceHost { run: chain.0.clone(), index }),
            None => Dynamic::UNIT,
        })
        .register_indexer_get(|chain: &mut ChainHost, index: i64| -> Answer<PlaceHost> {
            match usize::try_from(index).ok().filter(|i| *i < chain.0.chain.places().len()) {
                Some(index) => Ok(PlaceHost { run: chain.0.clone(), index }),
                None => HelperFault::raise("no-such-index", vec![("index", index.to_string())]),
            }
        });
    engine
        .register_type_with_name::<PlaceHost>("place")
        .register_get("id", |place: &mut PlaceHost| place.place().id.clone())
        .register_get("level", |place: &mut PlaceHost| place.place().level.clone())
        .register_get("name", |place: &mut PlaceHost| place.place().name.clone())
        .register_get("kind", |place: &mut PlaceHost| place.place().kind.clone())
        .register_get("governing_org", |place: &mut PlaceHost| {
            place.place().governing_org.clone().map_or(Dynamic::UNIT, Into::into)
        });
}

fn register_candidates(engine: &mut rhai::Engine) {
    engine
        .register_type_with_name::<ListHost>("candidates")
        .register_fn("governing", governing)
        .register_fn("serving", serving)
        .register_fn("with_tag", |list: &mut ListHost, tag: &str| {
            let left = list.filter(|candidate| candidate.has(tag));
            list.run.note(|| Step::WithTag { tag: quote(tag), left: left.picked.len() });
            left
        })
        .register_fn("in_place", |list: &mut ListHost, place: &str| {
            let left = list.filter(|candidate| candidate.place.as_deref() == Some(place));
            list.run.note(|| Step::InPlace { place: quote(place), left: left.picked.len() });
            left
        })
        .register_fn("of", |list: &mut ListHost, org: &str| list.filter(|candidate| candidate.org == org))
        .register_fn("staff", |list: &mut ListHost| list.filter(|candidate| candidate.kind == CandidateKind::Staff))
        .register_fn("orgs", |list: &mut ListHost| list.filter(|candidate| candidate.kind == CandidateKind::Org))
        .register_fn("len", |list: &mut ListHost| list.picked.len() as i64)
        .register_fn("first", |list: &mut ListHost| {
            let all = list.run.candidates.all();
            let first = list.picked.iter().copied().min_by_key(|index| &all[*index].id);
            first.map_or(Dynamic::UNIT, |index| Dynamic::from(list.candidate(index)))
        })
        .register_fn("least_load", least_load)
        .register_indexer_get(|list: &mut ListHost, index: i64| -> Answer<CandidateHost> {
            match usize::try_from(index).ok().and_then(|i| list.picked.get(i)) {
                Some(index) => Ok(list.candidate(*index)),
                None => HelperFault::raise("no-such-index", vec![("index", index.to_string())]),
            }
        });
    let texts = |texts: &[String]| -> Array { texts.iter().map(|t| t.as_str().into()).collect() };
    engine
        .register_type_with_name::<CandidateHost>("candidate")
        .register_get("id", |one: &mut CandidateHost| one.candidate().id.clone())
        .register_get("name", |one: &mut CandidateHost| one.candidate().name.clone())
        .register_get("org", |one: &mut CandidateHost| one.candidate().org.clone())
        .register_get("grid", |one: &mut CandidateHost| one.candidate().grid)
        .register_get("kind", |one: &mut CandidateHost| match one.candidate().kind {
            CandidateKind::Staff => "staff",
            CandidateKind::Org => "org",
        })
        .register_get("place", |one: &mut CandidateHost| {
            one.candidate().place.clone().map_or(Dynamic::UNIT, Into::into)
        })
        .register_get("tags", move |one: &mut CandidateHost| texts(&one.candidate().tags))
        .register_get("posts", move |one: &mut CandidateHost| texts(&one.candidate().posts));
    engine.register_type_with_name::<LoadHost>("load").register_fn("of", |load: &mut LoadHost, one: CandidateHost| {
        i64::try_from(load.0.load_of(&one.candidate().id)).unwrap_or(i64::MAX)
    });
}

/// The candidate that is the organization governing the place at a level, or `()`.
fn governing(list: &mut ListHost, level: &str) -> Dynamic {
    let run = &list.run;
    let place = run.chain.at(level).map(|index| &run.chain.places()[index]);
    let org = place.and_then(|place| place.governing_org.as_deref());
    let all = run.candidates.all();
    let found = list
        .picked
        .iter()
        .copied()
        .find(|index| all[*index].kind == CandidateKind::Org && Some(all[*index].id.as_str()) == org);
    run.note(|| Step::Governing {
        level: quote(level),
        place: place.map(|place| place.name.clone()),
        found: found.map(|index| all[index].name.clone()),
    });
    found.map_or(Dynamic::UNIT, |index| Dynamic::from(list.candidate(index)))
}

/// Staff of the organization governing the place at a level, and staff working in that place.
fn serving(list: &mut ListHost, level: &str) -> ListHost {
    let run = &list.run;
    let place = run.chain.at(level).map(|index| &run.chain.places()[index]);
    let left = list.filter(|candidate| {
        let Some(place) = place else { return false };
        candidate.kind == CandidateKind::Staff
            && (Some(&candidate.org) == place.governing_org.as_ref() || candidate.place.as_ref() == Some(&place.id))
    });
    run.note(|| Step::Serving {
        level: quote(level),
        place: place.map(|place| place.name.clone()),
        left: left.picked.len(),
    });
    left
}

/// Who of a list holds least; ties by id; `()` of an empty list.
#[expect(clippy::needless_pass_by_value, reason = "the interpreter hands arguments over")]
fn least_load(list: &mut ListHost, load: LoadHost) -> Dynamic {
    let all = list.run.candidates.all();
    let found = list.picked.iter().copied().min_by_key(|index| {
        let id = &all[*index].id;
        (load.0.load_of(id), id)
    });
    list.run.note(|| Step::LeastLoad {
        among: list.picked.len(),
        found: found.map(|index| all[index].name.clone()),
        load: found.map_or(0, |index| load.0.load_of(&all[index].id)),
    });
    found.map_or(Dynamic::UNIT, |index| Dynamic::from(list.candidate(index)))
}

fn register_answers(engine: &mut rhai::Engine) {
    engine
        .register_type_with_name::<Given>("dispatch")
        .register_type_with_name::<Nobody>("nobody")
        .register_type_with_name::<Share>("percent")
        .register_fn("to", |one: CandidateHost| give(one, None))
        .register_fn("to", |one: CandidateHost, days: i64| -> Answer<Given> {
            match u32::try_from(days).ok().filter(|days| (1..=MAX_DAYS).contains(days)) {
                Some(days) => Ok(give(one, Some(days))),
                None => HelperFault::raise(
                    "days-out-of-range",
                    vec![("got", days.to_string()), ("limit", MAX_DAYS.to_string())],
                ),
            }
        })
        .register_fn("to", |(): ()| -> Answer<Given> { HelperFault::raise("to-nobody", vec![]) })
        .register_fn("to", |(): (), _days: i64| -> Answer<Given> { HelperFault::raise("to-nobody", vec![]) })
        .register_fn("none", |reason: &str| Nobody(quote(reason)))
        .register_fn("percent", percent);
}

fn give(to: CandidateHost, days: Option<u32>) -> Given {
    to.run.note(|| Step::To { name: to.candidate().name.clone(), working_days: days });
    Given { to, days }
}

/// A share in hundredths of a percent, rounded half up; of nothing there is no share.
fn percent(part: i64, whole: i64) -> Answer<Share> {
    if whole == 0 {
        return Ok(Share(None));
    }
    let scaled = i128::from(part) * 20_000 + i128::from(whole);
    let points = scaled.div_euclid(2 * i128::from(whole));
    match i64::try_from(points) {
        Ok(points) => Ok(Share(Some(points))),
        Err(_) => HelperFault::raise("percent-too-large", vec![("part", part.to_string())]),
    }
}

fn register_values(engine: &mut rhai::Engine) {
    engine
        .register_fn("blank", |value: Dynamic| {
            value.is_unit()
                || value.as_immutable_string_ref().is_ok_and(|text| text.trim().is_empty())
                || value.as_array_ref().is_ok_and(|list| list.is_empty())
        })
        .register_fn("includes", |value: Dynamic, part: Dynamic| {
            if let Ok(text) = value.as_immutable_string_ref() {
                return part.as_immutable_string_ref().is_ok_and(|part| text.contains(part.as_str()));
            }
            value.as_array_ref().is_ok_and(|list| list.iter().any(|one| same(one, &part)))
        })
        .register_fn("scaled", scaled);
}

fn same(left: &Dynamic, right: &Dynamic) -> bool {
    if let (Ok(left), Ok(right)) = (left.as_int(), right.as_int()) {
        return left == right;
    }
    if let (Ok(left), Ok(right)) = (left.as_bool(), right.as_bool()) {
        return left == right;
    }
    match (left.as_immutable_string_ref(), right.as_immutable_string_ref()) {
        (Ok(left), Ok(right)) => *left == *right,
        _ => false,
    }
}

/// A number, or a number written as text, as a whole number of its smallest unit: exact, so more
/// decimals than `scale` are an error, not a rounding.
fn scaled(value: Dynamic, scale: i64) -> Answer<i64> {
    let text = match (value.as_int(), value.as_float()) {
        (Ok(whole), _) => whole.to_string(),
        (_, Ok(decimal)) => decimal.to_string(),
        _ => value.into_string().unwrap_or_default(),
    };
    match smallest_units(text.trim(), scale) {
        Some(amount) => Ok(amount),
        None => HelperFault::raise("not-scalable", vec![("got", text), ("scale", scale.to_string())]),
    }
}

fn smallest_units(number: &str, scale: i64) -> Option<i64> {
    let width = usize::try_from(scale).ok().filter(|scale| *scale <= 6)?;
    let (digits, sign) = number.strip_prefix('-').map_or((number, ""), |rest| (rest, "-"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || fraction.len() > width {
        return None;
    }
    format!("{sign}{whole}{fraction:0<width$}").parse().ok()
}
