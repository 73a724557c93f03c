//! The knowledge model, to be read.

use serde::Serialize;

/// One attribute of the knowledge model.
#[derive(Debug, Clone, Serialize)]
pub struct AttributeRow {
    /// Key.
    pub key: String,
    /// Name.
    pub name: String,
    /// Datatype in words.
    pub datatype: String,
    /// Code list: name, address on the page, whether checked.
    pub list: Option<CodeListLink>,
    /// Sensitivity in words.
    pub sensitivity: String,
    /// Kind of its chip.
    pub sensitivity_kind: &'static str,
    /// "365 天" or empty.
    pub freshness: String,
}

/// A code list an attribute uses.
#[derive(Debug, Clone, Serialize)]
pub struct CodeListLink {
    /// Name.
    pub name: String,
    /// Address.
    pub href: String,
    /// Checked against a second source.
    pub verified: bool,
}

/// A group of attributes.
#[derive(Debug, Clone, Serialize)]
pub struct AttributeGroup {
    /// Name.
    pub name: String,
    /// Attributes in order.
    pub attributes: Vec<AttributeRow>,
}

/// A link of a filter row.
#[derive(Debug, Clone, Serialize)]
pub struct ClassLink {
    /// Name.
    pub label: String,
    /// Address.
    pub href: String,
    /// How many attributes.
    pub count: i64,
    /// Whether it is shown.
    pub current: bool,
}

/// `knowledge/index.html`.
#[derive(Debug, Clone, Serialize)]
pub struct KnowledgePage {
    /// Version of the model.
    pub version: String,
    /// The five classes.
    pub classes: Vec<ClassLink>,
    /// Name of the class shown.
    pub class_name: String,
    /// Search text.
    pub q: String,
    /// Class key, kept while searching.
    pub class: String,
    /// Groups with what was found.
    pub groups: Vec<AttributeGroup>,
    /// Relations from or to the class: name, from, to.
    pub relations: Vec<(String, String, String)>,
}

/// `knowledge/list.html`: one code list.
#[derive(Debug, Clone, Serialize)]
pub struct CodeListPage {
    /// Name.
    pub name: String,
    /// Standard it follows.
    pub standard: String,
    /// How far it was checked.
    pub status: String,
    /// Checked against a second source.
    pub verified: bool,
    /// Code and meaning.
    pub items: Vec<(String, String)>,
}
