//! A JSON object as the list of its members, in their order, and where texts stand in a longer one. A record of fifty
//! attributes is read and written with every visit; a tree of owned texts would be most of what that costs.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// The members of an object.
pub(super) struct Pairs<K, V>(pub(super) Vec<(K, V)>);

impl<K, V> Default for Pairs<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Serialize, V: Serialize> Serialize for Pairs<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for Pairs<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<K, V>(PhantomData<(K, V)>);
        impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Visitor<'de> for Members<K, V> {
            type Value = Pairs<K, V>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::with_capacity(64);
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// Where a text stands in a longer one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    from: u32,
    end: u32,
}

impl Span {
    /// Where `part` stands in the text that it was taken from.
    pub(super) fn of(part: &str, whole: &str) -> Self {
        let from = part.as_ptr() as usize - whole.as_ptr() as usize;
        Self { from: from as u32, end: (from + part.len()) as u32 }
    }

    /// The part of that text.
    pub(super) fn within(self, whole: &str) -> &str {
        whole.get(self.from as usize..self.end as usize).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_and_stand_where_they_say() {
        let text = r#"{"b": "二", "a": [1, {"x": null}]}"#;
        let pairs: Pairs<&str, &serde_json::value::RawValue> = serde_json::from_str(text).expect("an object");
        let spans: Vec<(Span, Span)> =
            pairs.0.iter().map(|(key, value)| (Span::of(key, text), Span::of(value.get(), text))).collect();
        let told: Vec<(&str, &str)> = spans.iter().map(|(key, value)| (key.within(text), value.within(text))).collect();
        assert_eq!(told, [("b", "\"二\""), ("a", r#"[1, {"x": null}]"#)]);
        assert_eq!(serde_json::to_string(&pairs).expect("written"), r#"{"b":"二","a":[1, {"x": null}]}"#);
        assert!(serde_json::from_str::<Pairs<&str, i64>>("[1]").is_err());
    }
}
