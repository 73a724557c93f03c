//! Reading a model from its files.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Attribute, AttributeRef, Class, ClassModel, CodeList, Model, Relation};
use crate::{Fault, fault::token};

const HEAD: &str = include_str!("../../model/model.json");
const CLASSES: [&str; 5] = [
    include_str!("../../model/person.json"),
    include_str!("../../model/place.json"),
    include_str!("../../model/event.json"),
    include_str!("../../model/thing.json"),
    include_str!("../../model/organization.json"),
];
const RELATIONS: &str = include_str!("../../model/relations.json");
const CODE_LISTS: &str = include_str!("../../model/codelists.json");

static SHIPPED: LazyLock<Arc<Model>> = LazyLock::new(|| {
    let parse = |text| serde_json::from_str::<Value>(text).expect("a shipped model file is JSON");
    let mut whole = parse(HEAD);
    whole["classes"] = CLASSES.iter().map(|text| parse(text)).collect();
    for part in [RELATIONS, CODE_LISTS] {
        let Value::Object(part) = parse(part) else { unreachable!("shipped files are objects") };
        for (key, value) in part {
            whole[&key] = value;
        }
    }
    Arc::new(Model::from_value(&whole).expect("the shipped model has no fault, tests load it"))
});

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenClass {
    class: Class,
    zh: String,
    #[serde(default, rename = "anchors")]
    _anchors: String,
    #[serde(default)]
    subtypes: Vec<String>,
    groups: Vec<WrittenGroup>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenGroup {
    key: String,
    zh: String,
    #[serde(default)]
    en: String,
    #[serde(default, rename = "applies_to")]
    _applies_to: String,
    #[serde(default, rename = "standard")]
    _standard: String,
    attributes: Vec<Attribute>,
}

impl Model {
    /// The model that comes with Hutong.
    pub fn shipped() -> Arc<Self> {
        Arc::clone(&SHIPPED)
    }

    /// Reads one document `{version, source_ranks, classes, relations,
    /// common_attributes, code_lists}`.
    ///
    /// # Errors
    /// Every fault found, each with its pointer.
    pub fn from_json(text: &str) -> Result<Self, Vec<Fault>> {
        let value = crate::definition::parse_bounded(text).map_err(|fault| vec![fault])?;
        Self::from_value(&value)
    }

    /// The same from a parsed document.
    ///
    /// # Errors
    /// Every fault found.
    pub fn from_value(value: &Value) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut model = Self {
            version: String::new(),
            classes: BTreeMap::new(),
            relations: BTreeMap::new(),
            code_lists: BTreeMap::new(),
            source_ranks: BTreeMap::new(),
            order: Vec::new(),
        };
        model.version = read(value, "version", &mut faults).unwrap_or_default();
        model.source_ranks = read(value, "source_ranks", &mut faults).unwrap_or_default();
        for (at, list) in each::<CodeList>(value, "code_lists", &mut faults) {
            let key = list.key.clone();
            if model.code_lists.insert(key.clone(), list).is_some() {
                faults.push(double(&at, &key));
            }
        }
        for (at, class) in each::<WrittenClass>(value, "classes", &mut faults) {
            model.add_class(&at, class, &mut faults);
        }
        let common: Vec<Attribute> =
            each(value, "common_attributes", &mut faults).into_iter().map(|(_, a)| a).collect();
        for (at, mut relation) in each::<Relation>(value, "relations", &mut faults) {
            let missing = |a: &&Attribute| !relation.attributes.iter().any(|b| b.key == a.key);
            let more: Vec<_> = common.iter().filter(missing).cloned().collect();
            relation.attributes.extend(more);
            let key = relation.key.clone();
            if model.relations.insert(key.clone(), relation).is_some() {
                faults.push(double(&at, &key));
            }
        }
        faults.extend(model.inconsistencies());
        if faults.is_empty() { Ok(model) } else { Err(faults) }
    }

    fn add_class(&mut self, at: &str, written: WrittenClass, faults: &mut Vec<Fault>) {
        let (mut attributes, mut groups) = (HashMap::new(), Vec::new());
        for group in written.groups {
            groups.push((group.key.clone(), group.zh, group.en));
            for mut attribute in group.attributes {
                attribute.group.clone_from(&group.key);
                let key = attribute.key.clone();
                self.order.push(AttributeRef::new(written.class, key.clone()));
                if attributes.insert(key.clone(), attribute).is_some() {
                    faults.push(double(at, &key));
                }
            }
        }
        let class = ClassModel { zh: written.zh, subtypes: written.subtypes, groups, attributes };
        if self.classes.insert(written.class, class).is_some() {
            faults.push(double(at, written.class.key()));
        }
    }
}

fn double(at: &str, key: &str) -> Fault {
    Fault::new(at, format!("“{key}”重复，请改名或删掉一个"), format!("`{key}` is there twice; rename or remove one"))
}

fn unreadable(pointer: String, error: &serde_json::Error) -> Fault {
    Fault::new(pointer, format!("读不懂：{error}"), format!("cannot be read: {error}"))
}

fn read<T: for<'de> Deserialize<'de>>(value: &Value, key: &str, faults: &mut Vec<Fault>) -> Option<T> {
    match T::deserialize(value.get(key).unwrap_or(&json!(null))) {
        Ok(read) => Some(read),
        Err(error) => {
            faults.push(unreadable(format!("/{}", token(key)), &error));
            None
        }
    }
}

/// Reads the entries of a list one by one, so that a fault names its entry.
fn each<T: for<'de> Deserialize<'de>>(value: &Value, key: &str, faults: &mut Vec<Fault>) -> Vec<(String, T)> {
    let entries = value.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut found = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let pointer = format!("/{}/{index}", token(key));
        match T::deserialize(entry) {
            Ok(read) => found.push((pointer, read)),
            Err(error) => faults.push(unreadable(pointer, &error)),
        }
    }
    found
}
