//! Segments of version 1 as the tests need them, made by a serialiser and not by hand.

use crate::error::LogError;
use crate::event::hash::compute_hash;
use crate::fs::{Access, Fs, MemoryFs};
use crate::segment::{SegmentName, segment_filename};
use crate::version1::{Version1End, Version1Step, read_version1, read_version1_header};
use serde::Serialize;
use serde_json::Value;

#[derive(Serialize)]
struct SegmentFront {
    version: u16,
    flags: u16,
    created_ns: i64,
    segment_id: u64,
}

#[derive(Serialize)]
pub(super) struct Frame {
    pub(super) event: Event,
    pub(super) entity: String,
    pub(super) scope: String,
}

#[derive(Serialize)]
pub(super) struct Event {
    pub(super) header: Header,
    payload: Payload,
    pub(super) hash_chain: Option<Chain>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Payload {
    Bytes(Vec<u8>),
    Value(Value),
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Value> for Payload {
    fn from(value: Value) -> Self {
        Self::Value(value)
    }
}

#[derive(Serialize)]
pub(super) struct Header {
    #[serde(with = "crate::wire::u128_bytes")]
    event_id: u128,
    #[serde(with = "crate::wire::u128_bytes")]
    correlation_id: u128,
    #[serde(with = "crate::wire::option_u128_bytes")]
    causation_id: Option<u128>,
    timestamp_us: i64,
    pub(super) position: Position,
    payload_size: u32,
    pub(super) event_kind: u16,
    flags: u8,
    content_hash: [u8; 32],
}

#[derive(Serialize)]
pub(super) struct Position {
    pub(super) wall_ms: u64,
    counter: u16,
    depth: u32,
    lane: u32,
    sequence: u32,
}

#[derive(Serialize)]
pub(super) struct Chain {
    prev_hash: [u8; 32],
    event_hash: [u8; 32],
}

impl Frame {
    pub(super) fn body(&self) -> Vec<u8> {
        rmp_serde::to_vec_named(self).unwrap()
    }

    #[expect(private_bounds, reason = "the tests give what converts into it")]
    pub(super) fn with_payload(mut self, payload: impl Into<Payload>) -> Self {
        self.event.payload = payload.into();
        self
    }

    pub(super) fn hash(&mut self, event_hash: [u8; 32]) {
        self.event.hash_chain = Some(Chain {
            prev_hash: [0; 32],
            event_hash,
        });
    }
}

/// Returns an event whose payload is a text; `change` may change more of it.
pub(super) fn event(text: &str, time: i64, change: impl FnOnce(&mut Event)) -> Frame {
    let payload = rmp_serde::to_vec(text).unwrap();
    let event_hash = compute_hash(&payload);
    let mut event = Event {
        header: Header {
            event_id: 1 << 100,
            correlation_id: 1 << 100,
            causation_id: None,
            timestamp_us: time,
            position: Position {
                wall_ms: 0,
                counter: 0,
                depth: 0,
                lane: 0,
                sequence: 0,
            },
            payload_size: 0,
            event_kind: 0x1000,
            flags: 0,
            content_hash: event_hash,
        },
        payload: Payload::Bytes(payload),
        hash_chain: Some(Chain {
            prev_hash: [0; 32],
            event_hash,
        }),
    };
    change(&mut event);
    Frame {
        event,
        entity: "entity".into(),
        scope: "scope".into(),
    }
}

fn mark(kind: u16, count: u32, first_sequence: u64) -> Frame {
    let mut frame = event("", 0, |event| {
        event.header.event_kind = kind;
        event.header.event_id = u128::from(first_sequence);
        event.header.payload_size = count;
        event.hash_chain = None;
        event.payload = Payload::Bytes(Vec::new());
    });
    frame.entity = "_batch".into();
    frame.scope = "_system".into();
    frame
}

/// A segment that grows frame by frame.
pub(super) struct Image {
    pub(super) bytes: Vec<u8>,
}

impl Image {
    pub(super) fn new(segment_id: u64) -> Self {
        let front = SegmentFront {
            version: 1,
            flags: 0,
            created_ns: 1,
            segment_id,
        };
        let front = rmp_serde::to_vec_named(&front).unwrap();
        let length = u32::try_from(front.len()).unwrap().to_be_bytes();
        Self {
            bytes: [b"FBAT".as_slice(), &length, &front].concat(),
        }
    }

    pub(super) fn push(&mut self, frame: &Frame) -> &mut Self {
        let body = frame.body();
        let length = u32::try_from(body.len()).unwrap();
        self.bytes.extend(length.to_be_bytes());
        self.bytes.extend(crc32fast::hash(&body).to_be_bytes());
        self.bytes.extend(body);
        self
    }

    pub(super) fn event(&mut self, text: &str, time: i64) -> &mut Self {
        self.push(&event(text, time, |_| ()))
    }

    pub(super) fn begin(&mut self, count: u32, first_sequence: u64) -> &mut Self {
        self.push(&mark(6, count, first_sequence))
    }

    pub(super) fn commit(&mut self) -> &mut Self {
        self.push(&mark(7, 0, 0))
    }

    /// Adds a footer without entries.
    pub(super) fn footer(&mut self) {
        let mut start = (self.bytes.len() as u64).to_be_bytes();
        start.reverse();
        self.bytes.push(0x90);
        self.bytes.extend(start);
        self.bytes.extend([0; 4]);
        self.bytes.extend(b"SIDX");
    }

    pub(super) fn put(&self, fs: &MemoryFs, segment_id: u64) {
        fs.set_bytes(&segment_filename(segment_id), self.bytes.clone());
    }
}

/// Returns the bytes of a file of hidden ranges.
pub(super) fn ranges(ranges: &[(u64, u64)]) -> Vec<u8> {
    #[derive(Serialize)]
    struct One {
        start: u64,
        end: u64,
    }
    #[derive(Serialize)]
    struct All {
        ranges: Vec<One>,
    }
    let one = |(start, end): &(u64, u64)| One {
        start: *start,
        end: *end,
    };
    let all = All {
        ranges: ranges.iter().map(one).collect(),
    };
    let body = rmp_serde::to_vec_named(&all).unwrap();
    let mut crc = crc32fast::hash(&body).to_be_bytes();
    crc.reverse();
    [b"FBATVR\x01\x00".as_slice(), &crc, &body].concat()
}

/// What a test looks at: the text and the sequence of each event, and the end.
pub(super) type Read = Result<(Vec<(String, u64)>, Version1End), LogError>;

/// Reads so many segments.
pub(super) fn read(fs: &MemoryFs, segments: u64) -> Read {
    let mut found = Vec::new();
    for id in 1..=segments {
        let name = SegmentName::first_generation(id);
        let file = fs.open(&name.file_name(), Access::Read)?;
        found.push(read_version1_header(name, &*file, false)?.unwrap());
    }
    let mut events = Vec::new();
    let end = read_version1(fs, &found, &mut |step| {
        if let Version1Step::Event(event, sequence) = step {
            let text: String = rmp_serde::from_slice(&event.payload).unwrap();
            events.push((text, sequence));
        }
        Ok::<_, LogError>(())
    })?;
    Ok((events, end))
}

/// Returns the texts of events.
pub(super) fn names_of(found: &[(String, u64)]) -> Vec<&str> {
    found.iter().map(|(text, _)| text.as_str()).collect()
}
