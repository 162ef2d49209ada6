//! What compactions have taken away, or may have.

use super::{Model, Recovered, Sent};
use batpak::store::IndexEntry;

/// Which events a compaction takes away: those whose number leaves this rest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Removal {
    pub(crate) every: u64,
    pub(crate) rest: u64,
    /// Whether something is shown in their place.
    pub(crate) shown: bool,
}

/// In which forms a log may show an event that it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Forms {
    pub(crate) whole: bool,
    pub(crate) tombstone: bool,
    pub(crate) hidden: bool,
}

/// In which form a log shows an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    Whole,
    Tombstone,
    /// Its place is kept, and no read shows it.
    Hidden,
}

impl Forms {
    pub(crate) const WHOLE: Self = Self::only(Form::Whole);

    pub(crate) const fn only(form: Form) -> Self {
        Self {
            whole: matches!(form, Form::Whole),
            tombstone: matches!(form, Form::Tombstone),
            hidden: matches!(form, Form::Hidden),
        }
    }

    pub(crate) fn allow(self, form: Form) -> bool {
        match form {
            Form::Whole => self.whole,
            Form::Tombstone => self.tombstone,
            Form::Hidden => self.hidden,
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            whole: self.whole || other.whole,
            tombstone: self.tombstone || other.tombstone,
            hidden: self.hidden || other.hidden,
        }
    }
}

/// An event that a compaction was told to remove, and what it could be before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judged {
    number: u64,
    before: Forms,
}

impl Removal {
    fn form(&self) -> Form {
        match self.shown {
            true => Form::Tombstone,
            false => Form::Hidden,
        }
    }
}

impl Model {
    /// Takes up where everything stands, before a compaction that may change it.
    pub(crate) fn note_places(&mut self, log: &Recovered) {
        for (number, entry) in &log.events {
            self.ids.insert(entry.event_id, *number);
            if let Some(sent) = self.get_mut(*number) {
                sent.place.get_or_insert_with(|| entry.clone());
            }
        }
    }

    /// Returns whether a compaction is to keep an event, and notes that it may be gone from now on
    /// if it is not. One that was not there when the compaction began is kept.
    pub(crate) fn judge(&mut self, event_id: u128, removal: &Removal) -> bool {
        let Some(number) = self.ids.get(&event_id).copied() else {
            return true;
        };
        if number % removal.every != removal.rest {
            return true;
        }
        let form = removal.form();
        let Some(sent) = self.get_mut(number) else {
            return true;
        };
        let before = sent.forms;
        sent.forms = before.or(Forms::only(form));
        self.judged.push(Judged { number, before });
        self.checks.removals += 1;
        false
    }

    /// Notes how a compaction ended: what it was to remove is gone for ever, is as it was, or is
    /// one of both.
    pub(crate) fn compacted(&mut self, removal: Option<&Removal>, end: CompactionEnd) {
        let judged = std::mem::take(&mut self.judged);
        for judged in judged.iter().rev() {
            let Some(sent) = self.get_mut(judged.number) else {
                continue;
            };
            match (end, removal) {
                // What an earlier compaction has begun may have hidden it before this one.
                (CompactionEnd::Done, Some(removal)) => {
                    let hidden = judged.before.hidden;
                    sent.forms = Forms::only(removal.form());
                    sent.forms.hidden |= hidden;
                }
                (CompactionEnd::Nothing, _) => sent.forms = judged.before,
                (CompactionEnd::Done | CompactionEnd::Unknown, _) => {}
            }
        }
    }
}

/// What a compaction came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CompactionEnd {
    Done,
    /// It has changed nothing.
    Nothing,
    Unknown,
}

impl Sent {
    /// Checks that an event is what it was when it was looked at before.
    pub(super) fn check_place(&self, entry: &IndexEntry) -> Result<(), String> {
        let Some(place) = &self.place else {
            return Ok(());
        };
        let of = |entry: &IndexEntry| {
            (
                (entry.event_id, entry.correlation_id, entry.causation_id),
                (entry.global_sequence, entry.clock, entry.wall_ms),
                entry.hash_chain,
            )
        };
        match of(place) == of(entry) && place.coord == entry.coord {
            true => Ok(()),
            false => Err(format!(
                "event {} was {place:?}, and is {entry:?}",
                self.number
            )),
        }
    }
}
