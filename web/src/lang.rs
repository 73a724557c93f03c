//! The two languages of the pages.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A language in which every page is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Lang {
    /// Simplified Chinese, the first language.
    #[default]
    #[serde(rename = "zh-CN")]
    ZhCn,
    /// English.
    #[serde(rename = "en")]
    En,
}

/// Text of data in several languages, by language tag (`zh-CN`, `en`).
pub type LangMap = BTreeMap<String, String>;

impl Lang {
    /// Both languages, the first one first.
    pub const ALL: [Lang; 2] = [Lang::ZhCn, Lang::En];

    /// The BCP 47 tag, as used in `lang` attributes, cookies and language maps.
    pub fn tag(self) -> &'static str {
        match self {
            Lang::ZhCn => "zh-CN",
            Lang::En => "en",
        }
    }

    /// Reads a tag of a cookie or form; anything that is not one of ours is `None`.
    pub fn from_tag(tag: &str) -> Option<Lang> {
        let tag = tag.trim().to_ascii_lowercase();
        match tag.split(['-', '_']).next() {
            Some("zh") => Some(Lang::ZhCn),
            Some("en") => Some(Lang::En),
            _ => None,
        }
    }

    /// Chooses from an `Accept-Language` header (RFC 9110, quality values honoured);
    /// Chinese when nothing fits.
    pub fn from_accept(header: &str) -> Lang {
        let mut best = (0.0_f32, Lang::ZhCn);
        for part in header.split(',') {
            let mut pieces = part.split(';');
            let Some(lang) = pieces.next().and_then(Lang::from_tag) else {
                continue;
            };
            let quality =
                pieces.find_map(|piece| piece.trim().strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0));
            if quality > best.0 {
                best = (quality, lang);
            }
        }
        best.1
    }

    /// The text of a language map: this language, else Chinese, else the first there is.
    pub fn pick(self, map: &LangMap) -> &str {
        map.get(self.tag())
            .or_else(|| map.get(Lang::ZhCn.tag()))
            .or_else(|| map.values().next())
            .map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_language_follows_quality() {
        assert_eq!(Lang::from_accept("en-GB,en;q=0.9,zh;q=0.8"), Lang::En);
        assert_eq!(Lang::from_accept("en;q=0.5, zh-CN"), Lang::ZhCn);
        assert_eq!(Lang::from_accept("fr, de"), Lang::ZhCn);
        assert_eq!(Lang::from_accept("en;q=broken"), Lang::ZhCn);
    }

    #[test]
    fn pick_falls_back_to_what_there_is() {
        let map = LangMap::from([("zh-CN".to_owned(), "走访".to_owned())]);
        assert_eq!(Lang::En.pick(&map), "走访");
        assert_eq!(Lang::En.pick(&LangMap::new()), "");
    }
}
