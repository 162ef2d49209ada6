//! What stands in the place of faults in a build that has none: nothing.

use super::FailedBatch;
use crate::error::StoreError;

/// Whom to ask for faults: nobody, in this build.
#[derive(Clone, Debug, Default)]
pub struct Faults {}

/// The points that a writer passes: none, in this build.
#[derive(Debug)]
pub(crate) struct Points {}

/// What a group has passed: nothing, in this build.
#[derive(Debug, Default)]
pub(crate) struct Passed {}

const _: () = assert!(size_of::<Faults>() + size_of::<Points>() + size_of::<Passed>() == 0);

impl Points {
    #[inline]
    pub(crate) fn new(_: Faults) -> Self {
        Self {}
    }

    #[inline]
    pub(crate) fn after_write(&self, _: &Passed) -> Option<StoreError> {
        None
    }

    #[inline]
    pub(crate) fn at_sync(&self, _: &Passed) -> Option<(u64, StoreError)> {
        None
    }

    #[inline]
    pub(crate) fn before_publication(&self, _: &Passed) -> Option<StoreError> {
        None
    }

    #[inline]
    pub(crate) fn at_rotation(&self, _: u64, _: u64) -> Option<StoreError> {
        None
    }
}

impl Passed {
    #[inline]
    pub(crate) fn single(&mut self, _: &Points, _: &str) -> Option<StoreError> {
        None
    }

    #[inline]
    pub(crate) fn batch(&mut self, _: &Points, _: u64, _: usize) -> Option<FailedBatch> {
        None
    }

    #[inline]
    pub(crate) fn begin_at(&mut self, _: u64) {}

    #[inline]
    pub(crate) fn take_settled(&mut self, _: &mut Self) {}
}
