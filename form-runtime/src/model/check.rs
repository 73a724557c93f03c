//! Do the parts of a model fit each other?

use super::{Attribute, Class, Datatype, Model, attribute::is_key};
use crate::Fault;

impl Model {
    /// Everything that does not resolve: keys, code lists, classes, source
    /// orders. Empty for a model that came out of [`Model::from_json`].
    pub fn inconsistencies(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        for class in Class::ALL {
            if !self.classes.contains_key(&class) {
                faults.push(Fault::new(
                    "/classes",
                    format!("缺少实体类“{class}”"),
                    format!("the class `{class}` is missing"),
                ));
            }
        }
        if !self.source_ranks.contains_key("default") {
            faults.push(Fault::new(
                "/source_ranks",
                "缺少名为 default 的来源顺序",
                "the order of sources named `default` is missing",
            ));
        }
        for (at, attribute) in self.attributes() {
            self.check_attribute(&format!("/classes/{}/{}", at.class, at.key), attribute, &mut faults);
        }
        for relation in self.relations() {
            let at = format!("/relations/{}", relation.key);
            if !is_key(&relation.key) {
                faults.push(bad_key(&at, &relation.key));
            }
            for attribute in &relation.attributes {
                self.check_attribute(&format!("{at}/{}", attribute.key), attribute, &mut faults);
            }
        }
        for list in self.code_lists() {
            let at = format!("/code_lists/{}", list.key);
            let mut codes: Vec<_> = list.items.iter().map(|i| i.code.as_str()).collect();
            codes.sort_unstable();
            for pair in codes.windows(2).filter(|p| p[0] == p[1]) {
                faults.push(Fault::new(
                    &at,
                    format!("代码“{}”重复", pair[0]),
                    format!("the code `{}` is there twice", pair[0]),
                ));
            }
        }
        faults
    }

    fn check_attribute(&self, at: &str, attribute: &Attribute, faults: &mut Vec<Fault>) {
        if !is_key(&attribute.key) {
            faults.push(bad_key(at, &attribute.key));
        }
        match (&attribute.code_list, attribute.datatype == Datatype::Code) {
            (None, false) => {}
            (Some(list), true) => {
                if !self.code_lists.contains_key(list) {
                    faults.push(Fault::new(
                        at,
                        format!("没有名为“{list}”的代码表"),
                        format!("there is no code list `{list}`"),
                    ));
                }
            }
            _ => faults.push(Fault::new(
                at,
                "代码类型的属性要写 code_list，其他类型不能写",
                "an attribute of type code names a code_list, any other does not",
            )),
        }
        if (attribute.datatype == Datatype::Reference) != attribute.class.is_some() {
            faults.push(Fault::new(
                at,
                "引用类型的属性要写 class，其他类型不能写",
                "an attribute of type reference names a class, any other does not",
            ));
        }
        if !self.source_ranks.contains_key(&attribute.rank) {
            faults.push(Fault::new(
                at,
                format!("没有名为“{}”的来源顺序", attribute.rank),
                format!("there is no order of sources named `{}`", attribute.rank),
            ));
        }
    }
}

fn bad_key(at: &str, key: &str) -> Fault {
    Fault::new(
        at,
        format!("标识“{key}”只能用小写字母、数字和下划线，以字母开头"),
        format!("the key `{key}` may hold only a-z, 0-9 and _, starting with a letter"),
    )
}
