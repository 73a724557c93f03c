//! The running house: what every handler, use-case and job can reach.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::body::Bytes;
use tokio::sync::watch;

use crate::access::{self, gate::Gate};
use crate::directory::Directory;
use crate::entities::PersonRecord;
use crate::forms::Shelf;
use crate::geography::Geography;
use crate::health::Pulse;
use crate::ledgers;
use crate::measures::Boards;
use crate::platform::books::Book;
use crate::platform::changes::Cache;
use crate::platform::clock::Clock;
use crate::platform::database::Db;
use crate::platform::gathered::Gathered;
use crate::platform::hub::Hub;
use crate::platform::ids::Id;
use crate::platform::jobs::Jobs;
use crate::platform::lane::Lanes;
use crate::platform::limits::Limits;
use crate::platform::peers::Peers;
use crate::platform::secrets::Keys;
use crate::tasks::model::Item;
use crate::tasks::visits::PersonSeen;
use crate::tasks::{Counting, Task};
use crate::topics::Listening;

/// What people call this installation and where it is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Installation {
    /// 大同市政民互通平台
    pub name: String,
    /// `https://hutong.example`, without a trailing slash
    pub base_url: String,
    /// whether the first administrator exists
    pub set_up: bool,
    /// whether this is the demo city, whose sign-in names are printed
    pub demo: bool,
}

/// Everything of one process. Rooms keep their in-memory books here and replace them whole.
pub struct Parts {
    /// database pools, for reading
    pub db: Db,
    /// the only way to write
    pub lanes: Lanes,
    /// the other processes on the same database
    pub peers: Peers,
    /// time
    pub clock: Clock,
    /// secrets at rest
    pub keys: Keys,
    /// folder of files that are not in the database
    pub data: PathBuf,
    /// name and address
    pub installation: ArcSwap<Installation>,
    /// places
    pub geography: ArcSwap<Geography>,
    /// address book
    pub directory: ArcSwap<Directory>,
    /// turns at changing and reading the places
    pub places_book: Book,
    /// turns at changing and reading the address book
    pub address_book: Book,
    /// sandbox of rules
    pub rules: rule_engine::Engine,
    /// published forms, compiled
    pub shelf: Shelf,
    /// templates
    pub renderer: web::Renderer,
    /// how much one caller may ask
    pub limits: Limits,
    /// accounts and tokens as last read
    pub known: access::Known,
    /// counts sign-ins, hashes passwords
    pub gate: Gate,
    /// enqueues long work
    pub jobs: Jobs,
    /// tasks as last read
    pub tasks: Cache<Id, Task>,
    /// what tasks count of an answer, compiled
    pub counting: Cache<Id, Counting>,
    /// what boards show
    pub boards: Boards,
    /// single items, as they are asked for
    pub items: Gathered<Id, Item>,
    /// persons with the last visit to them, as they are asked for
    pub visited: Gathered<(i64, Id), PersonSeen>,
    /// persons as last read
    pub people: Cache<Id, Option<Arc<PersonRecord>>>,
    /// pages of ledgers as last answered
    pub ledger_pages: Cache<ledgers::api::PageKey, Bytes>,
    /// open live streams
    pub hub: Hub,
    /// who may hear of what
    pub listening: Listening,
    /// whether writes pass
    pub pulse: Pulse,
    /// true once the house is closing
    pub stop: watch::Sender<bool>,
}

impl Parts {
    /// The parts over an open database, with empty books.
    pub fn new(db: Db, clock: Clock, keys: Keys, data: PathBuf, limits: Limits) -> Self {
        let lanes = Lanes::start(&db);
        Self {
            tasks: Cache::new(&["task"], 1000),
            counting: Cache::new(&["task"], 1000),
            boards: Boards::default(),
            items: Gathered::of(&db),
            visited: Gathered::of(&db),
            people: Cache::new(&["record_person"], 2000),
            ledger_pages: ledgers::api::pages(),
            hub: Hub::new(limits.streams, lanes.listen()),
            listening: Listening::default(),
            peers: Peers::new(&db, lanes.owner()),
            lanes,
            keys,
            data,
            installation: ArcSwap::default(),
            geography: ArcSwap::default(),
            directory: ArcSwap::default(),
            places_book: Book::new("book.places"),
            address_book: Book::new("book.addresses"),
            rules: crate::start::rules(),
            shelf: Shelf::default(),
            renderer: web::Renderer::new(),
            limits,
            known: access::Known::default(),
            gate: Gate::new(limits),
            jobs: Jobs::new(clock.clone(), crate::jobs::JOBS),
            pulse: Pulse::default(),
            stop: watch::Sender::new(false),
            clock,
            db,
        }
    }
}

/// Cheap to clone; handlers get it as `State<App>`.
#[derive(Clone)]
pub struct App(Arc<Parts>);

impl App {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// A connection for reading: each statement on its own.
    pub fn read(&self) -> Db {
        self.db.clone()
    }

    /// The places valid now.
    pub fn geography(&self) -> Arc<Geography> {
        self.geography.load_full()
    }

    /// The address book valid now.
    pub fn directory(&self) -> Arc<Directory> {
        self.directory.load_full()
    }

    /// Says whether the house is closing; whoever works long watches it.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Closes the house: live streams end, jobs stop at their next slice.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Now, UTC microseconds.
    pub fn now(&self) -> i64 {
        self.clock.now()
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
