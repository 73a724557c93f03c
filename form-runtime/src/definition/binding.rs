//! `subject.person.name`, `event.event.visit_time`, `linked.spouse_of.person.name`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::model::{AttributeRef, is_key};

/// Whose attribute an answer is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// The entity the form is about.
    Subject,
    /// The event that filling it is (a visit, a request).
    Event,
    /// The entity at the other end of this relation of the subject.
    Linked(String),
}

/// Binds a field to an attribute of the model.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Binding {
    /// Whose.
    pub owner: Owner,
    /// Which.
    pub attribute: AttributeRef,
}

impl Binding {
    /// The attribute, when it is the subject's.
    pub fn of_subject(&self) -> Option<&AttributeRef> {
        (self.owner == Owner::Subject).then_some(&self.attribute)
    }
}

impl FromStr for Binding {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no binding; write subject.person.name, event.event.visit_time \
                 or linked.RELATION.person.name"
            )
        };
        let (owner, rest) = text.split_once('.').ok_or_else(wrong)?;
        let (owner, attribute) = match owner {
            "subject" => (Owner::Subject, rest),
            "event" => (Owner::Event, rest),
            "linked" => {
                let (relation, attribute) = rest.split_once('.').ok_or_else(wrong)?;
                if !is_key(relation) {
                    return Err(wrong());
                }
                (Owner::Linked(relation.into()), attribute)
            }
            _ => return Err(wrong()),
        };
        Ok(Self { owner, attribute: attribute.parse().map_err(|()| wrong())? })
    }
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.owner {
            Owner::Subject => write!(f, "subject.{}", self.attribute),
            Owner::Event => write!(f, "event.{}", self.attribute),
            Owner::Linked(relation) => write!(f, "linked.{relation}.{}", self.attribute),
        }
    }
}

impl Serialize for Binding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Binding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
