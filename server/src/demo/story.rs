//! What goes on in the demo city: the visit application is installed, its channel is open to the two demo
//! communities, a task over its ledger is dispatched and part of the visits are done. All of it through
//! the rooms' own use-cases, as the people of the cast would.

use serde_json::{Map, json};

use super::city::COMMUNITIES;
use super::random::Random;
use super::requests;
use crate::access::{Principal, StaffViewer, store as accounts};
use crate::app::App;
use crate::applications::{self, Installed};
use crate::entities::Subject;
use crate::error::AppError;
use crate::platform::events::Actor;
use crate::platform::ids::{Id, new_id};
use crate::platform::jobs::run_until_idle;
use crate::tasks::acts::By;
use crate::tasks::create::{self, Draft};
use crate::tasks::submit::{Posted, submit};
use crate::tasks::work_store::{self, Wanted};
use crate::tasks::{Relay, TaskShape, dispatch, rows, templates};
use crate::{access, ledgers};

const SEED: u64 = 20_261;
/// Key of the task template, and of the application's channel.
const TEMPLATE: &str = "elder-visit/visit";
pub const CHANNEL: &str = "elder-visit/register";
/// How many each of them visits before the demo begins.
const VISITS: [usize; 2] = [46, 31];
/// The workers of the two communities: sign-in, title of the post.
pub const WORKERS: [(&str, &str); 2] = [("sunxiaodong", "网格员"), ("zhouhaiyan", "网格员")];

macro_rules! folder {
    ($($file:literal),* $(,)?) => {
        /// The application as committed under `examples/elder-visit`, so that the program finds it wherever it runs.
        pub const FOLDER: &[(&str, &[u8])] =
            &[$(($file, include_bytes!(concat!("../../../examples/elder-visit/", $file)))),*];
    };
}

folder![
    "app.json",
    "boards/visit.json",
    "cases/counting.json",
    "cases/grid-worker.json",
    "cases/registration.json",
    "cases/visit.json",
    "channels/register.json",
    "forms/registration.json",
    "forms/visit.json",
    "ledgers/living-alone.json",
    "rules/counting.json",
    "rules/grid-worker.json",
    "sample/visit.csv",
    "tasks/visit.json",
    "texts/en.json",
    "texts/zh-CN.json",
];

/// Installs, opens, dispatches, visits; what is there already stays.
pub async fn build(app: &App) -> Result<(), AppError> {
    let manager = by(app, "liuhui", None).await?;
    install(app, &manager.actor).await?;
    let places = COMMUNITIES.iter().filter_map(|code| Some(app.geography().by_code(code)?.id)).collect();
    applications::open_channel(app, CHANNEL, places, &manager.actor).await?;
    requests::build(app, &by(app, "zhaoxiuying", None).await?).await?;
    if let Some(task) = task(app, &manager).await? {
        for ((login, title), visits) in WORKERS.into_iter().zip(VISITS) {
            let mut random = Random::new(SEED + visits as u64);
            visit(app, task, &by(app, login, Some(title)).await?, visits, &mut random).await?;
        }
    }
    Ok(())
}

/// Somebody of the cast in the post with this title, or in the highest.
pub async fn by(app: &App, login: &str, title: Option<&str>) -> Result<By, AppError> {
    let missing = || AppError::Internal(format!("{login} is not in the demo's address book"));
    let account = accounts::account_by_login(&mut app.read(), login).await?.ok_or_else(missing)?;
    let staff = account.staff_id.ok_or_else(missing)?;
    let directory = app.directory();
    let post = directory
        .posts_of(staff)
        .filter(|post| title.is_none_or(|title| post.title == title))
        .min_by_key(|post| post.rank);
    let post = post.map(|post| post.id);
    let principal = access::load_principal(app, account.id, post).await?;
    Ok(By { actor: Actor { account: Some(account.id), post, ..Actor::default() }, principal })
}

async fn install(app: &App, actor: &Actor) -> Result<Installed, AppError> {
    let unwritten =
        |fault: std::io::Error| AppError::Internal(format!("the demo's application cannot be unpacked: {fault}"));
    let folder = tempfile::tempdir().map_err(unwritten)?;
    for (name, bytes) in FOLDER {
        let path = folder.path().join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(unwritten)?;
        }
        std::fs::write(path, bytes).map_err(unwritten)?;
    }
    applications::install(app, folder.path(), actor).await
}

/// The dispatched task over the ledger of those who live alone; none if a task was made from the template
/// before.
async fn task(app: &App, manager: &By) -> Result<Option<Id>, AppError> {
    let made = crate::tasks::store::tasks_seen(&mut app.read(), &manager.principal).await?;
    if made.iter().any(|task| task.app_key.as_deref() == Some(TEMPLATE)) {
        return Ok(None);
    }
    let task = round(app, manager).await?;
    run_until_idle(app).await?;
    Ok(Some(task))
}

/// Makes a task from the template over everybody on its ledger and begins to send it out.
pub async fn round(app: &App, manager: &By) -> Result<Id, AppError> {
    let missing = || AppError::Internal(format!("{TEMPLATE} is not installed"));
    let one = templates::find(&mut app.read(), TEMPLATE).await?.ok_or_else(missing)?;
    let ledger = one.template.ledger.ok_or_else(missing)?;
    let ledger = ledgers::find(&mut app.read(), ledger).await?.ok_or_else(missing)?;
    let staff = staff(&manager.principal).ok_or_else(missing)?;
    let place = app.directory().organization(staff.organization).and_then(|unit| unit.place);
    let mut draft = Draft {
        title: format!("{} 年独居老人走访", app.clock.today().year()),
        form_version_id: one.form_version_id,
        class: "person".into(),
        shape: TaskShape::Listed,
        root_place: place.ok_or_else(missing)?,
        working_days: one.template.working_days,
        deadline: None,
        app_key: None,
        measures: crate::measures::Measures::default(),
    };
    let (mut rule, mut relay) = (create::first_rule(TaskShape::Listed), Relay::default());
    one.template.begin(&mut draft, &mut rule, &mut relay);
    let task = create::create(app, staff, &manager.actor, draft, rule).await?;
    let mut subjects = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let members = ledgers::members(app, &manager.principal, &ledger.definition, after.as_deref(), 500).await?;
        let Some(last) = members.last() else { break };
        after = Some(last.cursor.clone());
        subjects.extend(members.into_iter().map(|member| {
            let Subject { shard, id, .. } = member.subject;
            rows::Subject { shard, id, place: member.place, label: member.label }
        }));
    }
    rows::from_subjects(app, &task, subjects).await?;
    dispatch::begin(app, task.id, None, &manager.actor).await?;
    Ok(task.id)
}

fn staff(principal: &Principal) -> Option<StaffViewer> {
    match principal.who {
        access::Who::Staff { account, staff, post, organization } => {
            Some(StaffViewer { account, staff, post, organization })
        }
        _ => None,
    }
}

/// A worker visits the first of those who wait.
pub async fn visit(app: &App, task: Id, worker: &By, visits: usize, random: &mut Random) -> Result<(), AppError> {
    let Some((post, organization)) = worker.principal.post().zip(worker.principal.organization()) else {
        return Ok(());
    };
    let wanted = Wanted {
        task: Some(task),
        states: vec!["open"],
        mine: Some((post, organization)),
        limit: visits as i64,
        ..Wanted::default()
    };
    let items = work_store::list(&mut app.read(), &wanted, &worker.principal, access::Permission::ItemRead).await?;
    for item in items {
        let needs: &[&str] = match random.below(10) {
            0 | 1 => &["meals"],
            2 => &["medicine", "company"],
            3 => &["repair"],
            _ => &[],
        };
        let notes = ["身体还好，精神不错", "腿脚不便，已提醒家属", "家里暖气正常", "希望常来坐坐", ""];
        let answers = json!({
            "living_alone": "true",
            "visited_on": app.clock.today_text(),
            "needs": needs,
            "remarks": random.pick(&notes),
        });
        let posted = Posted {
            client_id: new_id(item.shard, app.now()),
            answers: answers.as_object().cloned().unwrap_or_else(Map::new),
            confirm_all: false,
            item_version: None,
            record_version: None,
        };
        if let Err(refused) = submit(app, worker, item.id, posted).await? {
            return Err(AppError::Internal(format!("a visit of the demo is refused: {refused:?}")));
        }
    }
    Ok(())
}
