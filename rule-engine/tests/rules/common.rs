//! A small street that the tests dispatch in.

use std::sync::LazyLock;

use rule_engine::*;

pub static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new(Limits::default()));

pub fn expert(rhai: &str) -> Rule {
    Rule { source: RuleSource::Expert { rhai: rhai.to_owned() } }
}

#[expect(clippy::needless_pass_by_value, reason = "called with json!")]
pub fn record(id: &str, attributes: serde_json::Value) -> Record {
    Record::new(id).with(attributes.as_object().cloned().unwrap_or_default())
}

pub fn chain() -> Chain {
    let place = |id: &str, level: &str, name: &str, org: &str| ChainPlace {
        id: id.into(),
        level: level.into(),
        name: name.into(),
        kind: String::new(),
        governing_org: Some(org.into()),
    };
    Chain::new(vec![
        place("p1", "community", "新华社区", "juwei"),
        place("p2", "township", "南街街道", "jiedao"),
        place("p3", "district", "平城区", "minzheng"),
    ])
}

pub fn candidates() -> Candidates {
    let worker = |id: &str, name: &str, tag: &str| Candidate {
        tags: vec![tag.into()],
        ..Candidate::staff(id, name, "juwei", "p1")
    };
    Candidates::new(vec![
        Candidate::org("juwei", "新华社区居委会", "p1"),
        Candidate::org("jiedao", "南街街道办事处", "p2"),
        Candidate::org("minzheng", "平城区民政局", "p3"),
        worker("w2", "李梅", "grid_worker"),
        worker("w1", "王强", "grid_worker"),
        Candidate { posts: vec!["主任".into()], ..Candidate::staff("w3", "赵敏", "juwei", "") },
        Candidate::staff("w4", "孙立", "jiedao", "p2"),
    ])
}

pub fn input(id: &str, subject: serde_json::Value) -> DispatchInput {
    DispatchInput {
        item: record(id, serde_json::json!({"row": 3})),
        subject: record("s", subject),
        chain: chain(),
        candidates: candidates(),
    }
}

pub fn decide_expert(rhai: &str, subject: serde_json::Value) -> Decision {
    let rule = ENGINE.compile(&expert(rhai), Hook::Dispatch).expect("compiles");
    decide(&rule, &input("i", subject), &mut LoadBook::default())
}
