//! Every text of this crate for people, zh-CN and en side by side.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::texts::TEXTS;
use crate::trace::Step;

/// The reader's language.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lang {
    /// 简体中文
    #[default]
    #[serde(rename = "zh-CN")]
    ZhCn,
    /// English
    #[serde(rename = "en")]
    En,
}

impl Lang {
    /// Chinese unless the tag begins with `en`.
    pub fn from_tag(tag: &str) -> Self {
        if tag.to_ascii_lowercase().starts_with("en") { Self::En } else { Self::ZhCn }
    }

    pub(crate) fn pick<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::ZhCn => zh,
            Self::En => en,
        }
    }
}

/// The text of a key; an unknown key shows itself, so that nothing is ever hidden.
pub(crate) fn text(key: &str, args: &BTreeMap<String, String>, lang: Lang) -> String {
    let Some((_, zh, en)) = TEXTS.iter().find(|(name, ..)| *name == key) else {
        return key.to_owned();
    };
    fill(lang.pick(zh, en), |name| args.get(name).cloned(), lang)
}

/// One pass, so an argument that looks like a placeholder stays what it is.
fn fill(template: &str, value: impl Fn(&str) -> Option<String>, lang: Lang) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let found = after.split_once('}').and_then(|(name, tail)| Some((value(name)?, name, tail)));
        if let Some((value, name, tail)) = found {
            out.push_str(&if name == "reason" { reason(&value, lang) } else { value });
            rest = tail;
        } else {
            out.push('{');
            rest = after;
        }
    }
    out + rest
}

/// The name of a level for people.
pub(crate) fn level(key: &str, lang: Lang) -> String {
    let (zh, en) = match key {
        "community" => ("所在社区", "community"),
        "township" => ("街道（乡镇）", "township"),
        "district" => ("区县", "district"),
        "city" => ("市", "city"),
        other => (other, other),
    };
    lang.pick(zh, en).to_owned()
}

/// The name of a well-known tag; others show themselves.
pub(crate) fn tag(key: &str, lang: Lang) -> String {
    if key == "grid_worker" { lang.pick("网格员", "grid worker").to_owned() } else { key.to_owned() }
}

/// What `none(…)` gave: `key:level:tag` of a generated rule, or an expert's own words.
pub(crate) fn reason(given: &str, lang: Lang) -> String {
    let mut parts = given.splitn(3, ':');
    let key = parts.next().unwrap_or_default();
    let known = ["no-organization", "nobody-with-tag", "no-staff", "no-condition-met", "group-missing"];
    if !known.contains(&key) {
        return given.to_owned();
    }
    let mut args = BTreeMap::new();
    if let Some(part) = parts.next() {
        args.insert("level".to_owned(), level(part, lang));
    }
    if let Some(part) = parts.next() {
        args.insert("tag".to_owned(), tag(part, lang));
    }
    text(key, &args, lang)
}

/// One line of 「为什么派给王强？」.
pub(crate) fn step(step: &Step, lang: Lang) -> String {
    let missing = lang.pick("没有", "none").to_owned();
    let shown = |name: &Option<String>| name.clone().unwrap_or_else(|| missing.clone());
    let zh = lang == Lang::ZhCn;
    match step {
        Step::Governing { level: key, place, found } => {
            let (level, place, found) = (level(key, lang), shown(place), shown(found));
            if zh {
                format!("{level}：{place}；管理单位：{found}")
            } else {
                format!("Place at level {level}: {place}; governed by: {found}")
            }
        }
        Step::Serving { level: key, place, left } => {
            let (level, place) = (level(key, lang), shown(place));
            if zh {
                format!("{level}：{place}；工作人员 {left} 人")
            } else {
                format!("Place at level {level}: {place}; staff: {left}")
            }
        }
        Step::InPlace { left, .. } if zh => format!("在该地工作的 {left} 人"),
        Step::InPlace { left, .. } => format!("Working in that place: {left}"),
        Step::WithTag { tag: key, left } => {
            let tag = tag(key, lang);
            if zh { format!("其中“{tag}”{left} 人") } else { format!("Of these “{tag}”: {left}") }
        }
        Step::LeastLoad { among, found, load } => {
            let found = shown(found);
            if zh {
                format!("{among} 人中手上最少的是 {found}（{load} 份）")
            } else {
                format!("Holds least among {among}: {found} ({load})")
            }
        }
        Step::To { name, working_days } => match (working_days, zh) {
            (Some(days), true) => format!("派给 {name}，{days} 个工作日办结"),
            (None, true) => format!("派给 {name}"),
            (Some(days), false) => format!("Given to {name}, {days} working days"),
            (None, false) => format!("Given to {name}"),
        },
    }
}

/// `a=1, b=2`
pub(crate) fn pairs<'a, V: ToString>(list: impl Iterator<Item = (&'a String, V)>) -> String {
    list.map(|(name, value)| format!("{name}={}", value.to_string())).collect::<Vec<_>>().join(", ")
}
