//! Is this definition publishable?

use std::collections::BTreeSet;

use super::{FieldDefinition, FormDefinition, Owner, value_too_deep};
use crate::model::{Class, Model, is_key};
use crate::{Fault, Text, compile};

/// Most fields of a form.
pub const MAX_FIELDS: usize = 300;
/// Most options of one field.
pub const MAX_CHOICES: usize = 500;
/// Longest label, hint or title, in characters.
const MAX_TEXT: usize = 500;
/// Deepest logic inside a field.
const MAX_LOGIC: usize = super::MAX_DEPTH;

/// Every fault of a definition; empty when it may be published.
pub fn check(definition: &FormDefinition, model: &Model) -> Vec<Fault> {
    let mut faults = Vec::new();
    if !is_key(&definition.id) {
        faults.push(bad_key("/id", &definition.id));
    }
    text("/title", &definition.title, true, &mut faults);
    text("/intro", &definition.intro, false, &mut faults);
    if definition.fields.is_empty() {
        faults.push(Fault::new("/fields", "表单还没有字段，请先添加", "the form has no field yet; add one"));
    }
    if definition.fields.len() > MAX_FIELDS {
        faults.push(Fault::new(
            "/fields",
            format!("最多 {MAX_FIELDS} 个字段，现在是 {} 个，请拆成几张表", definition.fields.len()),
            format!("at most {MAX_FIELDS} fields, there are {}; split the form", definition.fields.len()),
        ));
        return faults;
    }
    let mut seen = BTreeSet::new();
    let mut subject = definition.subject;
    for (index, field) in definition.fields.iter().enumerate() {
        let at = format!("/fields/{index}");
        if !seen.insert(field.key.as_str()) {
            faults.push(Fault::new(
                format!("{at}/key"),
                format!("字段标识“{}”重复，请改名", field.key),
                format!("the field key `{}` is there twice; rename one", field.key),
            ));
        }
        check_field(&at, field, &mut faults);
        check_binding(&at, field, &mut subject, model, &mut faults);
    }
    double_bindings(definition, &mut faults);
    check_layout(definition, &mut faults);
    // Logic may be deep beyond what parsing should walk: only then go on.
    if !faults.iter().any(|f| f.pointer.starts_with("/fields")) {
        faults.extend(compile::faults(definition, model));
    }
    faults
}

fn check_field(at: &str, field: &FieldDefinition, faults: &mut Vec<Fault>) {
    if !is_key(&field.key) {
        faults.push(bad_key(&format!("{at}/key"), &field.key));
    }
    text(&format!("{at}/label"), &field.label, true, faults);
    text(&format!("{at}/hint"), &field.hint, false, faults);
    if field.choices.len() > MAX_CHOICES {
        faults.push(Fault::new(
            format!("{at}/choices"),
            format!("最多 {MAX_CHOICES} 个选项，请改用代码表"),
            format!("at most {MAX_CHOICES} options; use a code list"),
        ));
    }
    let logic = [&field.visible, &field.required, &field.readonly, &field.computed, &field.default];
    let logic = logic.into_iter().flatten();
    let tests = field.checks.iter().map(|c| &c.test);
    let whens = field.choices.iter().filter_map(|c| c.when.as_ref());
    if logic.chain(tests).chain(whens).any(|l| value_too_deep(l, MAX_LOGIC)) {
        faults.push(Fault::new(
            at,
            format!("条件嵌套超过 {MAX_LOGIC} 层，请简化"),
            format!("logic nested over {MAX_LOGIC} levels; simplify"),
        ));
    }
    for (index, _) in field.checks.iter().enumerate().filter(|(_, c)| c.message.is_empty()) {
        faults.push(Fault::new(
            format!("{at}/checks/{index}/message"),
            "核对不通过时要告诉填表人怎么办，请写 message",
            "say what the filler should do: write a message",
        ));
    }
    if field.computed.is_some() && field.required.is_some() {
        faults.push(Fault::new(
            format!("{at}/required"),
            "计算得出的字段不能设为必填",
            "a computed field cannot be required",
        ));
    }
}

fn check_binding(
    at: &str,
    field: &FieldDefinition,
    subject: &mut Option<Class>,
    model: &Model,
    faults: &mut Vec<Fault>,
) {
    let Some(bind) = &field.bind else { return };
    let at = format!("{at}/bind");
    let class = bind.attribute.class;
    if model.attribute(&bind.attribute).is_none() {
        faults.push(Fault::new(
            &at,
            format!("知识体系里没有属性“{}”", bind.attribute),
            format!("the knowledge model has no attribute `{}`", bind.attribute),
        ));
    }
    match &bind.owner {
        Owner::Subject => {
            if *subject.get_or_insert(class) != class {
                faults.push(Fault::new(
                    &at,
                    "一张表单只有一个对象，这里绑定了另一类对象；请改用 linked",
                    "a form has one subject, this binds another class; use linked",
                ));
            }
        }
        Owner::Event if class != Class::Event => faults.push(Fault::new(
            &at,
            "event 只能绑定“事”的属性，例如 event.event.visit_time",
            "event binds attributes of the class event, as in event.event.visit_time",
        )),
        Owner::Event => {}
        Owner::Linked(relation) => match model.relation(relation) {
            None => faults.push(Fault::new(
                &at,
                format!("知识体系里没有关系“{relation}”"),
                format!("the knowledge model has no relation `{relation}`"),
            )),
            Some(found) if found.from != class && found.to != class => faults.push(Fault::new(
                &at,
                format!("关系“{}”的两端都不是“{class}”", found.zh),
                format!("neither end of `{relation}` is a {class}"),
            )),
            Some(_) => {}
        },
    }
}

/// Two fields that say the same attribute would contradict each other.
fn double_bindings(definition: &FormDefinition, faults: &mut Vec<Fault>) {
    let mut seen = BTreeSet::new();
    for (index, field) in definition.fields.iter().enumerate() {
        if let Some(bind) = field.bind.as_ref().filter(|b| !seen.insert(*b)) {
            faults.push(Fault::new(
                format!("/fields/{index}/bind"),
                format!("“{bind}”已被另一个字段绑定，请取消其中一个"),
                format!("`{bind}` is bound by another field already; unbind one"),
            ));
        }
    }
}

fn check_layout(definition: &FormDefinition, faults: &mut Vec<Fault>) {
    if definition.sections.is_empty() {
        return;
    }
    let mut placed = BTreeSet::new();
    let mut keys = BTreeSet::new();
    for (index, section) in definition.sections.iter().enumerate() {
        let at = format!("/sections/{index}");
        if !is_key(&section.key) || !keys.insert(section.key.as_str()) {
            faults.push(bad_key(&format!("{at}/key"), &section.key));
        }
        text(&format!("{at}/title"), &section.title, false, faults);
        for (n, key) in section.fields.iter().enumerate() {
            let known = definition.field(key).is_some();
            if !known || !placed.insert(key.as_str()) {
                faults.push(Fault::new(
                    format!("{at}/fields/{n}"),
                    format!("字段“{key}”不存在，或已放在别的分组里"),
                    format!("the field `{key}` does not exist or is in a section already"),
                ));
            }
        }
    }
    for field in definition.fields.iter().filter(|f| !placed.contains(f.key.as_str())) {
        faults.push(Fault::new(
            "/sections",
            format!("字段“{}”没有放进任何分组", field.key),
            format!("the field `{}` is in no section", field.key),
        ));
    }
}

fn text(at: &str, text: &Text, needed: bool, faults: &mut Vec<Fault>) {
    if needed && text.is_empty() {
        faults.push(Fault::new(at, "请写上名称", "write a name"));
    }
    if text.longest() > MAX_TEXT {
        faults.push(Fault::new(
            at,
            format!("最多 {MAX_TEXT} 个字，请删减"),
            format!("at most {MAX_TEXT} characters; shorten"),
        ));
    }
}

fn bad_key(at: &str, key: &str) -> Fault {
    Fault::new(
        at,
        format!("标识“{key}”只能用小写字母、数字和下划线，以字母开头，且不能重复"),
        format!("the key `{key}` may hold only a-z, 0-9 and _, starting with a letter, and only once"),
    )
}
