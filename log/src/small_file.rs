//! Files of one record beside the segments: magic, version, checksum, then the fields it covers.

use crate::bytes::Fields;
use crate::fs::{Access, Fs, read_range};
use std::io;

const VERSION: u32 = 1;
/// Magic, version and checksum.
const PREFIX_LEN: usize = 12;

/// What tells one kind of small file from another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SmallFile {
    /// Its name in the data directory.
    pub(crate) name: &'static str,
    /// Its first bytes.
    pub(crate) magic: [u8; 4],
    /// Its whole length, in bytes.
    pub(crate) len: usize,
}

impl SmallFile {
    /// Puts a file together around its fields.
    pub(crate) fn encode(&self, fields: &[u8]) -> Vec<u8> {
        let mut bytes = self.magic.to_vec();
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(&crc32fast::hash(fields).to_be_bytes());
        bytes.extend_from_slice(fields);
        debug_assert_eq!(bytes.len(), self.len);
        bytes
    }

    /// Returns a file's fields; `None` when the bytes are not exactly one of this kind.
    pub(crate) fn decode<'a>(&self, bytes: &'a [u8]) -> Option<Fields<'a>> {
        let mut prefix = Fields::new(bytes);
        if prefix.array()? != self.magic || prefix.u32()? != VERSION || bytes.len() != self.len {
            return None;
        }
        let covered = bytes.get(PREFIX_LEN..)?;
        (prefix.u32()? == crc32fast::hash(covered)).then(|| Fields::new(covered))
    }

    /// Reads the file; `None` when it is not there or has another length.
    pub(crate) fn read(&self, fs: &dyn Fs) -> io::Result<Option<Vec<u8>>> {
        match fs.open(self.name, Access::Read) {
            Ok(file) if file.len()? == self.len as u64 => read_range(&*file, 0, self.len).map(Some),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}
