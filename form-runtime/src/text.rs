//! Reader's language and texts inside data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A language that every text of ours exists in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Lang {
    /// Simplified Chinese, the first language.
    #[default]
    #[serde(rename = "zh-CN")]
    ZhCn,
    /// English.
    #[serde(rename = "en")]
    En,
}

impl Lang {
    /// The language of a BCP 47 tag; anything that is not English reads Chinese.
    pub fn from_tag(tag: &str) -> Self {
        if tag.get(..2).is_some_and(|t| t.eq_ignore_ascii_case("en")) { Self::En } else { Self::ZhCn }
    }

    /// The BCP 47 tag.
    pub fn tag(self) -> &'static str {
        match self {
            Self::ZhCn => "zh-CN",
            Self::En => "en",
        }
    }

    /// The one of two texts that this reader gets.
    pub(crate) fn pick<T>(self, zh: T, en: T) -> T {
        match self {
            Self::ZhCn => zh,
            Self::En => en,
        }
    }
}

/// A language map, written `{"zh-CN": "姓名", "en": "Name"}`; a plain string
/// stands for Chinese alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Text(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Plain(String),
            Map(BTreeMap<String, String>),
        }
        Ok(
            match Written::deserialize(deserializer).map_err(|_| {
                serde::de::Error::custom("expected a text or a map like {\"zh-CN\": \"…\", \"en\": \"…\"}")
            })? {
                Written::Plain(zh) => Self::zh(zh),
                Written::Map(map) => Self(map),
            },
        )
    }
}

impl Text {
    /// A text known in Chinese only.
    pub fn zh(zh: impl Into<String>) -> Self {
        Self(BTreeMap::from([(Lang::ZhCn.tag().into(), zh.into())]))
    }

    /// A text in both languages; an empty English one is left out.
    pub fn both(zh: impl Into<String>, en: impl Into<String>) -> Self {
        let mut text = Self::zh(zh);
        let en = en.into();
        if !en.is_empty() {
            text.0.insert(Lang::En.tag().into(), en);
        }
        text
    }

    /// The text in a language, else in Chinese, else in any; empty when there is none.
    pub fn get(&self, lang: Lang) -> &str {
        let wanted = |lang: Lang| self.0.get(lang.tag()).filter(|t| !t.is_empty());
        wanted(lang)
            .or_else(|| wanted(Lang::ZhCn))
            .or_else(|| self.0.values().find(|t| !t.is_empty()))
            .map_or("", String::as_str)
    }

    /// The text in exactly this language, if written.
    pub fn exact(&self, lang: Lang) -> Option<&str> {
        self.0.get(lang.tag()).map(String::as_str)
    }

    /// No text in any language.
    pub fn is_empty(&self) -> bool {
        self.0.values().all(String::is_empty)
    }

    /// Every written text, whatever its language.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(String::as_str)
    }

    /// The longest text, in characters.
    pub(crate) fn longest(&self) -> usize {
        self.all().map(|t| t.chars().count()).max().unwrap_or(0)
    }
}
