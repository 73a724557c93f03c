//! One field: its control found, its options resolved, its logic parsed.

use std::fmt;

use serde_json::Value;

use crate::controls::{Choice, Control, Options, control};
use crate::definition::{FieldDefinition, FormDefinition};
use crate::logic::{Expr, Type, Types};
use crate::message::Severity;
use crate::model::{Model, Sensitivity};
use crate::schema::pattern_fault;
use crate::{Fault, Text};

/// A field made ready.
pub struct CompiledField {
    /// As written.
    pub definition: FieldDefinition,
    /// Its control.
    pub control: &'static dyn Control,
    /// Its settings, code list resolved.
    pub options: Options,
    /// Kept only as ciphertext, index and mask.
    pub secret: bool,
    /// May hold several values at once.
    pub many: bool,
    pub(crate) visible: Option<Expr>,
    pub(crate) required: Option<Expr>,
    pub(crate) readonly: Option<Expr>,
    pub(crate) computed: Option<Expr>,
    pub(crate) default: Option<Expr>,
    pub(crate) choice_when: Vec<Option<Expr>>,
    pub(crate) checks: Vec<CompiledCheck>,
}

/// A check made ready.
#[derive(Clone, Debug)]
pub struct CompiledCheck {
    /// Must be true, or unknown.
    pub test: Expr,
    /// Whether it stands in the way.
    pub severity: Severity,
    /// What the filler reads.
    pub message: Text,
}

impl fmt::Debug for CompiledField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompiledField")
            .field("key", &self.definition.key)
            .field("control", &self.control.key())
            .finish_non_exhaustive()
    }
}

impl CompiledField {
    /// Its key.
    pub fn key(&self) -> &str {
        &self.definition.key
    }

    /// Its label.
    pub fn label(&self) -> &Text {
        &self.definition.label
    }

    /// Required whatever else is answered.
    pub fn always_required(&self) -> bool {
        self.definition.required == Some(Value::Bool(true)) && self.visible.is_none()
    }
}

/// Every field that resolves, and the faults of the others.
pub(super) fn resolve(definition: &FormDefinition, model: &Model) -> (Vec<CompiledField>, Vec<Fault>) {
    let mut faults = Vec::new();
    let types: Types =
        definition.fields.iter().filter_map(|f| Some((f.key.clone(), control(&f.control)?.kind()))).collect();
    let mut fields = Vec::with_capacity(definition.fields.len());
    for (index, field) in definition.fields.iter().enumerate() {
        let at = format!("/fields/{index}");
        fields.extend(resolve_field(field, &at, &types, model, &mut faults));
    }
    (fields, faults)
}

fn resolve_field(
    field: &FieldDefinition,
    at: &str,
    types: &Types,
    model: &Model,
    faults: &mut Vec<Fault>,
) -> Option<CompiledField> {
    let Some(control) = control(&field.control) else {
        faults.push(Fault::new(
            format!("{at}/control"),
            format!("没有“{}”这种控件", field.control),
            format!("there is no control `{}`", field.control),
        ));
        return None;
    };
    let before = faults.len();
    let attribute = field.bind.as_ref().and_then(|b| model.attribute(&b.attribute));
    if let Some(attribute) = attribute.filter(|a| !control.datatypes().contains(&a.datatype)) {
        faults.push(Fault::new(
            format!("{at}/bind"),
            format!("控件“{}”存不进属性“{}”，请换控件或换属性", field.control, attribute.zh),
            format!("the control `{}` does not fit the attribute `{}`; change one", field.control, attribute.key),
        ));
    }
    let list = field.code_list.as_ref().or_else(|| attribute.and_then(|a| a.code_list.as_ref()));
    let options = options(field, at, list, model, faults);
    if let Some((zh, en)) = control.fault(&options) {
        faults.push(Fault::new(at, zh, en));
    }
    if let Some((zh, en)) = field.pattern.as_deref().and_then(pattern_fault) {
        faults.push(Fault::new(format!("{at}/pattern"), zh, en));
    }
    let default = field.default.as_ref().and_then(|value| {
        // No field may be read: a default stands before anything is answered.
        let (at, wanted) = (format!("{at}/default"), control.kind().into());
        let parsed = Expr::parse_as(value, &Types::new(), &at, wanted);
        parsed.map_err(|fault| faults.push(fault)).ok()
    });
    let mut expr = |value: &Option<Value>, member: &str, wanted: Type| {
        let at = format!("{at}/{member}");
        match Expr::parse_as(value.as_ref()?, types, &at, wanted) {
            Ok(expr) => Some(expr),
            Err(fault) => {
                faults.push(fault);
                None
            }
        }
    };
    let visible = expr(&field.visible, "visible", Type::Boolean);
    let required = expr(&field.required, "required", Type::Boolean);
    let readonly = expr(&field.readonly, "readonly", Type::Boolean);
    let computed = expr(&field.computed, "computed", control.kind().into());
    let choice_when = if field.choices.is_empty() {
        vec![None; options.choices.len()]
    } else {
        let each = field.choices.iter().enumerate();
        each.map(|(i, c)| expr(&c.when, &format!("choices/{i}/when"), Type::Boolean)).collect()
    };
    let mut checks = Vec::new();
    for (index, check) in field.checks.iter().enumerate() {
        let test = expr(&Some(check.test.clone()), &format!("checks/{index}/test"), Type::Boolean);
        let (severity, message) = (check.severity, check.message.clone());
        checks.extend(test.map(|test| CompiledCheck { test, severity, message }));
    }
    let secret = attribute.map_or_else(|| control.secret(), |a| a.sensitivity == Sensitivity::Secret);
    let many = attribute.is_some_and(|a| a.many);
    let definition = field.clone();
    (faults.len() == before).then_some(CompiledField {
        definition,
        control,
        options,
        secret,
        many,
        visible,
        required,
        readonly,
        computed,
        default,
        choice_when,
        checks,
    })
}

fn options(
    field: &FieldDefinition,
    at: &str,
    list: Option<&String>,
    model: &Model,
    faults: &mut Vec<Fault>,
) -> Options {
    let written = field.choices.iter();
    let mut choices: Vec<Choice> = written.map(|c| Choice { value: c.value.clone(), label: c.label.clone() }).collect();
    let mut open = false;
    if let Some(list) = list.filter(|_| choices.is_empty()) {
        if let Some(list) = model.code_list(list) {
            let items = list.items.iter();
            choices = items.map(|i| Choice { value: i.code.clone(), label: Text::both(&i.zh, &i.en) }).collect();
            open = choices.is_empty();
        } else {
            faults.push(Fault::new(
                format!("{at}/code_list"),
                format!("没有名为“{list}”的代码表"),
                format!("there is no code list `{list}`"),
            ));
        }
    }
    let mut bound = |value: &Option<Value>, member: &str| match value {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        Some(_) => {
            faults.push(Fault::new(
                format!("{at}/{member}"),
                "上下限要写成数字或文字",
                "a bound is a number or a text",
            ));
            None
        }
    };
    Options {
        min: bound(&field.min, "min"),
        max: bound(&field.max, "max"),
        choices,
        open,
        min_length: field.min_length,
        max_length: field.max_length,
        pattern: field.pattern.clone(),
        decimals: field.decimals,
        unit: field.unit.clone(),
    }
}
