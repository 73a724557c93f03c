//! Example cases that every dispatch rule meets before it may be used: a usual household, a community
//! without any worker, and one with two.

use rule_engine::{Attributes, Candidate, CandidateKind, Candidates, Chain, ChainPlace, DispatchInput, Record};
use serde_json::json;

/// Text key and input of each example.
pub fn inputs() -> Vec<(&'static str, DispatchInput)> {
    vec![
        ("tasks-example-usual", input(&["王强"], 81, true)),
        ("tasks-example-nobody", input(&[], 81, true)),
        ("tasks-example-two", input(&["王强", "李娜"], 66, false)),
    ]
}

fn input(workers: &[&str], age: i64, alone: bool) -> DispatchInput {
    let place = |id: &str, level: &str, name: &str| ChainPlace {
        id: id.into(),
        level: level.into(),
        name: name.into(),
        kind: String::new(),
        governing_org: Some(format!("org-{id}")),
    };
    let chain = vec![
        place("community", "community", "御馨社区"),
        place("township", "township", "文瀛湖街道"),
        place("district", "district", "平城区"),
        place("city", "city", "大同市"),
    ];
    let mut candidates: Vec<Candidate> = [
        ("community", "御馨社区居委会"),
        ("township", "文瀛湖街道办事处"),
        ("district", "平城区民政局"),
        ("city", "大同市民政局"),
    ]
    .iter()
    .map(|(id, name)| Candidate::org(&format!("org-{id}"), name, id))
    .collect();
    for (index, name) in workers.iter().enumerate() {
        candidates.push(Candidate {
            id: format!("worker-{index}"),
            kind: CandidateKind::Staff,
            name: (*name).to_owned(),
            org: "org-community".into(),
            place: Some("community".into()),
            tags: vec!["grid_worker".into()],
            posts: vec!["网格员".into()],
            grid: true,
        });
    }
    let attributes: Attributes =
        [("age".to_owned(), json!(age)), ("living_alone".to_owned(), json!(alone))].into_iter().collect();
    DispatchInput {
        item: Record::new("1"),
        subject: Record { id: "subject".into(), class: "person".into(), attributes: attributes.into() },
        chain: Chain::new(chain),
        candidates: Candidates::new(candidates),
    }
}
