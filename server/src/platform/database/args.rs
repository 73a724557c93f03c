//! Typed arguments of statements: the closed list of types that our SQL may use.

use uuid::Uuid;

/// One argument. Nulls keep their type, since PostgreSQL wants to know it.
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    /// bigint: counts, instants (UTC microseconds), shards
    I64(Option<i64>),
    /// text: names, civil dates, opaque JSON
    Text(Option<String>),
    /// uuid
    Uuid(Option<Uuid>),
    /// boolean
    Bool(Option<bool>),
    /// bytes: ciphertext, digests
    Bytes(Option<Vec<u8>>),
}

macro_rules! from {
    ($($type:ty => $variant:ident),* $(,)?) => {$(
        impl From<$type> for Arg {
            fn from(value: $type) -> Self { Self::$variant(Some(value.into())) }
        }
        impl From<Option<$type>> for Arg {
            fn from(value: Option<$type>) -> Self { Self::$variant(value.map(Into::into)) }
        }
    )*};
}
from!(i64 => I64, i32 => I64, u32 => I64, String => Text, &str => Text, Uuid => Uuid, bool => Bool, Vec<u8> => Bytes, &[u8] => Bytes);

impl From<&String> for Arg {
    fn from(value: &String) -> Self {
        Self::Text(Some(value.clone()))
    }
}

impl From<&Option<String>> for Arg {
    fn from(value: &Option<String>) -> Self {
        Self::Text(value.clone())
    }
}

impl From<&Option<Vec<u8>>> for Arg {
    fn from(value: &Option<Vec<u8>>) -> Self {
        Self::Bytes(value.clone())
    }
}

/// `args![a, b]`: a `Vec<Arg>` of anything that converts.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::platform::database::Arg::from($value)),*] };
}
