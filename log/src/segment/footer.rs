//! The footer of a sealed segment: index blocks (reserved) and the trailer.

use super::Binding;
use crate::bytes::{Fields, put_u32};
use crate::error::LogError;
use crate::fs::{File, read_range};
use crate::layout::{FOOTER_LEN_MIN, FOOTER_MARKER_LEN, TRAILER_CLEAN, TRAILER_LEN};
use crate::position::Hlc;

/// The last bytes of a sealed segment: what it holds, and whether it was left in good order.
///
/// It is advisory: the groups are the truth. Only the clean mark adds a promise of its own, that
/// nothing below may differ any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trailer {
    /// `close` or a repair made everything below durable and wrote nothing after.
    pub clean: bool,
    /// Where the groups end and the footer starts, in bytes.
    pub end_offset: u64,
    /// The number of events in the log up to here.
    pub event_count: u64,
    /// The smallest sequence that the log may give out next.
    pub next_sequence: u64,
    /// The highest time given out.
    pub hlc: Hlc,
    /// The log hash after the last event.
    pub log_hash: [u8; 32],
}

const CRC_AT: usize = 8;
const CRC_END: usize = CRC_AT + 4;

/// Encodes a footer without index blocks, to stand at `trailer.end_offset`.
pub fn encode_footer(binding: &Binding, trailer: &Trailer) -> Vec<u8> {
    let mut bytes = binding.footer_marker().to_vec();
    let mut last = binding.trailer_marker().to_vec();
    last.extend_from_slice(&[0; 4]);
    last.push(if trailer.clean { TRAILER_CLEAN } else { 0 });
    last.extend_from_slice(&[0; 3]);
    last.extend_from_slice(&trailer.end_offset.to_be_bytes());
    last.extend_from_slice(&trailer.event_count.to_be_bytes());
    last.extend_from_slice(&trailer.next_sequence.to_be_bytes());
    last.extend_from_slice(&trailer.hlc.wall_us.to_be_bytes());
    last.extend_from_slice(&trailer.hlc.counter.to_be_bytes());
    last.extend_from_slice(&[0; 6]);
    last.extend_from_slice(&trailer.log_hash);
    debug_assert_eq!(last.len(), TRAILER_LEN);
    let at = trailer.end_offset + bytes.len() as u64;
    let crc = binding.crc(at, last.get(CRC_END..).unwrap_or_default());
    put_u32(&mut last, CRC_AT, crc);
    bytes.extend_from_slice(&last);
    bytes
}

/// A whole trailer at the end of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footer {
    /// What it says.
    pub trailer: Trailer,
    /// Whether the footer's marker is where the trailer says. The two may stand in different
    /// sectors, of which a power cut may have kept only the later.
    pub marked: bool,
}

/// Reads the trailer at the end of a file; `None` when there is none that is whole, or the footer's
/// marker is not where it says.
///
/// # Errors
/// When the file cannot be read.
pub fn read_trailer(file: &dyn File, binding: &Binding) -> Result<Option<Trailer>, LogError> {
    let footer = read_footer(file, binding)?.filter(|footer| footer.marked);
    Ok(footer.map(|footer| footer.trailer))
}

/// As [`read_trailer`], whether or not the footer's marker is there.
///
/// # Errors
/// When the file cannot be read.
pub fn read_footer(file: &dyn File, binding: &Binding) -> Result<Option<Footer>, LogError> {
    let len = file.len()?;
    let Some(at) = len.checked_sub(TRAILER_LEN as u64) else {
        return Ok(None);
    };
    let bytes = read_range(file, at, TRAILER_LEN)?;
    let Some(trailer) = decode_trailer(&bytes, binding, at) else {
        return Ok(None);
    };
    if trailer.end_offset.saturating_add(FOOTER_LEN_MIN as u64) > len {
        return Ok(None);
    }
    let marker = read_range(file, trailer.end_offset, FOOTER_MARKER_LEN)?;
    Ok(Some(Footer {
        trailer,
        marked: marker == binding.footer_marker(),
    }))
}

fn decode_trailer(bytes: &[u8], binding: &Binding, at: u64) -> Option<Trailer> {
    let mut fields = Fields::new(bytes);
    if fields.array::<8>()? != binding.trailer_marker() {
        return None;
    }
    let crc = fields.u32()?;
    if binding.crc(at, bytes.get(CRC_END..)?) != crc {
        return None;
    }
    let flags = fields.u32()?.to_be_bytes();
    let clean = flags.first().is_some_and(|byte| byte & TRAILER_CLEAN != 0);
    let end_offset = fields.u64()?;
    let event_count = fields.u64()?;
    let next_sequence = fields.u64()?;
    let hlc = Hlc {
        wall_us: fields.u64()?,
        counter: fields.u16()?,
    };
    fields.array::<6>()?;
    let log_hash = fields.array()?;
    Some(Trailer {
        clean,
        end_offset,
        event_count,
        next_sequence,
        hlc,
        log_hash,
    })
}
