//! What residents of the demo city sent in: a few requests through the channel of the application and one
//! word to the mailbox, in the states that a worker meets. Names and numbers are made up.

use serde_json::{Value, json};

use super::city::COMMUNITIES;
use super::people::citizen_number;
use super::story::CHANNEL;
use crate::access::Viewer;
use crate::app::App;
use crate::applications::{self, format::Kind};
use crate::channels::submit::{Request, Submitted, submit};
use crate::channels::{Channel, feedback, handle, store};
use crate::error::AppError;
use crate::forms;
use crate::platform::events::Actor;
use crate::platform::ids::{Id, derived_id, shard_of};
use crate::tasks::acts::By;

/// How far a request has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    InHand,
    Correction,
}

/// Community, name, birth date, phone, what is needed, what was written.
type Row = (usize, &'static str, &'static str, &'static str, &'static str, &'static str, State);

const ROWS: [Row; 6] = [
    (0, "郝桂芳", "19420316", "19903540001", "meals", "腿脚不方便，想问问能不能送午饭", State::Waiting),
    (0, "任玉莲", "19380909", "19903540002", "medicine", "每月要到医院取降压药", State::InHand),
    (0, "武德旺", "19450122", "19903540003", "repair", "厨房水管渗水", State::Correction),
    (0, "曹秀珍", "19400704", "19903540004", "company", "孩子在外地，白天没人说话", State::Waiting),
    (1, "孟宪章", "19370518", "19903540005", "cleaning", "眼睛看不清，打扫有困难", State::Waiting),
    (1, "田玉兰", "19440211", "19903540006", "meals", "", State::Waiting),
];

/// Sends them in, unless they are there already.
pub async fn build(app: &App, worker: &By) -> Result<(), AppError> {
    let (of, name) = CHANNEL.split_once('/').ok_or(AppError::NotFound)?;
    let installed = applications::store::object(&mut app.read(), of, Kind::Channels.key(), name).await?;
    let channel = installed.ok_or(AppError::NotFound)?.object_id;
    let channel = store::channel(&mut app.read(), channel).await?.ok_or(AppError::NotFound)?;
    let mut viewer = Viewer::anonymous(web::Lang::ZhCn, "demo".into(), "/".into());
    viewer.principal = worker.principal.clone();
    for (at, row) in ROWS.iter().enumerate() {
        let (community, name, birth, phone, needs, remarks, state) = *row;
        let Some(place) = app.geography().by_code(COMMUNITIES[community]).map(|place| place.id) else { continue };
        let answers = json!({
            "name": name, "id_no": citizen_number("140202", birth, 901 + at as u64), "phone": phone,
            "living_alone": true, "contact": "家属", "needs": [needs], "remarks": remarks,
        });
        let Some(case) = file(app, &channel, place, at as u64, answers).await? else { continue };
        match state {
            State::Waiting => {}
            State::InHand => handle::claim(app, &viewer, case, None).await?,
            State::Correction => {
                let (fields, text) = (vec!["phone".to_owned()], "电话少一位，打不通，请核对。");
                handle::ask_correction(app, &viewer, case, None, fields, text).await?;
            }
        }
    }
    let (mailbox, _, place) = feedback::mailbox(app).await?;
    let text = "御河边的步道晚上路灯不亮，老人散步看不清。";
    file(app, &mailbox, place, 100, json!({"kind": "suggestion", "text": text})).await?;
    Ok(())
}

/// One request; none when it was sent before. Its client id is a function of its number.
async fn file(app: &App, channel: &Channel, place: Id, number: u64, answers: Value) -> Result<Option<Id>, AppError> {
    let published = forms::published(app, channel.form_version_id).await?;
    let shard = app.geography().get(place).map_or_else(|| shard_of(place), |found| found.shard);
    let client_id = derived_id(shard, 0, &[b"demo-request", &number.to_be_bytes()]);
    let before = forms::store::submission_of_client(&mut app.read(), shard, published.form_id, client_id).await?;
    if before.is_some() {
        return Ok(None);
    }
    let request = Request {
        channel: channel.clone(),
        published,
        place,
        client_id,
        posted: answers.as_object().cloned().unwrap_or_default(),
        actor: Actor::default(),
        filer: None,
    };
    match submit(app, &request).await? {
        Submitted::Stored(slip) => Ok(Some(slip.case)),
        other => Err(AppError::Internal(format!("a request of the demo is refused: {other:?}"))),
    }
}
