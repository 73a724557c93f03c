//! One access decision, in this process: the evaluator alone.

use std::time::Instant;

use server::access::{self, Permission};
use server::app::App;
use server::platform::database::Exec;
use server::platform::ids::Id;
use server::start;

use crate::client::{Fault, plain_text};

/// Nanoseconds for one decision about a random community, by somebody of one community.
pub async fn decision(place: &start::Place) -> Result<f64, Fault> {
    const ACCOUNT: &str =
        "SELECT a.id, p.id FROM account a JOIN post p ON p.staff_id = a.staff_id WHERE a.login = 'b1'";
    let app: App = start::open(place).await.map_err(|fault| fault.to_string())?;
    let (account, post): (Id, Id) = app.read().one(ACCOUNT, vec![]).await.map_err(|fault| fault.to_string())?;
    let principal = access::load_principal(&app, account, Some(post)).await.map_err(plain_text)?;
    let (geography, directory) = (app.geography(), app.directory());
    let places: Vec<Id> = geography.all().filter(|place| place.level == 5).map(|place| place.id).collect();
    let rounds = 400_000;
    let began = Instant::now();
    let mut seen = 0;
    for at in 0..rounds {
        let place = places[(at * 7919) % places.len()];
        seen += usize::from(principal.may(Permission::PersonRead, &geography, &directory, Some(place), None));
    }
    let each = began.elapsed().as_nanos() as f64 / rounds as f64;
    std::hint::black_box(seen);
    app.stop();
    app.db.close().await;
    Ok(each)
}
