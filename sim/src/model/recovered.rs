//! Reads a log as its users would, and finds out which events it holds.

use super::{Form, Model, Sent, number_in};
use batpak::event::{EventKind, StoredEvent};
use batpak::store::{IndexEntry, Open, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};

/// What died before the log was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Died {
    /// Nothing: it was closed in good order, or is still open.
    Nothing,
    /// The process; what it wrote is there.
    Process,
    /// The machine; what was not synced may be gone.
    Machine,
}

/// What tells two logs apart: number, sequence, clock, hash and form of each event.
pub(crate) type Digest = Vec<(u64, u64, u32, [u8; 32], Form)>;

/// The events that a log holds, in its order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recovered {
    /// All of them, also those whose place alone is left.
    pub(crate) events: Vec<(u64, IndexEntry)>,
    /// Those of which not everything is left.
    removed: BTreeMap<u64, Form>,
}

impl Recovered {
    /// Reads everything through the store's own calls; an event that cannot be read counts as a
    /// failure.
    pub(crate) fn read(store: &Store<Open>, model: &Model) -> Result<Self, String> {
        Self::try_read(store, model)?.map_err(|error| format!("reading: {error}"))
    }

    /// As [`read`](Self::read), with the store's own error where an event cannot be read. What is
    /// read is judged all the same.
    pub(crate) fn try_read(
        store: &Store<Open>,
        model: &Model,
    ) -> Result<Result<Self, StoreError>, String> {
        let mut log = Self::default();
        for entry in store.events(&batpak::prelude::Region::all(), 0) {
            let read = entry.and_then(|entry| Ok((store.get_raw(entry.event_id)?, entry)));
            let (stored, entry) = match read {
                Ok(read) => read,
                Err(error) => return Ok(Err(error)),
            };
            let number = match entry.kind {
                EventKind::TOMBSTONE => model.number_of_tombstone(&entry)?,
                _ => model.number_of(&entry, &stored)?,
            };
            if entry.kind == EventKind::TOMBSTONE {
                log.removed.insert(number, Form::Tombstone);
            }
            log.events.push((number, entry));
        }
        if let Err(error) = log.take_up_hidden(store, model)? {
            return Ok(Err(error));
        }
        match log.check_streams(store)? {
            Ok(()) => Ok(Ok(log)),
            Err(error) => Ok(Err(error)),
        }
    }

    /// Puts those that may be hidden and are not shown where they stood. No read may find one.
    fn take_up_hidden(
        &mut self,
        store: &Store<Open>,
        model: &Model,
    ) -> Result<Result<(), StoreError>, String> {
        let shown: BTreeSet<u64> = self.events.iter().map(|(number, _)| *number).collect();
        let may_be_hidden = |sent: &&Sent| sent.forms.hidden && !shown.contains(&sent.number);
        for sent in model.sent.iter().filter(may_be_hidden) {
            let Some(place) = &sent.place else { continue };
            match store.get_raw(place.event_id) {
                Err(StoreError::NotFound(_)) => {}
                Err(error) => return Ok(Err(error)),
                Ok(_) => return Err(format!("event {} is not listed, and found", sent.number)),
            }
            self.removed.insert(sent.number, Form::Hidden);
            self.events.push((sent.number, place.clone()));
        }
        self.events.sort_by_key(|(_, entry)| entry.global_sequence);
        Ok(Ok(()))
    }

    /// Returns in which form an event is there.
    pub(crate) fn form(&self, number: u64) -> Form {
        self.removed.get(&number).copied().unwrap_or(Form::Whole)
    }

    /// Returns those that readers are shown.
    pub(crate) fn shown(&self) -> impl Iterator<Item = &(u64, IndexEntry)> {
        let is_shown = |(number, _): &&(u64, IndexEntry)| self.form(*number) != Form::Hidden;
        self.events.iter().filter(is_shown)
    }

    /// Checks that each entity's stream is what the log holds of it, and that a part of the log is
    /// found from its middle on.
    fn check_streams(&self, store: &Store<Open>) -> Result<Result<(), StoreError>, String> {
        let mut streams: BTreeMap<&str, Vec<&IndexEntry>> = BTreeMap::new();
        for (_, entry) in self.shown() {
            streams.entry(entry.coord.entity()).or_default().push(entry);
        }
        for (entity, due) in streams {
            let found = match store.try_stream(entity) {
                Ok(found) => found,
                Err(error) => return Ok(Err(error)),
            };
            if !found.iter().eq(due.iter().copied()) {
                return Err(format!(
                    "the stream of {entity} is {found:?}, and the log holds {due:?} of it"
                ));
            }
        }
        let middle = self.shown().count() / 2;
        let Some((_, first)) = self.shown().nth(middle) else {
            return Ok(Ok(()));
        };
        let rest = store.events(&batpak::prelude::Region::all(), first.global_sequence);
        let rest: Vec<IndexEntry> = match rest.collect() {
            Ok(rest) => rest,
            Err(error) => return Ok(Err(error)),
        };
        let due = self.shown().skip(middle).map(|(_, entry)| entry);
        match rest.iter().eq(due) {
            true => Ok(Ok(())),
            false => Err("the second half of the log is not what it was before".into()),
        }
    }

    /// Returns what tells two logs apart.
    pub(crate) fn digest(&self) -> Digest {
        let of = |(number, entry): &(u64, IndexEntry)| {
            let hash = entry.hash_chain.event_hash;
            let form = self.form(*number);
            (*number, entry.global_sequence, entry.clock, hash, form)
        };
        self.events.iter().map(of).collect()
    }
}

impl Model {
    /// Finds out which event a stored one is, and checks that it is what was sent.
    fn number_of(&self, entry: &IndexEntry, stored: &StoredEvent<Vec<u8>>) -> Result<u64, String> {
        let number = number_in(&stored.event.payload)
            .ok_or_else(|| format!("an event that nobody sent: {entry:?}"))?;
        let sent = self.get(number).filter(|sent| sent.attempts > 0);
        let sent = sent.ok_or_else(|| format!("event {number} was never sent"))?;
        let same = stored.event.payload == sent.payload
            && stored.coordinate == sent.coordinate()
            && entry.coord == sent.coordinate()
            && entry.kind == super::KIND
            && sent.key.is_none_or(|key| key == entry.event_id);
        match same {
            false => Err(format!("event {number} is not what was sent: {entry:?}")),
            true if !sent.forms.allow(Form::Whole) => Err(format!(
                "event {number} was removed and is there: {entry:?}"
            )),
            true => Ok(number),
        }
    }

    /// Finds out which event was removed where a tombstone stands.
    fn number_of_tombstone(&self, entry: &IndexEntry) -> Result<u64, String> {
        let number = self.ids.get(&entry.event_id).copied();
        let sent = number.and_then(|number| self.get(number));
        match sent.filter(|sent| sent.forms.allow(Form::Tombstone)) {
            Some(sent) => Ok(sent.number),
            None => Err(format!("a tombstone of nothing: {entry:?}")),
        }
    }
}
