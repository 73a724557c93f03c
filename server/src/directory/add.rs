//! Writing new parts of the address book: one organization, or a whole city's, in one transaction.

use std::collections::HashMap;

use super::book::Directory;
use super::entries::{Grid, Organization, Post, Staff};
use super::store::{
    GRID, GRID_PREMISES, GRID_WORKER, JURISDICTION, ORGANIZATION, ORGANIZATION_ANCESTOR, POST, STAFF, organization_row,
    post_row, staff_row,
};
use crate::args;
use crate::platform::database::bulk::OnKey;
use crate::platform::database::{Arg, StoreError, Tx};
use crate::platform::entity::{ENTITY, entity_row};
use crate::platform::ids::{Id, new_free_id, shard_of};
use crate::platform::secrets::{Keys, mask_phone};

/// A staff member to be, with the phone in clear: it is sealed before it is a row.
#[derive(Clone, Debug)]
pub struct NewStaff {
    /// the member
    pub staff: Staff,
    /// phone number
    pub phone: Option<String>,
}

/// What is to be written together.
#[derive(Clone, Debug, Default)]
pub struct NewBook {
    /// units, in any order
    pub organizations: Vec<Organization>,
    /// posts
    pub posts: Vec<Post>,
    /// people
    pub staff: Vec<NewStaff>,
    /// grids with their workers
    pub grids: Vec<Grid>,
}

/// The rows of a [`NewBook`]: made once, written as often as the lane runs the closure.
#[derive(Clone, Debug, Default)]
pub struct BookRows {
    entities: Vec<Vec<Arg>>,
    organizations: Vec<Vec<Arg>>,
    ancestors: Vec<Vec<Arg>>,
    jurisdictions: Vec<Vec<Arg>>,
    staff: Vec<Vec<Arg>>,
    posts: Vec<Vec<Arg>>,
    grids: Vec<Vec<Arg>>,
    workers: Vec<Vec<Arg>>,
    premises: Vec<Vec<Arg>>,
}

impl BookRows {
    /// Prepares the rows; `present` gives the units above that exist already.
    pub fn new(book: &NewBook, present: &Directory, keys: &Keys, now: i64, today: &str) -> Self {
        let parents: HashMap<Id, Option<Id>> = book.organizations.iter().map(|o| (o.id, o.parent)).collect();
        let above = |id: Id| match parents.get(&id) {
            Some(parent) => *parent,
            None => present.organization(id).and_then(|o| o.parent),
        };
        let mut rows = Self::default();
        let none = Option::<String>::None;
        for organization in &book.organizations {
            rows.entities.push(entity_row(shard_of(organization.id), organization.id, "organization", None, now));
            rows.organizations.push(organization_row(organization));
            let chain = std::iter::successors(Some(organization.id), |id| above(*id)).take(32);
            rows.ancestors.extend(chain.enumerate().map(|(depth, id)| args![id, organization.id, depth as i64]));
            if let Some(place) = organization.place {
                let kind = if organization.kind == "bureau" { "trade" } else { "territorial" };
                rows.jurisdictions.push(args![
                    new_free_id(now),
                    organization.id,
                    kind,
                    place,
                    Option::<String>::None,
                    today,
                    &none
                ]);
            }
        }
        for NewStaff { staff, phone } in &book.staff {
            rows.entities.push(entity_row(shard_of(staff.person), staff.person, "person", None, now));
            let cipher = phone.as_ref().map(|phone| keys.seal_bytes("staff.phone", phone.as_bytes()));
            rows.staff.push(staff_row(staff, &cipher, &phone.as_deref().map(mask_phone)));
        }
        rows.posts.extend(book.posts.iter().map(post_row));
        for grid in &book.grids {
            rows.grids.push(args![grid.id, grid.community, &grid.name, "", today, &none, grid.version]);
            rows.workers.extend(grid.workers.iter().map(|post| args![grid.id, *post, today, &none]));
            rows.premises.extend(grid.premises.iter().map(|premises| args![grid.id, *premises]));
        }
        rows
    }

    /// Writes everything.
    pub async fn write(self, tx: &mut Tx) -> Result<(), StoreError> {
        ENTITY.write(tx, self.entities, OnKey::Keep).await?;
        ORGANIZATION.write(tx, self.organizations, OnKey::Fail).await?;
        ORGANIZATION_ANCESTOR.write(tx, self.ancestors, OnKey::Keep).await?;
        JURISDICTION.write(tx, self.jurisdictions, OnKey::Fail).await?;
        STAFF.write(tx, self.staff, OnKey::Fail).await?;
        POST.write(tx, self.posts, OnKey::Fail).await?;
        GRID.write(tx, self.grids, OnKey::Fail).await?;
        GRID_WORKER.write(tx, self.workers, OnKey::Fail).await?;
        GRID_PREMISES.write(tx, self.premises, OnKey::Keep).await?;
        Ok(())
    }
}
