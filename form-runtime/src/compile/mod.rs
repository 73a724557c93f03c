//! A definition made ready to run: controls found, options resolved, logic
//! parsed and ordered, JSON Schema compiled.

mod field;
mod order;
mod schema;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use serde_json::Value;

pub use field::{CompiledCheck, CompiledField};

use crate::definition::{FormDefinition, Owner, Section};
use crate::logic::Scope;
use crate::model::{AttributeRef, Class};
use crate::schema::SchemaValidator;
use crate::{Fault, Map, Model};

/// A published form. Cloning shares it. About 100 KB for twenty fields: keep
/// the ones in use, not every version for ever.
#[derive(Clone, Debug)]
pub struct CompiledForm(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    definition: FormDefinition,
    subject: Option<Class>,
    fields: Vec<CompiledField>,
    index: BTreeMap<String, usize>,
    order: Vec<usize>,
    sections: Vec<(Section, Vec<usize>)>,
    schema: Value,
    validator: SchemaValidator,
}

/// Checks a definition and makes it ready.
///
/// # Errors
/// The faults of [`crate::check`].
pub fn compile(definition: &FormDefinition, model: &Model) -> Result<CompiledForm, Vec<Fault>> {
    let faults = crate::definition::check(definition, model);
    if !faults.is_empty() {
        return Err(faults);
    }
    let (fields, faults) = field::resolve(definition, model);
    let (order, mut cycle) = order::order(&fields);
    cycle.extend(faults);
    if !cycle.is_empty() {
        return Err(cycle);
    }
    let schema = schema::schema(definition, &fields);
    let validator = SchemaValidator::compile(&schema)?;
    let index: BTreeMap<String, usize> = fields.iter().enumerate().map(|(i, f)| (f.key().to_owned(), i)).collect();
    let sections = if definition.sections.is_empty() {
        vec![(Section { key: "all".into(), ..Section::default() }, (0..fields.len()).collect())]
    } else {
        let places = |s: &Section| s.fields.iter().filter_map(|k| index.get(k).copied()).collect();
        definition.sections.iter().map(|s| (s.clone(), places(s))).collect()
    };
    let subject = subject_of(definition);
    let definition = definition.clone();
    let inner = Inner { definition, subject, fields, index, order, sections, schema, validator };
    Ok(CompiledForm(Arc::new(inner)))
}

/// Faults that only show when the parts are put together; for `check`.
pub(crate) fn faults(definition: &FormDefinition, model: &Model) -> Vec<Fault> {
    let (fields, mut faults) = field::resolve(definition, model);
    if faults.is_empty() {
        faults.extend(order::order(&fields).1);
    }
    if faults.is_empty() {
        let schema = schema::schema(definition, &fields);
        faults.extend(SchemaValidator::compile(&schema).err().unwrap_or_default());
    }
    faults
}

/// The class written, or that of the first binding to the subject.
fn subject_of(definition: &FormDefinition) -> Option<Class> {
    definition.subject.or_else(|| definition.fields.iter().find_map(|f| Some(f.bind.as_ref()?.of_subject()?.class)))
}

impl CompiledForm {
    /// The definition it was made from.
    pub fn definition(&self) -> &FormDefinition {
        &self.0.definition
    }

    /// Class of the subject, when the form is about an entity.
    pub fn subject(&self) -> Option<Class> {
        self.0.subject
    }

    /// Every field, in order.
    pub fn fields(&self) -> &[CompiledField] {
        &self.0.fields
    }

    /// One field.
    pub fn field(&self, key: &str) -> Option<&CompiledField> {
        Some(&self.0.fields[*self.0.index.get(key)?])
    }

    /// The layout: each section with its fields.
    pub fn sections(&self) -> impl Iterator<Item = (&Section, Vec<&CompiledField>)> {
        self.0.sections.iter().map(|(section, places)| (section, places.iter().map(|i| &self.0.fields[*i]).collect()))
    }

    /// The JSON Schema 2020-12 of canonical answers, with `x-control` and `x-bind`.
    pub fn schema(&self) -> &Value {
        &self.0.schema
    }

    /// Keys of the fields whose values are kept only as ciphertext.
    pub fn secret_fields(&self) -> impl Iterator<Item = &str> {
        self.0.fields.iter().filter(|f| f.secret).map(CompiledField::key)
    }

    /// The field bound to an attribute of the subject.
    pub fn subject_field(&self, attribute: &AttributeRef) -> Option<&CompiledField> {
        self.0.fields.iter().find(|f| {
            let bind = f.definition.bind.as_ref();
            bind.is_some_and(|b| b.owner == Owner::Subject && b.attribute == *attribute)
        })
    }

    /// Canonical values of the fields that have a default.
    pub fn defaults(&self, today: Date) -> Map {
        let scope = Scope { values: BTreeMap::new(), today };
        let value = |f: &CompiledField| f.default.as_ref()?.eval(&scope).ok();
        let all = self.0.fields.iter().filter_map(|f| Some((f.key().to_owned(), value(f)?)));
        all.map(|(key, value)| (key, value.to_json())).filter(|(_, v)| !v.is_null()).collect()
    }

    /// Fields in an order in which each comes after those its logic reads.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = &CompiledField> {
        self.0.order.iter().map(|i| &self.0.fields[*i])
    }

    pub(crate) fn validator(&self) -> &SchemaValidator {
        &self.0.validator
    }
}
