//! The page that shows every shared piece with sample data (`/design`), in
//! development builds and for the tests of accessibility. All names are made up.

use serde::Serialize;

use crate::viz::{Forecast, Trend, TrendPoint};
use crate::{
    Choice, Field, FieldKind, Known, Lang, OtherPost, PageFrame, RenderError, Renderer, SignedIn, Tab, Toast,
    ToastKind, Undo,
};

/// Context of `design/index.html` and `design/resident.html`.
#[derive(Debug, Serialize)]
pub struct DesignPage {
    /// A trend with a forecast.
    pub trend: Option<Trend>,
    /// One question of each kind.
    pub fields: Vec<Field>,
    /// The same with errors.
    pub bad_fields: Vec<Field>,
    /// A person with two posts is signed in.
    pub zh: bool,
}

/// Chooses between the two texts of a sample.
fn say(lang: Lang, zh: &str, en: &str) -> String {
    match lang {
        Lang::ZhCn => zh.to_owned(),
        Lang::En => en.to_owned(),
    }
}

fn choices(lang: Lang) -> Vec<Choice> {
    [("self", "我自己", "Myself"), ("family", "家里人", "Someone in my family")]
        .into_iter()
        .map(|(value, zh, en)| Choice::new(value, say(lang, zh, en)))
        .collect()
}

fn needs(lang: Lang) -> Vec<Choice> {
    [("meals", "助餐", "Meals"), ("medical", "就医", "Seeing a doctor"), ("repair", "维修", "Repairs")]
        .into_iter()
        .map(|(value, zh, en)| Choice::new(value, say(lang, zh, en)))
        .collect()
}

/// One question of every kind.
fn fields(lang: Lang) -> Vec<Field> {
    let say = |zh, en| say(lang, zh, en);
    let one = |kind, name: &str, zh, en| Field::new(kind, name, say(zh, en));
    vec![
        Field {
            required: true,
            value: say("欧阳秀兰", "Ouyang Xiulan"),
            ..one(FieldKind::Text, "name", "姓名", "Name")
        },
        Field {
            hint: Some(say("18 位，最后一位可以是 X", "18 characters; the last may be X")),
            required: true,
            ..one(FieldKind::CitizenNumber, "citizen_number", "身份证号", "Citizen number")
        },
        Field {
            known: Some(Known {
                text: "138****1234".to_owned(),
                source: Some(say("2026-10-28 独居老人走访，王强", "2026-10-28 home visit, Wang Qiang")),
            }),
            ..one(FieldKind::Phone, "phone", "电话", "Phone")
        },
        Field {
            options: choices(lang),
            value: "family".to_owned(),
            required: true,
            ..one(FieldKind::SingleChoice, "for_whom", "为谁申请", "Who is it for")
        },
        Field {
            options: vec![Choice::new("mother", say("母亲", "Mother")), Choice::new("father", say("父亲", "Father"))],
            value: "mother".to_owned(),
            when: Some(r#"[{"field":"for_whom","equals":["family"]}]"#.to_owned()),
            ..one(FieldKind::Select, "relation", "老人是您的", "The elder is your")
        },
        Field {
            value: "true".to_owned(), required: true, ..one(FieldKind::YesNo, "alone", "是否独居", "Lives alone")
        },
        Field {
            options: needs(lang),
            values: vec!["meals".to_owned()],
            ..one(FieldKind::MultiChoice, "needs", "需要什么帮助", "Help needed")
        },
        Field {
            value: "81".to_owned(),
            unit: Some(say("岁", "years")),
            ..one(FieldKind::Integer, "age", "年龄", "Age")
        },
        Field { unit: Some("m²".to_owned()), ..one(FieldKind::Decimal, "area", "面积", "Floor area") },
        Field {
            value: "2026-11-23".to_owned(),
            hint: Some(say("例如 2026-11-23", "For example 2026-11-23")),
            ..one(FieldKind::Date, "visited_on", "走访日期", "Visited on")
        },
        one(FieldKind::LongText, "remarks", "备注", "Remarks"),
    ]
}

fn bad_fields(lang: Lang) -> Vec<Field> {
    let say = |zh, en| say(lang, zh, en);
    vec![
        Field {
            value: say("八十五", "eighty-five"),
            error: Some(say("年龄应是数字，例如 85", "Write the age in digits, for example 85")),
            required: true,
            ..Field::new(FieldKind::Integer, "bad_age", say("年龄", "Age"))
        },
        Field {
            options: choices(lang),
            error: Some(say("请选择为谁申请", "Choose who it is for")),
            required: true,
            ..Field::new(FieldKind::SingleChoice, "bad_whom", say("为谁申请", "Who is it for"))
        },
    ]
}

fn trend(lang: Lang) -> Option<Trend> {
    let points: Vec<TrendPoint> = [4.0, 7.0, 11.0, 13.0, 18.0, 24.0, 29.0, 33.0, 38.0, 44.0, 49.0, 52.0, 55.0]
        .iter()
        .enumerate()
        .map(|(index, &percent)| TrendPoint { label: format!("11-{:02}", index + 10), percent })
        .collect();
    let forecast = Forecast {
        steps: 7,
        percent: 97.0,
        label: say(lang, "11-30 截止", "due 11-30"),
        note: say(lang, "照这个速度，11 月 29 日办完", "At this pace it is done by 29 Nov"),
    };
    let description = say(
        lang,
        "从 11-10 的 4% 到 11-22 的 55%，照这个速度 11 月 29 日办完",
        "From 4% on 11-10 to 55% on 11-22; at this pace done by 29 Nov",
    );
    Trend::new(&points, Some(&forecast), &description)
}

/// Renders `template` (`design/index.html`, `design/resident.html`,
/// `design/wall.html`) with sample data.
pub fn render(renderer: &Renderer, template: &str, lang: Lang, large: bool) -> Result<String, RenderError> {
    let say = |zh, en| say(lang, zh, en);
    let mut person = SignedIn::new(
        &say("张敏", "Zhang Min"),
        &say("民政干事", "Civil affairs officer"),
        &say("文瀛湖街道", "Wenyinghu Subdistrict"),
    );
    person
        .other_posts
        .push(OtherPost {
            id: "2".to_owned(), label: say("御馨花都社区 网格员", "Grid worker, Yuxin Community")
        });
    let mut frame =
        PageFrame::new(say("共用的部件", "Shared pieces"), say("大同市政民互通平台", "Datong Two-way Platform"))
            .at("/design")
            .signed_in(person, Some(Tab::Home), true)
            .with_toast(Some(Toast {
                text: say("已发给 12 个社区", "Sent to 12 communities"),
                kind: ToastKind::Good,
                undo: Some(Undo { action: "/design".to_owned(), fields: vec![("release".to_owned(), "1".to_owned())] }),
            }));
    frame.large = large;
    frame.help = Some(crate::HelpLine {
        phone: "0352-000 0000".to_owned(),
        place: say("御馨花都社区居委会", "the Yuxin Community Committee"),
    });
    let page =
        DesignPage { trend: trend(lang), fields: fields(lang), bad_fields: bad_fields(lang), zh: lang == Lang::ZhCn };
    renderer.render(template, lang, &frame, &page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_renders_in_both_languages() {
        let renderer = Renderer::new();
        for lang in Lang::ALL {
            for template in ["design/index.html", "design/resident.html", "design/wall.html"] {
                for large in [false, true] {
                    let html = render(&renderer, template, lang, large).unwrap();
                    assert!(!html.contains(" style=") && !html.contains("<style"), "{template}");
                    assert!(!html.contains("onclick"), "{template}");
                }
            }
        }
    }
}
