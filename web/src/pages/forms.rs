//! Forms: the list, the plain builder, its preview, publishing.

use serde::Serialize;

use crate::{Choice, Field, FieldError, FormPage};

/// One row of the list.
#[derive(Debug, Clone, Serialize)]
pub struct FormRow {
    /// Title.
    pub title: String,
    /// Its page.
    pub href: String,
    /// Class, application, last change.
    pub note: String,
    /// 草稿, 已发布.
    pub state: String,
    /// Kind of its chip.
    pub kind: &'static str,
}

/// The list.
#[derive(Debug, Clone, Serialize)]
pub struct FormList {
    /// What was searched for.
    pub words: String,
    /// Newest change first.
    pub forms: Vec<FormRow>,
    /// Link to the next page.
    pub next: Option<String>,
    /// Whether a form can be made here.
    pub may_make: bool,
    /// What is wrong with a new one's title.
    pub errors: Vec<FieldError>,
    /// Title of a new one, as typed.
    pub title: Field,
    /// Its English title.
    pub title_en: Field,
}

/// One field in the builder.
#[derive(Debug, Clone, Serialize)]
pub struct DraftField {
    /// Its stable key.
    pub key: String,
    /// What is shown in its line.
    pub label: String,
    /// Name of its control.
    pub control: String,
    /// Whether it must be answered.
    pub required: bool,
    /// Bound attribute in words, if it is bound.
    pub bound: Option<String>,
    /// 当“是否独居”为“是”.
    pub when: Option<String>,
    /// Where its edit is posted.
    pub action: String,
    /// The inputs of its edit.
    pub inputs: Vec<Field>,
    /// Whether it is open, since it was just added or changed.
    pub open: bool,
    /// Whether it can move up.
    pub first: bool,
    /// Whether it can move down.
    pub last: bool,
}

/// One published version.
#[derive(Debug, Clone, Serialize)]
pub struct VersionRow {
    /// 第 1 版.
    pub title: String,
    /// When.
    pub at: String,
    /// Its preview.
    pub href: String,
}

/// The builder.
#[derive(Debug, Clone, Serialize)]
pub struct FormEdit {
    /// Title.
    pub title: String,
    /// Address of the form's page.
    pub href: String,
    /// Version of the draft, posted back.
    pub version: i64,
    /// 草稿, 已发布.
    pub state: String,
    /// Whether this viewer may change it.
    pub may_edit: bool,
    /// Whether the plain builder can show all of it.
    pub plain: bool,
    /// Whether the draft says something that no version says.
    pub unpublished: bool,
    /// Title, introduction, minutes.
    pub settings: Vec<Field>,
    /// Its fields.
    pub fields: Vec<DraftField>,
    /// Controls that a new field can have.
    pub controls: Vec<Choice>,
    /// Attributes that a new field can be made from.
    pub attributes: Vec<Choice>,
    /// What stands in the way of publishing.
    pub obstacles: Vec<FieldError>,
    /// What is wrong with what was just posted.
    pub errors: Vec<FieldError>,
    /// Newest first.
    pub versions: Vec<VersionRow>,
}

/// The preview.
#[derive(Debug, Clone, Serialize)]
pub struct FormPreview {
    /// The form as fillers see it; none while it has faults.
    pub form: Option<FormPage>,
    /// Why it cannot be shown.
    pub faults: Vec<FieldError>,
}

/// Before publishing.
#[derive(Debug, Clone, Serialize)]
pub struct FormPublish {
    /// Title.
    pub title: String,
    /// Address of the form's page.
    pub href: String,
    /// Version of the draft, posted back.
    pub version: i64,
    /// The number it will get.
    pub number: i64,
    /// What stands in the way.
    pub obstacles: Vec<FieldError>,
    /// How many fields.
    pub fields: usize,
    /// How many are bound to the knowledge model.
    pub bound: usize,
    /// Estimated minutes for one filling.
    pub minutes: u32,
    /// Whether the maker gave them.
    pub declared: bool,
    /// Label and share known of each bound field.
    pub known: Vec<(String, i64)>,
    /// Of how many persons.
    pub sampled: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FieldKind, Lang, PageFrame, Renderer};

    fn error() -> FieldError {
        FieldError { name: Some("title".into()), text: "写上标题".into() }
    }

    fn edit(full: bool) -> FormEdit {
        let field = DraftField {
            key: "name".into(),
            label: "姓名".into(),
            control: "姓名".into(),
            required: full,
            bound: full.then(|| "人 · 姓名".into()),
            when: full.then(|| "当".into()),
            action: "/x".into(),
            inputs: vec![Field::new(FieldKind::Text, "label", "名称")],
            open: full,
            first: true,
            last: !full,
        };
        FormEdit {
            title: "走访".into(),
            href: "/forms/1".into(),
            version: 3,
            state: "草稿".into(),
            may_edit: full,
            plain: full,
            unpublished: full,
            settings: vec![Field::new(FieldKind::Text, "title", "标题")],
            fields: if full { vec![field] } else { vec![] },
            controls: vec![Choice::new("text", "文本")],
            attributes: vec![Choice::new("person.name", "姓名")],
            obstacles: if full { vec![error()] } else { vec![] },
            errors: if full { vec![error()] } else { vec![] },
            versions: if full {
                vec![VersionRow { title: "1".into(), at: "t".into(), href: "/p".into() }]
            } else {
                vec![]
            },
        }
    }

    #[test]
    fn every_page_renders_full_and_bare() {
        let renderer = Renderer::new();
        let page = PageFrame::new("t", "i");
        for lang in Lang::ALL {
            for full in [true, false] {
                let row =
                    FormRow { title: "t".into(), href: "/".into(), note: "n".into(), state: "s".into(), kind: "good" };
                let list = FormList {
                    words: String::new(),
                    forms: if full { vec![row] } else { vec![] },
                    next: full.then(|| "?c".into()),
                    may_make: full,
                    errors: if full { vec![error()] } else { vec![] },
                    title: Field::new(FieldKind::Text, "title", "标题"),
                    title_en: Field::new(FieldKind::Text, "title_en", "英文标题"),
                };
                renderer.render("forms/list.html", lang, &page, list).expect("list");
                let html = renderer.render("forms/edit.html", lang, &page, edit(full)).expect("edit");
                assert!(html.contains("<iframe"));
                let preview = FormPreview { form: None, faults: vec![error()] };
                renderer.render("forms/preview.html", lang, &page, preview).expect("preview");
                let publish = FormPublish {
                    title: "t".into(),
                    href: "/f".into(),
                    version: 1,
                    number: 2,
                    obstacles: if full { vec![error()] } else { vec![] },
                    fields: 9,
                    bound: 6,
                    minutes: 3,
                    declared: full,
                    known: if full { vec![] } else { vec![("姓名".into(), 98)] },
                    sampled: usize::from(!full) * 300,
                };
                renderer.render("forms/publish.html", lang, &page, publish).expect("publish");
            }
        }
    }
}
