//! Commands that look at or change the data without serving.

use serde_json::json;

use super::{CliError, Output};
use crate::platform::clock::Clock;
use crate::start::{Place, StartError, ZONE};

/// Brings the database to the schema of this version.
pub async fn migrate(place: &Place, output: &Output) -> Result<(), CliError> {
    let clock = Clock::system(ZONE).map_err(StartError::from)?;
    let db = place.database(clock.now()).await?;
    output.say(&format!("the {} database has the schema of this version", db.engine()), &json!({ "engine": db.engine() }));
    db.close().await;
    Ok(())
}
