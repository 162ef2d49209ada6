use crate::depth::reached;
use crate::memory::{Cap, bounded};
use batpak::id::EventId;
use batpak::outcome::WaitCondition;
use batpak::prelude::*;
use batpak::store::CacheMeta;
use batpak::store::segment::SegmentHeader as Version1Header;
use batpak_log::index::RunName;
use batpak_log::segment::SegmentName;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt::{Debug, Display};
use std::str::FromStr;

/// Serde reserves up to 1 MiB for a list that says that it is long, and keeps a few of them where
/// the data of an outcome comes before its type.
const CAP: Cap = Cap {
    fixed: 4 * 1024 * 1024,
    per_byte: 256,
};

/// All helpers of [`batpak::wire`] at once.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ids {
    #[serde(with = "batpak::wire::u128_bytes")]
    pub(crate) id: u128,
    #[serde(with = "batpak::wire::option_u128_bytes")]
    pub(crate) cause: Option<u128>,
    #[serde(with = "batpak::wire::vec_u128_bytes")]
    pub(crate) all: Vec<u128>,
}

pub(super) fn body(data: &[u8]) {
    bounded(data.len(), CAP, || {
        in_both::<Ids>(data);
        if let Some(coord) = in_both::<Coordinate>(data) {
            let made = Coordinate::new(coord.entity(), coord.scope());
            assert_eq!(made.unwrap(), coord, "a coordinate that nobody can make");
        }
        in_both::<EventKind>(data);
        in_both::<HashChain>(data);
        in_both::<EventHeader>(data);
        in_both::<DagPosition>(data);
        in_both::<Event<serde_json::Value>>(data);
        in_both::<StoredEvent<Vec<u8>>>(data);
        in_both::<CursorPosition>(data);
        in_both::<Outcome<u64>>(data);
        in_both::<OutcomeError>(data);
        in_both::<WaitCondition>(data);
        in_both::<CacheMeta>(data);
        in_both::<Version1Header>(data);
        in_both::<Committed<u64>>(data);
        if let Ok(text) = std::str::from_utf8(data) {
            names(text);
        }
    });
}

/// Reads a value in either format; what is read is the same after it is written.
fn in_both<T: DeserializeOwned + Serialize + PartialEq + Debug>(data: &[u8]) -> Option<T> {
    let json = serde_json::from_slice::<T>(data).ok();
    if let Some(value) = &json {
        let text = serde_json::to_vec(value).unwrap();
        assert_eq!(&serde_json::from_slice::<T>(&text).unwrap(), value);
    }
    let packed = rmp_serde::from_slice::<T>(data).ok();
    if let Some(value) = &packed {
        let bytes = rmp_serde::to_vec_named(value).unwrap();
        assert_eq!(&rmp_serde::from_slice::<T>(&bytes).unwrap(), value);
        let bytes = rmp_serde::to_vec(value).unwrap();
        assert_eq!(&rmp_serde::from_slice::<T>(&bytes).unwrap(), value);
    }
    if packed.is_some() || json.is_some() {
        reached();
    }
    packed.or(json)
}

fn names(text: &str) {
    if let Some(name) = SegmentName::parse(text) {
        assert_eq!(name.file_name(), text);
    }
    if let Some(name) = RunName::parse(text) {
        assert_eq!(name.file_name(), text);
    }
    parsed::<CursorPosition>(text);
    parsed::<EventId>(text);
    if let Ok(coord) = Coordinate::new(text, text) {
        assert_eq!((coord.entity(), coord.scope()), (text, text));
    }
}

fn parsed<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        let again = value.to_string().parse::<T>();
        assert_eq!(again.ok(), Some(value));
    }
}
