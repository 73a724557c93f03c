//! A place, on its own and as the tree hands it out.

use crate::platform::ids::Id;

/// A place of levels 1 (province) to 5 (community), to be written or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// its own id, also that of its entity
    pub id: Id,
    /// the place above, absent at the root; levels may be skipped
    pub parent: Option<Id>,
    /// 1 province, 2 city, 3 district, 4 township, 5 community
    pub level: i64,
    /// `province`, `city`, `district`, `county`, `economic_zone`, `street`, `town`, `township`, `community`, `village` …
    pub kind: String,
    /// for display: without 居委会, 村委会, 办事处
    pub name: String,
    /// as in the official list
    pub official_name: String,
    /// names from below the root to here, joined by `/`
    pub full_name: String,
    /// of `name`, without tones and spaces
    pub pinyin: String,
    /// first letters of the pinyin
    pub initials: String,
    /// current code (NBS, 12 digits), if it has one
    pub code: Option<String>,
    /// whether the code is in the administrative list (an economic zone's is not)
    pub in_list: bool,
    /// shard of what lies or lives here
    pub shard: i64,
    /// order among siblings
    pub sort: i64,
    /// civil date since when it exists
    pub valid_from: String,
    /// civil date until when it existed
    pub valid_to: Option<String>,
    /// grows with every edit
    pub version: i64,
}

/// A [`Place`] as the tree shows it: its texts lie in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct PlaceRef<'g> {
    pub id: Id,
    pub parent: Option<Id>,
    pub level: i64,
    pub kind: &'g str,
    pub name: &'g str,
    pub official_name: &'g str,
    pub full_name: &'g str,
    pub pinyin: &'g str,
    pub initials: &'g str,
    pub code: Option<&'g str>,
    pub in_list: bool,
    pub shard: i64,
    pub sort: i64,
    pub valid_from: &'g str,
    pub valid_to: Option<&'g str>,
    pub version: i64,
}

impl Place {
    /// Whether a kind only keeps a code together (省直辖县级, a county that repeats its city's name):
    /// such a node is stored and answered for, but people see its children in its stead.
    pub fn is_hidden_kind(kind: &str) -> bool {
        matches!(kind, "hidden_city" | "repeated")
    }

    /// Shows it as the tree would.
    pub fn view(&self) -> PlaceRef<'_> {
        PlaceRef {
            id: self.id,
            parent: self.parent,
            level: self.level,
            kind: &self.kind,
            name: &self.name,
            official_name: &self.official_name,
            full_name: &self.full_name,
            pinyin: &self.pinyin,
            initials: &self.initials,
            code: self.code.as_deref(),
            in_list: self.in_list,
            shard: self.shard,
            sort: self.sort,
            valid_from: &self.valid_from,
            valid_to: self.valid_to.as_deref(),
            version: self.version,
        }
    }
}

impl PlaceRef<'_> {
    /// See [`Place::is_hidden_kind`].
    pub fn is_hidden(&self) -> bool {
        Place::is_hidden_kind(self.kind)
    }

    /// A place of its own, to be changed.
    pub fn to_place(&self) -> Place {
        Place {
            id: self.id,
            parent: self.parent,
            level: self.level,
            kind: self.kind.to_owned(),
            name: self.name.to_owned(),
            official_name: self.official_name.to_owned(),
            full_name: self.full_name.to_owned(),
            pinyin: self.pinyin.to_owned(),
            initials: self.initials.to_owned(),
            code: self.code.map(str::to_owned),
            in_list: self.in_list,
            shard: self.shard,
            sort: self.sort,
            valid_from: self.valid_from.to_owned(),
            valid_to: self.valid_to.map(str::to_owned),
            version: self.version,
        }
    }
}
