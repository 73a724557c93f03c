//! Sentences, tables and ready-made rules decide, explain themselves and resume.

use std::collections::BTreeMap;

use crate::common::{ENGINE, candidates, chain, decide_expert, input, record};
use proptest::prelude::*;
use rule_engine::*;
use serde_json::json;

fn action(level: Level, whom: Whom, days: Option<u32>) -> Action {
    Action { level, whom, working_days: days }
}

fn tag(tag: &str) -> Whom {
    Whom::Tag { tag: tag.into() }
}

#[expect(clippy::unnecessary_wraps, reason = "a sentence's condition is optional")]
fn when(field: &str, is: Comparison, value: Option<Literal>) -> Option<Condition> {
    Some(Condition { of: Source::Subject, field: field.into(), is, value })
}

fn sentences() -> Vec<(Sentence, Option<&'static str>)> {
    use Comparison::*;
    use Level::*;
    let s = |when, then, otherwise| Sentence { when, then, otherwise };
    let grid = || action(Community, tag("grid_worker"), Some(3));
    let org = |level| Some(action(level, Whom::Organization, None));
    let text = |t: &str| Some(Literal::Text(t.into()));
    let number = |n| Some(Literal::Number(n));
    vec![
        (s(None, grid(), None), Some("w1")),
        (s(None, action(Community, Whom::Organization, Some(5)), None), Some("juwei")),
        (s(None, action(Township, Whom::Organization, None), None), Some("jiedao")),
        (s(None, action(Township, Whom::LeastLoad, None), None), Some("w4")),
        (s(None, action(City, Whom::Organization, None), None), None),
        (s(None, action(District, Whom::LeastLoad, None), None), None),
        (s(None, action(Community, tag("主任"), Some(250)), None), Some("w3")),
        (s(None, action(Community, tag("不存在"), None), None), None),
        (s(when("age", AtLeast, number(80)), grid(), org(Township)), Some("w1")),
        (s(when("age", Less, number(80)), grid(), org(Township)), Some("jiedao")),
        (s(when("phone", Empty, None), grid(), org(District)), Some("w1")),
        (s(when("phone", Filled, None), grid(), None), None),
        (s(when("needs", Contains, text("助餐")), grid(), None), Some("w1")),
        (s(when("alone", Equal, Some(Literal::Flag(true))), grid(), org(City)), Some("w1")),
        (s(when("name", NotEqual, text("张\"三\\\n${x}")), grid(), None), Some("w1")),
        (s(when("age", Greater, text("80")), grid(), org(Community)), Some("juwei")),
    ]
}

fn subject() -> serde_json::Value {
    json!({"age": 83, "needs": ["助餐", "保洁"], "alone": true, "name": "张三", "phone": null})
}

#[test]
fn sentences_decide_and_survive_json() {
    for (number, (sentence, expected)) in sentences().into_iter().enumerate() {
        let rule = Rule { source: RuleSource::Sentence(sentence) };
        let text = serde_json::to_string(&rule).expect("serializes");
        assert_eq!(serde_json::from_str::<Rule>(&text).expect("reads back"), rule);
        let compiled = ENGINE.compile(&rule, Hook::Dispatch).expect("compiles");
        let decision = decide(&compiled, &input("i", subject()), &mut LoadBook::default());
        assert_eq!(decision.holder().map(Holder::id), expected, "{number}: {decision:?}\n{}", compiled.text());
        if let Outcome::Orphan(orphan) = &decision.outcome {
            assert!(orphan.fault().is_none(), "{number}: {orphan:?}");
            assert!(orphan.message(Lang::ZhCn).ends_with('。'), "{}", orphan.message(Lang::ZhCn));
        }
    }
}

#[test]
fn generated_rhai_is_stable() {
    let rules: Vec<String> =
        sentences().into_iter().map(|(sentence, _)| generate(&RuleSource::Sentence(sentence))).collect();
    insta::assert_snapshot!("sentences", rules.join("\n"));
    let table = RuleSource::Table(DecisionTable {
        rows: vec![
            TableRow {
                when: [
                    when("age", Comparison::AtLeast, Some(Literal::Number(80))),
                    when("alone", Comparison::Equal, Some(Literal::Flag(true))),
                ]
                .into_iter()
                .flatten()
                .collect(),
                then: action(Level::Community, tag("grid_worker"), Some(2)),
            },
            TableRow {
                when: when("age", Comparison::AtLeast, Some(Literal::Number(60))).into_iter().collect(),
                then: action(Level::Community, Whom::Organization, Some(10)),
            },
        ],
        otherwise: Some(action(Level::Township, Whom::LeastLoad, None)),
    });
    insta::assert_snapshot!("table", generate(&table));
    let rule = ENGINE.compile(&Rule { source: table }, Hook::Dispatch).expect("compiles");
    for (subject, expected) in [
        (json!({"age": 90, "alone": true}), "w1"),
        (json!({"age": 90, "alone": false}), "juwei"),
        (json!({"age": 59, "alone": true}), "w4"),
        (json!({}), "w4"),
    ] {
        let decision = decide(&rule, &input("i", subject), &mut LoadBook::default());
        assert_eq!(decision.holder().map(Holder::id), Some(expected), "{decision:?}");
    }
}

#[test]
fn the_decision_explains_itself() {
    let (sentence, _) = sentences().swap_remove(0);
    let rule = ENGINE.compile(&Rule { source: RuleSource::Sentence(sentence) }, Hook::Dispatch).expect("compiles");
    let mut load = LoadBook::new(BTreeMap::from([("w1".to_owned(), 7)]));
    let decision = decide(&rule, &input("i", subject()), &mut load);
    assert_eq!(
        why(&decision, Lang::ZhCn),
        [
            "所在社区：新华社区；工作人员 3 人",
            "其中“网格员”2 人",
            "2 人中手上最少的是 李梅（0 份）",
            "派给 李梅，3 个工作日办结",
        ]
    );
    assert_eq!(load.take_changed(), [("w2".to_owned(), 1)]);
}

#[test]
fn ties_go_by_id_and_load_spreads_evenly() {
    let rule = Rule {
        source: RuleSource::Ready(Ready::Tag {
            level: Level::Community,
            tag: "grid_worker".into(),
            working_days: None,
        }),
    };
    let rule = ENGINE.compile(&rule, Hook::Dispatch).expect("compiles");
    let mut load = LoadBook::default();
    let inputs: Vec<_> = (0..4).map(|n| input(&n.to_string(), json!({}))).collect();
    let holders: Vec<_> = decide_batch(&rule, &inputs, &mut load)
        .filter_map(|decision| decision.holder().map(|holder| holder.id().to_owned()))
        .collect();
    assert_eq!(holders, ["w1", "w2", "w1", "w2"]);
}

#[test]
fn an_expert_rule_reads_everything_it_is_given() {
    let text = r#"
fn dispatch(item, subject, chain, candidates, load) {
    if item.row != 3 || item.id != "i" || subject["missing"] != () { throw "record"; }
    if chain.len() != 3 || chain[0].name != "新华社区" || chain.at("city") != () { throw "chain"; }
    if chain.at("township").governing_org != "jiedao" { throw "org"; }
    if candidates.len() != 7 || candidates.orgs().len() != 3 { throw "candidates"; }
    if candidates.in_place(chain[0].id).staff().len() != 2 { throw "in place"; }
    if candidates.of("juwei").staff().len() != 3 { throw "of"; }
    let one = candidates.with_tag("主任").first();
    if one.name != "赵敏" || one.place != () || load.of(one) != 0 { throw "one"; }
    to(one, 5)
}"#;
    let decision = decide_expert(text, json!({}));
    assert_eq!(decision.outcome, Outcome::Held(Dispatch { holder: Holder::Staff("w3".into()), working_days: Some(5) }));
}

#[test]
fn trees_that_make_no_sense_are_refused_by_name() {
    let bad = |source, hook| ENGINE.compile(&Rule { source }, hook).map(|_| ()).expect_err("refused").message_key;
    let sentence = |when, days, otherwise| {
        RuleSource::Sentence(Sentence { when, then: action(Level::City, Whom::LeastLoad, days), otherwise })
    };
    let other = Some(action(Level::City, Whom::LeastLoad, None));
    assert_eq!(bad(sentence(None, Some(0), None), Hook::Dispatch), "days-out-of-range");
    assert_eq!(bad(sentence(None, Some(251), None), Hook::Dispatch), "days-out-of-range");
    assert_eq!(bad(sentence(None, None, other), Hook::Dispatch), "else-without-if");
    assert_eq!(bad(sentence(None, None, None), Hook::Split), "wrong-hook");
    assert_eq!(bad(sentence(when("a", Comparison::Equal, None), None, None), Hook::Dispatch), "value-missing");
    assert_eq!(bad(sentence(when("", Comparison::Empty, None), None, None), Hook::Dispatch), "bad-name");
    assert_eq!(bad(RuleSource::Table(DecisionTable { rows: vec![], otherwise: None }), Hook::Dispatch), "no-rows");
    let answers = Some(Condition { of: Source::Answers, field: "x".into(), is: Comparison::Empty, value: None });
    assert_eq!(bad(sentence(answers, None, None), Hook::Dispatch), "source-not-here");
    assert!(
        serde_json::from_value::<Rule>(
            json!({"source": {"form": "ready", "name": "governing", "level": "community", "dyas": 3}})
        )
        .is_err()
    );
    assert!(
        serde_json::from_value::<Rule>(
            json!({"source": {"form": "ready", "name": "governing", "level": "community", "working_days": 3}})
        )
        .is_ok()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// A run stopped anywhere, its book saved as JSON, goes on as if it had never stopped.
    #[test]
    fn a_resumed_run_equals_an_uninterrupted_one(
        ages in prop::collection::vec(0i64..120, 1..60), stop in 0usize..60, pick in 0usize..16,
    ) {
        let (sentence, _) = sentences().swap_remove(pick);
        let rule = ENGINE.compile(&Rule { source: RuleSource::Sentence(sentence) }, Hook::Dispatch).expect("compiles");
        let inputs: Vec<_> = ages.iter().enumerate().map(|(n, age)| input(&n.to_string(), json!({"age": age}))).collect();
        let mut whole = LoadBook::default();
        let expected: Vec<_> = decide_batch(&rule, &inputs, &mut whole).collect();

        let stop = stop.min(inputs.len());
        let mut first = LoadBook::default();
        let mut got: Vec<_> = decide_batch(&rule, &inputs[..stop], &mut first).collect();
        let saved = serde_json::to_string(&first).expect("saves");
        let mut second: LoadBook = serde_json::from_str(&saved).expect("loads");
        got.extend(decide_batch(&rule, &inputs[stop..], &mut second));
        prop_assert_eq!(got, expected);
        prop_assert_eq!(second, whole);
    }

    #[test]
    fn random_text_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body = format!("fn dispatch(a, b, c, d, e) {{ {text} }}");
        for text in [text, body] {
            let rule = crate::common::expert(&text);
            if let Ok(rule) = ENGINE.compile(&rule, Hook::Dispatch) {
                let _ = decide(&rule, &input("i", json!({})), &mut LoadBook::default());
            }
        }
    }

    /// Words of the language in any order reach deeper than random bytes.
    #[test]
    fn random_words_never_panic(words in prop::collection::vec(prop::sample::select(vec![
        "let x = ", "item", "candidates", "load", ".governing(\"community\")", "to(", "none(\"\")", ")", "(", "{", "}",
        "[", "]", "if ", "else ", "while ", "loop ", "for i in 0..9 ", "x", "+", "-", "*", "/", "==", "1", "\"a\"", ";",
        "return ", "try ", "catch ", "throw ", "switch ", "=>", ",", "least_load(", ".first()", ".", "[0]", "()", "#{", "**", "<<",
    ]), 0..40)) {
        let rule = crate::common::expert(&format!("fn dispatch(item, b, c, candidates, load) {{ {} }}", words.concat()));
        if let Ok(rule) = ENGINE.compile(&rule, Hook::Dispatch) {
            let _ = decide(&rule, &input("i", json!({})), &mut LoadBook::default());
        }
    }

    /// No text inside a tree can become code.
    #[test]
    fn names_and_values_stay_text(field in "\\PC{1,20}", value in any::<String>()) {
        let sentence = Sentence {
            when: when(field.trim(), Comparison::Equal, Some(Literal::Text(value.chars().take(200).collect()))),
            then: action(Level::Community, Whom::Organization, None),
            otherwise: Some(action(Level::Township, Whom::Organization, None)),
        };
        let Ok(rule) = ENGINE.compile(&Rule { source: RuleSource::Sentence(sentence.clone()) }, Hook::Dispatch) else {
            // Only an empty name may be refused.
            prop_assert!(field.trim().is_empty());
            return Ok(());
        };
        let value: String = value.chars().take(200).collect();
        let subject = json!({ field.trim(): value });
        let decision = decide(&rule, &input("i", subject), &mut LoadBook::default());
        prop_assert_eq!(decision.holder().map(Holder::id), Some("juwei"));
    }
}

/// Run with `--ignored --nocapture` to see what a decision costs.
#[test]
#[ignore = "a measurement, not a check"]
fn cost_of_a_decision() {
    let (sentence, _) = sentences().swap_remove(8);
    let rule = ENGINE.compile(&Rule { source: RuleSource::Sentence(sentence) }, Hook::Dispatch).expect("compiles");
    let one = DispatchInput {
        item: record("i", json!({})),
        subject: record("s", subject()),
        chain: chain(),
        candidates: candidates(),
    };
    let mut load = LoadBook::default();
    let start = std::time::Instant::now();
    let held =
        decide_batch(&rule, std::iter::repeat_n(&one, 20_000), &mut load).filter(|d| d.holder().is_some()).count();
    println!("{held} decisions, {:?} each", start.elapsed() / 20_000);
}
