//! A place, on its own and as the tree hands it out.

use std::fmt::{self, Display, Formatter};

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
    pub full_name: FullName<'g>,
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

/// A full name in two parts: thousands of places share what stands before their last name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FullName<'g> {
    /// names above, as far as there are any
    pub(super) above: Option<&'g str>,
    /// the last name
    pub(super) last: &'g str,
}

impl<'g> FullName<'g> {
    /// Of a whole text.
    pub fn of(text: &'g str) -> Self {
        let (above, last) = text.rsplit_once('/').map_or((None, text), |(above, last)| (Some(above), last));
        Self { above, last }
    }

    /// Whether it has this text somewhere.
    pub fn contains(&self, text: &str) -> bool {
        if text.contains('/') {
            return self.to_string().contains(text);
        }
        self.last.contains(text) || self.above.is_some_and(|above| above.contains(text))
    }
}

impl Display for FullName<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        if let Some(above) = self.above {
            write!(out, "{above}/")?;
        }
        out.write_str(self.last)
    }
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
            full_name: FullName::of(&self.full_name),
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
            full_name: self.full_name.to_string(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_name_is_the_text_that_it_was_made_of() {
        for text in ["大同市", "大同市/平城区", "大同市/平城区/永泰街道", "", "/", "/街", "市/"] {
            assert_eq!(FullName::of(text).to_string(), text);
        }
    }

    #[test]
    fn what_a_full_name_has_is_found_across_its_parts() {
        let name = FullName::of("大同市/平城区/永泰街道");
        for part in ["", "永泰", "平城区", "城区/永", "大同市/平城区/永泰街道", "/"] {
            assert!(name.contains(part), "{part}");
        }
        for part in ["区永泰", "云冈", "街道/", "//"] {
            assert!(!name.contains(part), "{part}");
        }
    }
}
