//! The parts of the model.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::Lang;

/// The five entity classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// 人
    Person,
    /// 地
    Place,
    /// 事
    Event,
    /// 物
    Thing,
    /// 组织
    Organization,
}

impl Class {
    /// All five, in the order of the documents.
    pub const ALL: [Self; 5] = [Self::Person, Self::Place, Self::Event, Self::Thing, Self::Organization];

    /// The key used in files, bindings and columns.
    pub fn key(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Place => "place",
            Self::Event => "event",
            Self::Thing => "thing",
            Self::Organization => "organization",
        }
    }
}

impl FromStr for Class {
    type Err = ();

    fn from_str(key: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|c| c.key() == key).ok_or(())
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// Names one attribute: `person.id_no`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttributeRef {
    /// Whose attribute.
    pub class: Class,
    /// Key inside the class.
    pub key: String,
}

impl AttributeRef {
    /// A reference; whether it exists is the model's to say.
    pub fn new(class: Class, key: impl Into<String>) -> Self {
        Self { class, key: key.into() }
    }
}

impl FromStr for AttributeRef {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (class, key) = text.split_once('.').ok_or(())?;
        if !is_key(key) {
            return Err(());
        }
        Ok(Self::new(class.parse()?, key))
    }
}

impl fmt::Display for AttributeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.class, self.key)
    }
}

/// Keys of fields, attributes, sections and forms: a lower-case letter, then
/// at most 63 of `a-z 0-9 _`.
pub fn is_key(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// What an attribute's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Datatype {
    /// One line.
    Text,
    /// Several lines.
    LongText,
    /// Whole number.
    Integer,
    /// Exact decimal.
    Decimal,
    /// Money, whole fen.
    Money,
    /// Yes or no.
    Boolean,
    /// Civil date, GB/T 7408.
    Date,
    /// Instant.
    Datetime,
    /// GB 11643 or another identity document.
    IdentityNumber,
    /// Mobile or landline number.
    Phone,
    /// Vehicle plate, GA 36.
    Plate,
    /// GB 32100 code.
    Uscc,
    /// Web address.
    Url,
    /// A code of a code list.
    Code,
    /// Another entity.
    Reference,
    /// A point of the map.
    Point,
    /// An area of the map.
    Geometry,
    /// A stored file.
    File,
}

/// How carefully a value is kept and shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sensitivity {
    /// About no person.
    #[default]
    Plain,
    /// Personal information.
    Personal,
    /// Sensitive personal information (personal information protection law, art. 28).
    Sensitive,
    /// Stored only as ciphertext, index and mask.
    Secret,
}

/// One attribute of a class or a relation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// Unique inside its class.
    pub key: String,
    /// Chinese name.
    pub zh: String,
    /// English name; empty when not known.
    #[serde(default)]
    pub en: String,
    /// What the value is.
    pub datatype: Datatype,
    /// The class a reference points to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// The list a code is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_list: Option<String>,
    /// Several values.
    #[serde(default)]
    pub many: bool,
    /// How it is kept.
    #[serde(default)]
    pub sensitivity: Sensitivity,
    /// Days after which the value is asked again; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freshness_days: Option<u32>,
    /// Name of the order in which sources are believed.
    #[serde(default = "default_rank")]
    pub rank: String,
    /// Key of the group it stands in; filled when the model is read.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
}

fn default_rank() -> String {
    "default".into()
}

impl Attribute {
    /// The name in a language; the Chinese one where the other is not known.
    pub fn name(&self, lang: Lang) -> &str {
        if lang == Lang::En && !self.en.is_empty() { &self.en } else { &self.zh }
    }
}

/// A relation between entities of two classes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relation {
    /// Unique in the model.
    pub key: String,
    /// Chinese name.
    pub zh: String,
    /// English name.
    #[serde(default)]
    pub en: String,
    /// Chinese name seen from the other end.
    #[serde(default)]
    pub inverse_zh: String,
    /// Class of the near end.
    pub from: Class,
    /// Class of the far end.
    pub to: Class,
    /// The document that names it, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Its own attributes, the common ones included once the model is read.
    #[serde(default)]
    pub attributes: Vec<Attribute>,
}

/// A list of codes from a standard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeList {
    /// Unique in the model.
    pub key: String,
    /// The standard it follows.
    #[serde(default)]
    pub standard: String,
    /// Chinese name.
    pub zh: String,
    /// English name.
    #[serde(default)]
    pub en: String,
    /// How far it was checked, in words.
    #[serde(default)]
    pub status: String,
    /// Checked against a second source; otherwise claim no conformance.
    #[serde(default)]
    pub verified: bool,
    /// The codes. Empty for a list not authored yet.
    pub items: Vec<CodeItem>,
}

/// One code and what it means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeItem {
    /// The code as stored.
    pub code: String,
    /// Chinese meaning.
    pub zh: String,
    /// English meaning; empty when not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub en: String,
}
