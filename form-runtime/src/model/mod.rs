//! The knowledge model: classes, attributes, relations, code lists.
//!
//! [`Model::shipped`] is our own draft in `model/*.json`, one attribute a line;
//! [`Model::from_json`] reads any other in the same shape and lists its faults.
//! Does not know forms.

mod attribute;
mod check;
mod load;

use std::collections::{BTreeMap, HashMap};

pub use attribute::is_key;
pub use attribute::{Attribute, AttributeRef, Class, CodeItem, CodeList, Datatype, Relation, Sensitivity};

/// A versioned vocabulary. Cheap to share: keep it in an `Arc`.
#[derive(Clone, Debug)]
pub struct Model {
    version: String,
    classes: BTreeMap<Class, ClassModel>,
    relations: BTreeMap<String, Relation>,
    code_lists: BTreeMap<String, CodeList>,
    source_ranks: BTreeMap<String, Vec<String>>,
    order: Vec<AttributeRef>,
}

#[derive(Clone, Debug)]
struct ClassModel {
    zh: String,
    subtypes: Vec<String>,
    /// key, Chinese and English name
    groups: Vec<(String, String, String)>,
    attributes: HashMap<String, Attribute>,
}

impl Model {
    /// The version written in the model.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// One attribute.
    pub fn attribute(&self, at: &AttributeRef) -> Option<&Attribute> {
        self.attribute_of(at.class, &at.key)
    }

    /// The same by class and key.
    pub fn attribute_of(&self, class: Class, key: &str) -> Option<&Attribute> {
        self.classes.get(&class)?.attributes.get(key)
    }

    /// Every attribute with its reference, in the order of the files.
    pub fn attributes(&self) -> impl Iterator<Item = (&AttributeRef, &Attribute)> {
        self.order.iter().filter_map(|at| Some((at, self.attribute(at)?)))
    }

    /// The attributes of one class, in the order of its file.
    pub fn attributes_of(&self, class: Class) -> impl Iterator<Item = &Attribute> {
        self.attributes().filter(move |(at, _)| at.class == class).map(|(_, a)| a)
    }

    /// The subtypes (Chinese names) of a class.
    pub fn subtypes(&self, class: Class) -> &[String] {
        self.classes.get(&class).map_or(&[], |c| &c.subtypes)
    }

    /// The Chinese name of a class as this model writes it.
    pub fn class_name(&self, class: Class) -> &str {
        self.classes.get(&class).map_or("", |c| &c.zh)
    }

    /// The groups of a class in order: key, and name in a language.
    pub fn groups(&self, class: Class, lang: crate::Lang) -> impl Iterator<Item = (&str, &str)> {
        let groups = self.classes.get(&class).map_or(&[][..], |c| &c.groups);
        groups.iter().map(move |(key, zh, en)| {
            let name = if lang == crate::Lang::En && !en.is_empty() { en } else { zh };
            (key.as_str(), name.as_str())
        })
    }

    /// One relation between entities.
    pub fn relation(&self, key: &str) -> Option<&Relation> {
        self.relations.get(key)
    }

    /// Every relation, by key.
    pub fn relations(&self) -> impl Iterator<Item = &Relation> {
        self.relations.values()
    }

    /// One code list.
    pub fn code_list(&self, key: &str) -> Option<&CodeList> {
        self.code_lists.get(key)
    }

    /// Every code list, by key.
    pub fn code_lists(&self) -> impl Iterator<Item = &CodeList> {
        self.code_lists.values()
    }

    /// How far a kind of source (`registry`, `worker`, `resident`, ...) may be
    /// believed about an attribute: 0 is believed most. A source that the
    /// attribute's order does not name comes last.
    pub fn source_rank(&self, at: &AttributeRef, source: &str) -> usize {
        let name = self.attribute(at).map_or("default", |a| &a.rank);
        let order = self.source_ranks.get(name).or_else(|| self.source_ranks.get("default"));
        order.map_or(0, |o| o.iter().position(|s| s == source).unwrap_or(o.len()))
    }
}
