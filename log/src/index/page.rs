//! Pages: the unit in which a run is written, checked, read and kept.

use super::{IndexRun, RunName};
use crate::bytes::Fields;
use crate::error::LogError;
use crate::layout::run::{CONTENT_LEN, MAGIC, PAGE_LEN};
use crate::planted::{Bug, planted};
use std::fmt;
use std::sync::Arc;

/// A page whose checksum held; a clone shares its bytes.
#[derive(Clone)]
pub struct Page(Arc<[u8; PAGE_LEN]>);

/// Where look-ups get a run's pages from: a cache that the caller owns, or the file itself.
pub trait Pages {
    /// Returns a page of a run.
    ///
    /// # Errors
    /// What [`IndexRun::read_page`] returns.
    fn page(&self, run: &IndexRun, page: u32) -> Result<Page, LogError>;

    /// Looks into a page without taking it, which costs less where pages are kept.
    ///
    /// # Errors
    /// As [`page`](Self::page).
    fn look<T>(
        &self,
        run: &IndexRun,
        page: u32,
        look: impl FnOnce(&Page) -> T,
    ) -> Result<T, LogError> {
        Ok(look(&self.page(run, page)?))
    }
}

/// What the checksums of a run are bound to: store, segment, generation and range of events.
#[derive(Clone, Debug)]
pub(super) struct RunBinding(crc32fast::Hasher);

impl Page {
    /// Takes a page's bytes; `None` when its checksum does not hold.
    pub(super) fn check(
        bytes: Arc<[u8; PAGE_LEN]>,
        binding: &RunBinding,
        page: u32,
    ) -> Option<Self> {
        let (content, crc) = bytes.split_at_checked(CONTENT_LEN)?;
        let holds = Fields::new(crc).u32() == Some(binding.crc(page, content));
        (holds || planted(Bug::IgnorePageChecksum)).then_some(Self(bytes))
    }

    /// Returns what stands before the checksum.
    pub(super) fn content(&self) -> &[u8] {
        self.0.get(..CONTENT_LEN).unwrap_or_default()
    }

    /// Returns the `index`th of the fixed entries that fill the page.
    pub(super) fn entry<const N: usize>(&self, index: usize) -> Option<[u8; N]> {
        let bytes = self.content().get(index.checked_mul(N)?..)?;
        bytes.first_chunk().copied()
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Page")
    }
}

impl RunBinding {
    /// Binds to one run of one store. The magic keeps its pages apart from a segment's bytes.
    pub(super) fn new(store_id: [u8; 16], name: &RunName) -> Self {
        let mut seeded = crc32fast::Hasher::new();
        seeded.update(&MAGIC);
        seeded.update(&store_id);
        seeded.update(&name.segment.id.to_be_bytes());
        seeded.update(&name.segment.generation.to_be_bytes());
        seeded.update(&name.first.to_be_bytes());
        seeded.update(&name.end.to_be_bytes());
        Self(seeded)
    }

    /// Returns the checksum of the content of a page.
    pub(super) fn crc(&self, page: u32, content: &[u8]) -> u32 {
        let mut hasher = self.0.clone();
        hasher.update(&(u64::from(page) * PAGE_LEN as u64).to_be_bytes());
        hasher.update(content);
        hasher.finalize()
    }
}
