//! Submitting: judge what was posted, and make of it rows and statements about entities.

use std::collections::BTreeMap;
use std::sync::Arc;

use form_runtime::{Confirm, Context, Extraction, FieldMessage, Known, Map, extract, validate};
use serde_json::{Value, json};

use super::Published;
use super::store::{self, SUBMISSION};
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::platform::database::bulk::OnKey;
use crate::platform::events::Actor;
use crate::platform::ids::{Id, new_id};
use crate::platform::lane::{Put, SubmissionKey, WriteSet};
use crate::platform::secrets::{Keys, SecretError, random};

/// Through which door an answer came in; the submission lies in its shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// an item of a task
    Item {
        /// of the item
        shard: i64,
        /// the item
        id: Id,
    },
    /// a case of a channel; its id is made before (`new_id(shard, now)`)
    Case {
        /// of the community whose page was opened
        shard: i64,
        /// the case
        id: Id,
        /// the channel: what a repeat is compared by, since its page makes a new case id each time
        channel: Id,
    },
}

impl Door {
    fn kind(self) -> &'static str {
        match self {
            Self::Item { .. } => "item",
            Self::Case { .. } => "case",
        }
    }

    /// Shard of the submission.
    pub fn shard(self) -> i64 {
        match self {
            Self::Item { shard, .. } | Self::Case { shard, .. } => shard,
        }
    }

    fn id(self) -> Id {
        match self {
            Self::Item { id, .. } | Self::Case { id, .. } => id,
        }
    }

    fn lasting(self) -> Id {
        match self {
            Self::Item { id, .. } => id,
            Self::Case { channel, .. } => channel,
        }
    }
}

/// One filled form before it is judged.
#[derive(Clone, Debug)]
pub struct Filing {
    /// the version that was filled
    pub published: Arc<Published>,
    /// where it came in
    pub door: Door,
    /// made by the client; the same id is the same submission for ever
    pub client_id: Id,
    /// answers by field key, as posted or as canonical JSON
    pub posted: Map,
    /// what the page showed, by field key
    pub known: Known,
    /// 没有变化: everything shown still holds
    pub confirm_all: bool,
    /// who files it, and for whom
    pub actor: Actor,
}

/// A filing that stands: the caller adds its own rows and hands the set to the lane.
#[derive(Clone, Debug)]
pub struct Ready {
    /// id of the submission
    pub submission_id: Id,
    /// what the slip says
    pub slip_code: String,
    /// the submission row; the event is the caller's, one for each act
    pub write_set: WriteSet,
    /// what is said about whom; secrets are clear text here
    pub extraction: Extraction,
    /// canonical answers of the visible fields, known ones included; secrets are clear text here
    pub normalized: Map,
    /// what is pointed out without standing in the way
    pub notes: Vec<FieldMessage>,
}

/// Judges a filing and makes its rows. Nothing is written.
pub fn prepare(app: &App, filing: &Filing) -> Result<Ready, Vec<FieldMessage>> {
    let form = &filing.published.compiled;
    let validated = validate(form, &filing.posted, &filing.known, Context { today: app.clock.today() });
    if !validated.is_ok() {
        return Err(validated.errors);
    }
    let confirm = if filing.confirm_all { Confirm::AllShown } else { Confirm::Nothing };
    let extraction = extract(form, &validated, &filing.known, &confirm);
    let (now, shard) = (app.now(), filing.door.shard());
    let submission_id = new_id(shard, now);
    let slip_code = slip_code(&app.clock.today_text());
    let payload_hash = payload_hash(&app.keys, filing);
    let row = args![
        shard,
        filing.published.form_id,
        filing.client_id,
        submission_id,
        filing.published.id,
        filing.door.kind(),
        filing.door.id(),
        payload_hash.clone(),
        seal_answers(&app.keys, &filing.published, &validated.normalized).to_string(),
        &slip_code,
        now,
        filing.actor.account,
        filing.actor.post,
        &filing.actor.on_behalf
    ];
    let write_set = WriteSet {
        shard,
        key: SubmissionKey { form_id: filing.published.form_id, client_id: filing.client_id, payload_hash },
        expects: Vec::new(),
        puts: vec![Put { shape: &SUBMISSION, on_key: OnKey::Fail, row }],
        signals: Vec::new(),
    };
    Ok(Ready {
        submission_id,
        slip_code,
        write_set,
        extraction,
        normalized: validated.normalized,
        notes: validated.warnings,
    })
}

/// What was stored before under the same client's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct First {
    /// the submission
    pub submission_id: Id,
    /// its slip
    pub slip_code: String,
    /// whether it said the same
    pub same: bool,
}

/// Looks a repeat up before anything is judged: a repeat gets the first slip even when the item has
/// ended meanwhile.
pub async fn first(app: &App, filing: &Filing) -> Result<Option<First>, AppError> {
    let (shard, form) = (filing.door.shard(), filing.published.form_id);
    let found = store::submission_of_client(&mut app.read(), shard, form, filing.client_id).await?;
    Ok(found.map(|(submission_id, slip_code, hash)| First {
        submission_id,
        slip_code,
        same: hash == payload_hash(&app.keys, filing),
    }))
}

/// A keyed digest of what was posted, and where: names sorted, blanks left out. Keyed, since answers
/// such as a citizen number could be guessed from a bare hash.
fn payload_hash(keys: &Keys, filing: &Filing) -> Vec<u8> {
    let posted: BTreeMap<&String, &Value> =
        filing.posted.iter().filter(|(_, value)| !form_runtime::controls::is_blank(value)).collect();
    let whole = json!([filing.published.id, filing.door.lasting(), filing.confirm_all, posted]);
    keys.lasting_digest("submission", &whole.to_string())
}

/// `261124-7K3M9Q`: the day and six characters without those that look alike; 30 bits for one day.
fn slip_code(today: &str) -> String {
    const SIGNS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let day: String = today.chars().filter(char::is_ascii_digit).skip(2).collect();
    let tail: String = random::<6>().iter().map(|byte| char::from(SIGNS[usize::from(byte % 32)])).collect();
    format!("{day}-{tail}")
}

/// The context under which a secret answer is sealed: its attribute, as in the current record.
fn context(published: &Published, key: &str) -> String {
    let bound = published.compiled.field(key).and_then(|field| field.definition.bind.as_ref());
    bound.map_or_else(|| "answer".to_owned(), |bind| bind.attribute.to_string())
}

fn seal_answers(keys: &Keys, published: &Published, answers: &Map) -> Value {
    let mut stored = answers.clone();
    for key in published.compiled.secret_fields() {
        if let Some(value) = stored.get_mut(key) {
            let clear = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            *value = keys.seal_text(&context(published, key), &clear).into();
        }
    }
    Value::Object(stored)
}

/// The answers of a stored submission, secrets opened. Whoever shows them shows masks.
pub fn open_answers(keys: &Keys, published: &Published, stored: &str) -> Result<Map, AppError> {
    let mut answers: Map = serde_json::from_str(stored).map_err(crate::platform::database::StoreError::from)?;
    for key in published.compiled.secret_fields() {
        if let Some(value) = answers.get_mut(key) {
            let token = value.as_str().ok_or(SecretError::Unreadable)?;
            *value = keys.open_text(&context(published, key), token)?.into();
        }
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::slip_code;

    #[test]
    fn a_slip_is_short_and_without_look_alikes() {
        let slip = slip_code("2026-11-24");
        assert!(slip.starts_with("261124-") && slip.len() == 13, "{slip}");
        assert!(!slip.contains(['I', 'L', 'O', 'U']));
        assert_ne!(slip, slip_code("2026-11-24"));
    }
}
