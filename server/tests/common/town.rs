//! A small fixed town: one city, two districts, two townships in each, two communities in each of those,
//! every place with its governing organization.

use std::sync::Arc;

use server::app::App;
use server::directory::{self, Organization};
use server::error::AppError;
use server::geography::{self, Place};
use server::platform::database::Arg;
use server::platform::database::bulk::OnKey;
use server::platform::ids::{Id, new_free_id, shard_of};

use super::common::NOW;

/// Places and their organizations, by the same position.
#[derive(Clone)]
pub struct Town {
    /// city, then each district with its townships, each with its communities
    pub places: Vec<Place>,
    /// the governing organization of the place at the same position
    pub organizations: Vec<Organization>,
}

impl Town {
    /// Builds it and reads the books.
    pub async fn build(app: &App) -> Self {
        let mut town = Self { places: vec![], organizations: vec![] };
        let city = town.put(None, 2, "city", "government", "大同市", "大同");
        for (d, district) in ["平城区", "云冈区"].into_iter().enumerate() {
            let d = (town.put(Some(city), 3, "district", "government", district, district), d);
            for t in 0..2 {
                let name = format!("{}街道", [["古城", "新旺"], ["口泉", "高山"]][d.1][t]);
                let township = town.put(Some(d.0), 4, "street", "street_office", &name, &name);
                for c in 1..=2 {
                    let name = format!("{name}第{c}社区");
                    town.put(Some(township), 5, "community", "residents_committee", &name, &name);
                }
            }
        }
        let (places, organizations) = (Arc::new(town.places.clone()), Arc::new(town.organizations.clone()));
        app.lanes
            .write(0, vec![], move |tx| {
                let (places, organizations) = (places.clone(), organizations.clone());
                Box::pin(async move {
                    use geography::store as geo;
                    let rows = places.iter().map(|p| geo::place_row(p, 1)).collect();
                    geo::PLACE.write(tx, rows, OnKey::Fail).await?;
                    let above = |id: Id| {
                        std::iter::successors(Some(id), |id| places.iter().find(|p| p.id == *id).and_then(|p| p.parent))
                    };
                    let rows = places
                        .iter()
                        .flat_map(|p| {
                            above(p.id)
                                .enumerate()
                                .map(|(depth, a)| vec![Arg::from(a), Arg::from(p.id), Arg::from(depth as i64)])
                        })
                        .collect();
                    geo::PLACE_ANCESTOR.write(tx, rows, OnKey::Fail).await?;
                    geo::publish(tx, 1, "test", "2020-01-01", NOW).await?;
                    use directory::store as book;
                    let rows = organizations.iter().map(book::organization_row).collect();
                    book::ORGANIZATION.write(tx, rows, OnKey::Fail).await?;
                    let above = |id: Id| {
                        std::iter::successors(Some(id), |id| {
                            organizations.iter().find(|o| o.id == *id).and_then(|o| o.parent)
                        })
                    };
                    let rows = organizations
                        .iter()
                        .flat_map(|o| {
                            above(o.id)
                                .enumerate()
                                .map(|(depth, a)| vec![Arg::from(a), Arg::from(o.id), Arg::from(depth as i64)])
                        })
                        .collect();
                    book::ORGANIZATION_ANCESTOR.write(tx, rows, OnKey::Fail).await?;
                    Ok::<_, AppError>(())
                })
            })
            .await
            .expect("the town is written");
        geography::reload(app).await.expect("places");
        directory::reload(app).await.expect("address book");
        town
    }

    fn put(&mut self, above: Option<usize>, level: i64, kind: &str, unit: &str, name: &str, short: &str) -> usize {
        let id = new_free_id(NOW);
        let sort = self.places.len() as i64;
        let full_name = match above {
            Some(at) if at > 0 => format!("{}/{name}", self.places[at].full_name),
            _ => name.to_owned(),
        };
        self.places.push(Place {
            id,
            parent: above.map(|at| self.places[at].id),
            level,
            kind: kind.into(),
            name: name.into(),
            official_name: name.into(),
            full_name,
            pinyin: format!("p{sort}"),
            initials: format!("p{sort}"),
            code: Some(format!("1402{sort:05}")),
            in_list: true,
            shard: shard_of(id),
            sort,
            valid_from: "2020-01-01".into(),
            valid_to: None,
            version: 1,
        });
        self.organizations.push(Organization {
            id: new_free_id(NOW),
            parent: above.map(|at| self.organizations[at].id),
            counterpart: None,
            place: Some(id),
            kind: unit.into(),
            level,
            name: format!("{name}组织"),
            short_name: short.into(),
            pinyin: format!("o{sort}"),
            initials: format!("o{sort}"),
            valid_from: "2020-01-01".into(),
            valid_to: None,
            version: 1,
        });
        self.places.len() - 1
    }

    /// Positions of the communities.
    #[allow(dead_code)] // each test file uses its part of the town
    pub fn communities(&self) -> Vec<usize> {
        (0..self.places.len()).filter(|at| self.places[*at].level == 5).collect()
    }
}
