//! Browsing the knowledge model: classes, groups, attributes, code lists.

use axum::extract::{Path, Query, State};
use axum::response::Html;
use form_runtime::model::{Attribute, Datatype, Sensitivity};
use form_runtime::{Class, Model};
use serde::Deserialize;
use web::Lang;
use web::pages::knowledge::{AttributeGroup, AttributeRow, ClassLink, CodeListLink, CodeListPage, KnowledgePage};

use super::{model, model_lang};
use crate::access::Viewer;
use crate::app::App;
use crate::error::AppError;

/// What to show.
#[derive(Debug, Default, Deserialize)]
pub struct ModelQuery {
    /// class key; person if none
    #[serde(default)]
    pub class: String,
    /// search text
    #[serde(default)]
    pub q: String,
}

/// `GET /knowledge`
pub async fn index(
    State(app): State<App>,
    viewer: Viewer,
    Query(query): Query<ModelQuery>,
) -> Result<Html<String>, AppError> {
    viewer.principal.account().ok_or(AppError::SignIn)?;
    let model = model();
    let class: Class = query.class.parse().unwrap_or(Class::Person);
    let q = query.q.trim().to_lowercase();
    let lang = model_lang(viewer.lang);
    let found = |attribute: &&Attribute| {
        q.is_empty()
            || attribute.key.contains(&q)
            || attribute.zh.contains(&q)
            || attribute.en.to_lowercase().contains(&q)
    };
    let groups = model
        .groups(class, lang)
        .map(|(key, name)| AttributeGroup {
            name: name.to_owned(),
            attributes: model
                .attributes_of(class)
                .filter(|attribute| attribute.group == key)
                .filter(found)
                .map(|attribute| row(&viewer, &model, attribute))
                .collect(),
        })
        .filter(|group| !group.attributes.is_empty())
        .collect();
    let page = KnowledgePage {
        version: model.version().to_owned(),
        classes: Class::ALL
            .iter()
            .map(|each| ClassLink {
                label: viewer.text(&format!("knowledge-class-{each}"), &[]),
                href: format!("/knowledge?class={each}"),
                count: model.attributes_of(*each).count() as i64,
                current: *each == class,
            })
            .collect(),
        class_name: viewer.text(&format!("knowledge-class-{class}"), &[]),
        class: class.key().to_owned(),
        q: query.q,
        groups,
        relations: model
            .relations()
            .filter(|relation| relation.from == class || relation.to == class)
            .map(|relation| {
                let name = |class: Class| viewer.text(&format!("knowledge-class-{class}"), &[]);
                let english = viewer.lang == Lang::En && !relation.en.is_empty();
                let label = if english { &relation.en } else { &relation.zh };
                (label.clone(), name(relation.from), name(relation.to))
            })
            .collect(),
    };
    viewer.page(&app, "knowledge/index.html", "knowledge-title", None, page)
}

fn row(viewer: &Viewer, model: &Model, attribute: &Attribute) -> AttributeRow {
    let lang = model_lang(viewer.lang);
    let list = attribute.code_list.as_ref().and_then(|key| model.code_list(key)).map(|list| CodeListLink {
        name: if viewer.lang == Lang::En && !list.en.is_empty() { list.en.clone() } else { list.zh.clone() },
        href: format!("/knowledge/lists/{}", list.key),
        verified: list.verified,
    });
    let (sensitivity, sensitivity_kind) = match attribute.sensitivity {
        Sensitivity::Plain => ("plain", ""),
        Sensitivity::Personal => ("personal", ""),
        Sensitivity::Sensitive => ("sensitive", "warn"),
        Sensitivity::Secret => ("secret", "danger"),
    };
    AttributeRow {
        key: attribute.key.clone(),
        name: attribute.name(lang).to_owned(),
        datatype: viewer.text(&format!("knowledge-type-{}", datatype_key(attribute.datatype)), &[]),
        list,
        sensitivity: viewer.text(&format!("knowledge-{sensitivity}"), &[]),
        sensitivity_kind,
        freshness: attribute
            .freshness_days
            .map(|days| viewer.text("knowledge-days", &[("n", i64::from(days).into())]))
            .unwrap_or_default(),
    }
}

fn datatype_key(datatype: Datatype) -> &'static str {
    match datatype {
        Datatype::Text => "text",
        Datatype::LongText => "long-text",
        Datatype::Integer => "integer",
        Datatype::Decimal => "decimal",
        Datatype::Money => "money",
        Datatype::Boolean => "boolean",
        Datatype::Date => "date",
        Datatype::Datetime => "datetime",
        Datatype::IdentityNumber => "identity-number",
        Datatype::Phone => "phone",
        Datatype::Plate => "plate",
        Datatype::Uscc => "uscc",
        Datatype::Url => "url",
        Datatype::Code => "code",
        Datatype::Reference => "reference",
        Datatype::Point => "point",
        Datatype::Geometry => "geometry",
        Datatype::File => "file",
    }
}

/// `GET /knowledge/lists/{key}`
pub async fn list(State(app): State<App>, viewer: Viewer, Path(key): Path<String>) -> Result<Html<String>, AppError> {
    viewer.principal.account().ok_or(AppError::SignIn)?;
    let model = model();
    let list = model.code_list(&key).ok_or(AppError::NotFound)?;
    let english = viewer.lang == Lang::En;
    let page = CodeListPage {
        name: if english && !list.en.is_empty() { list.en.clone() } else { list.zh.clone() },
        standard: list.standard.clone(),
        status: list.status.clone(),
        verified: list.verified,
        items: list
            .items
            .iter()
            .map(|item| {
                (item.code.clone(), if english && !item.en.is_empty() { item.en.clone() } else { item.zh.clone() })
            })
            .collect(),
    };
    let frame = viewer.frame(&app, page.name.clone(), None);
    viewer.render(&app, "knowledge/list.html", &frame, page)
}
