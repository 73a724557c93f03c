//! Somebody who administers everything.

use server::access::password::hash_now;
use server::access::{self, Holder, Reach};
use server::app::App;
use server::error::AppError;
use server::platform::ids::Id;

/// The account `root`, with the roles that there are.
pub async fn administrator(app: &App, password: &str, must_change: bool) -> Id {
    let (now, today, hashed) = (app.now(), app.clock.today_text(), hash_now(password));
    app.lanes
        .write(0, vec![], move |tx| {
            let (today, hashed) = (today.clone(), hashed.clone());
            Box::pin(async move {
                access::seed_roles(tx).await?;
                let id = access::create_account(tx, now, "root", &hashed, None, must_change).await?;
                access::grant_to(tx, now, &today, Holder::Account(id), "administrator", Reach::All).await?;
                Ok::<_, AppError>(id)
            })
        })
        .await
        .expect("administrator")
}
