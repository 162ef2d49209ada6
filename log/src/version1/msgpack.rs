//! Takes MessagePack values off the front of bytes that may be hostile.

use rmp::decode::{read_array_len, read_bin_len, read_int, read_map_len, read_nil, read_str_len};

/// Takes values one after the other; every take is checked, none panics.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values<'a> {
    rest: &'a [u8],
}

impl<'a> Values<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Returns how many bytes are left to take.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    /// Takes a map: its values are taken by `take`, which is told each key and skips those that it
    /// does not know.
    pub(super) fn map(
        &mut self,
        mut take: impl FnMut(&str, &mut Self) -> Option<()>,
    ) -> Option<()> {
        for _ in 0..read_map_len(&mut self.rest).ok()? {
            let key = self.str()?;
            take(key, self)?;
        }
        Some(())
    }

    pub(super) fn str(&mut self) -> Option<&'a str> {
        let length = read_str_len(&mut self.rest).ok()?;
        std::str::from_utf8(self.take(u64::from(length))?).ok()
    }

    pub(super) fn int<T: TryFrom<i64> + TryFrom<u64>>(&mut self) -> Option<T> {
        let signed: Result<i64, _> = read_int(&mut { self.rest });
        match signed {
            Ok(number) => {
                self.skip()?;
                T::try_from(number).ok()
            }
            Err(_) => {
                let number: u64 = read_int(&mut self.rest).ok()?;
                T::try_from(number).ok()
            }
        }
    }

    /// Takes nil if it stands here.
    pub(super) fn nil(&mut self) -> bool {
        let mut rest = self.rest;
        let found = read_nil(&mut rest).is_ok();
        if found {
            self.rest = rest;
        }
        found
    }

    /// Takes bytes that are stored as such or as an array of numbers.
    pub(super) fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let mut rest = self.rest;
        if let Ok(length) = read_bin_len(&mut rest) {
            self.rest = rest;
            return self.take(u64::from(length))?.try_into().ok();
        }
        let bytes = self.number_array()?;
        bytes.try_into().ok()
    }

    /// Takes an array of numbers below 256; nothing when it is something else.
    pub(super) fn number_array(&mut self) -> Option<Vec<u8>> {
        let mut rest = self.rest;
        let length = read_array_len(&mut rest).ok()? as usize;
        // Every number takes a byte at least: a damaged length asks for no more than there is.
        let mut bytes = Vec::with_capacity(length.min(rest.len()));
        for _ in 0..length {
            bytes.push(read_int(&mut rest).ok()?);
        }
        self.rest = rest;
        Some(bytes)
    }

    /// Takes an array whose items are taken by `take`.
    pub(super) fn array<T>(
        &mut self,
        mut take: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let length = read_array_len(&mut self.rest).ok()?;
        (0..length).map(|_| take(self)).collect()
    }

    /// Takes any value and returns its bytes.
    pub(super) fn raw(&mut self) -> Option<&'a [u8]> {
        let before = self.rest;
        self.skip()?;
        before.get(..before.len() - self.rest.len())
    }

    /// Takes any value. It counts what is left to take, so that no nesting is too deep.
    pub(super) fn skip(&mut self) -> Option<()> {
        let mut left: u64 = 1;
        while left > 0 {
            let marker = self.number(1)?;
            let (bytes, items) = match marker {
                0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => (0, 0),
                0x80..=0x8f => (0, 2 * (marker - 0x80)),
                0x90..=0x9f => (0, marker - 0x90),
                0xa0..=0xbf => (marker - 0xa0, 0),
                0xc4 | 0xd9 => (self.number(1)?, 0),
                0xc5 | 0xda => (self.number(2)?, 0),
                0xc6 | 0xdb => (self.number(4)?, 0),
                0xc7 => (self.number(1)? + 1, 0),
                0xc8 => (self.number(2)? + 1, 0),
                0xc9 => (self.number(4)? + 1, 0),
                0xcc | 0xd0 => (1, 0),
                0xcd | 0xd1 | 0xd4 => (2, 0),
                0xd5 => (3, 0),
                0xca | 0xce | 0xd2 => (4, 0),
                0xd6 => (5, 0),
                0xcb | 0xcf | 0xd3 => (8, 0),
                0xd7 => (9, 0),
                0xd8 => (17, 0),
                0xdc => (0, self.number(2)?),
                0xdd => (0, self.number(4)?),
                0xde => (0, 2 * self.number(2)?),
                0xdf => (0, 2 * self.number(4)?),
                _ => return None,
            };
            self.take(bytes)?;
            left = (left - 1).checked_add(items)?;
        }
        Some(())
    }

    fn number(&mut self, bytes: u64) -> Option<u64> {
        let digits = self.take(bytes)?.iter();
        Some(digits.fold(0, |number, digit| number << 8 | u64::from(*digit)))
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let length = usize::try_from(length).ok()?;
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }
}
