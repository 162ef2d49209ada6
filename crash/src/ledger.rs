//! The oracle: what children were told, and what a log must therefore hold.
//!
//! required ⊆ recovered ⊆ sent, each event once with its payload, steps whole, each thread in its
//! order, and no sequence ever for two events.

use crate::plan::{Plan, Token, WINDOW_MAX};
use anyhow::{Context, Result, bail, ensure};
use batpak::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A thread of a session.
type Sender = (u16, u8);

/// What a log that is judged is of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// Its newest state, after a crash or a close: what was acknowledged must be there, and what is
    /// read now must be there ever after.
    Crash,
    /// A moment of a process that goes on: acknowledgements may be on their way to us yet.
    Cut,
    /// An older state, such as a snapshot: the end may be missing.
    Earlier,
}

#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    plan: Plan,
    /// Up to where each sender's steps were answered.
    answered: BTreeMap<Sender, u32>,
    /// What each sender was turned away with, as ranges: where each begins and ends.
    refused: BTreeMap<Sender, BTreeMap<u32, u32>>,
    /// Where each sender ended that is dead: after the last step that was found.
    settled: BTreeMap<Sender, u32>,
    /// What each sequence stands for that was acknowledged or read.
    sequences: HashMap<u64, u64>,
    /// The sequence of each event that was acknowledged or read.
    places: HashMap<u64, u64>,
    /// How many sessions were begun.
    pub(crate) sessions: u16,
}

impl Ledger {
    pub(crate) fn new(plan: Plan) -> Self {
        Self {
            plan,
            answered: BTreeMap::new(),
            refused: BTreeMap::new(),
            settled: BTreeMap::new(),
            sequences: HashMap::new(),
            places: HashMap::new(),
            sessions: 0,
        }
    }

    /// Begins another session and returns its number.
    pub(crate) fn begin(&mut self) -> u16 {
        self.sessions += 1;
        self.sessions - 1
    }

    /// How many events were acknowledged or read.
    pub(crate) fn known(&self) -> usize {
        self.places.len()
    }

    /// How many submits were refused.
    pub(crate) fn refused(&self) -> u64 {
        let ranges = self.refused.values().flatten();
        ranges.map(|(from, until)| u64::from(until - from)).sum()
    }

    /// Takes a line that a child told; returns the words of one that is not about events.
    pub(crate) fn hear<'l>(&mut self, line: &'l str) -> Result<Option<Vec<&'l str>>> {
        let mut words = line.split(' ');
        match words.next() {
            Some("ack") => self.hear_ack(words).with_context(|| line.to_owned())?,
            Some("refused") => self.hear_refused(words).with_context(|| line.to_owned())?,
            Some("same") => {
                for pair in words {
                    let (token, sequence) = parse_pair(pair)?;
                    let before = self.places.get(&token);
                    ensure!(
                        before.is_none_or(|before| *before == sequence),
                        "{line}: a retry was answered with another sequence than {before:?}"
                    );
                    self.observe(sequence, token)?;
                }
            }
            Some("fault") => bail!("the child found: {line}"),
            _ => return Ok(Some(line.split(' ').collect())),
        }
        Ok(None)
    }

    /// `ack <session> <thread> <answered up to> <token>:<sequence> ...`
    fn hear_ack<'l>(&mut self, mut words: impl Iterator<Item = &'l str>) -> Result<()> {
        let session = words.next().context("no session")?.parse()?;
        let thread = words.next().context("no thread")?.parse()?;
        let until: u32 = words.next().context("no number")?.parse()?;
        ensure!(session < self.sessions, "a session that was not begun");
        let answered = self.answered.entry((session, thread)).or_default();
        ensure!(*answered < until, "answered twice");
        *answered = until;
        for pair in words {
            let (token, sequence) = parse_pair(pair)?;
            ensure!(
                !self.places.contains_key(&token),
                "event {token:x} was acknowledged twice"
            );
            self.observe(sequence, token)?;
        }
        Ok(())
    }

    /// `refused <session> <thread> <from>-<until> ...`
    fn hear_refused<'l>(&mut self, mut words: impl Iterator<Item = &'l str>) -> Result<()> {
        let session = words.next().context("no session")?.parse()?;
        let thread = words.next().context("no thread")?.parse()?;
        ensure!(session < self.sessions, "a session that was not begun");
        let refused = self.refused.entry((session, thread)).or_default();
        for range in words {
            let (from, until) = range.split_once('-').context("not a range")?;
            refused.insert(from.parse()?, until.parse()?);
        }
        Ok(())
    }

    fn observe(&mut self, sequence: u64, token: u64) -> Result<()> {
        let before = self.sequences.insert(sequence, token);
        ensure!(
            before.is_none_or(|before| before == token),
            "sequence {sequence} stood for event {before:x?}, and stands for {token:x} now"
        );
        let place = self.places.insert(token, sequence);
        ensure!(
            place.is_none_or(|place| place == sequence),
            "event {token:x} had sequence {place:?}, and has {sequence} now"
        );
        Ok(())
    }

    /// Judges a log that was opened.
    pub(crate) fn judge<S>(&mut self, store: &Store<S>, after: After) -> Result<()> {
        let found = self.read(store)?;
        for (sequence, token) in &found {
            self.observe(*sequence, token.bits())?;
        }
        let mut numbers: BTreeMap<Sender, BTreeSet<u32>> = BTreeMap::new();
        for sender in self.answered.keys().chain(self.settled.keys()) {
            numbers.entry(*sender).or_default();
        }
        let mut last: HashMap<Sender, u32> = HashMap::new();
        for (_, token) in &found {
            let sender = (token.session, token.thread);
            let numbers = numbers.entry(sender).or_default();
            ensure!(numbers.insert(token.number), "{token:?} is stored twice");
            let before = last.insert(sender, token.number);
            ensure!(
                before < Some(token.number),
                "{token:?} stands behind number {before:?} of its thread"
            );
        }
        for (sender, numbers) in numbers {
            self.judge_sender(sender, &numbers, after)
                .with_context(|| format!("session {}, thread {}", sender.0, sender.1))?;
        }
        Ok(())
    }

    /// Walks the steps of one sender and demands that a front part of them is there, whole.
    fn judge_sender(&mut self, by: Sender, found: &BTreeSet<u32>, after: After) -> Result<()> {
        let answered = self.answered.get(&by).copied().unwrap_or(0);
        let (mut number, mut end, mut missing) = (0, 0, None);
        let mut unanswered = 0;
        let past = found.last().map_or(0, |last| last + 1);
        let refused = self.refused.get(&by);
        while number < past.max(answered) {
            if let Some(until) = refused.and_then(|refused| refused.get(&number)) {
                let stored = found.range(number..*until).next();
                ensure!(
                    stored.is_none(),
                    "number {stored:?} was refused, and is stored"
                );
                number = *until;
                continue;
            }
            let first = Token {
                session: by.0,
                thread: by.1,
                number,
            };
            let step = self.plan.step(first);
            let until = number + step.items();
            let present = found.range(number..until).count();
            if !step.shows() {
                ensure!(
                    present == 0,
                    "{present} events of a cancelled fence, {first:?}"
                );
            } else if present == 0 {
                let lost = until <= answered && after != After::Earlier;
                ensure!(!lost, "{first:?}, {step:?} was acknowledged and is lost");
                missing = missing.or(Some(first));
            } else {
                let items = step.items();
                ensure!(
                    present == items as usize,
                    "{first:?}, {step:?}: {present} of {items} are there"
                );
                ensure!(
                    missing.is_none(),
                    "{first:?} is there, and {missing:?} before it is not"
                );
                end = until;
            }
            unanswered += usize::from(number >= answered);
            number = until;
        }
        ensure!(
            unanswered <= WINDOW_MAX || after == After::Cut,
            "{unanswered} steps nobody can have taken by then"
        );
        if after == After::Earlier {
            return Ok(());
        }
        let settled = self.settled.insert(by, end);
        ensure!(
            settled.is_none_or(|settled| settled == end),
            "it ended before number {settled:?}, and ends before {end} now"
        );
        let answered = self.answered.entry(by).or_default();
        *answered = end.max(*answered);
        Ok(())
    }

    /// Reads everything in every way, and demands that all of them agree and that it was sent.
    fn read<S>(&self, store: &Store<S>) -> Result<Vec<(u64, Token)>> {
        let mut found = Vec::new();
        let mut streams: BTreeMap<String, Vec<u128>> = BTreeMap::new();
        for read in store.events(&Region::all(), 0).typed::<(u64, String)>() {
            let entry = read?;
            let sent = Token::from_bits(entry.payload.0);
            let token = sent.context("an event that nobody sent")?;
            ensure!(token.session < self.sessions, "{token:?} was never sent");
            let planned = self.plan.event(token)?;
            ensure!(
                planned.payload == entry.payload
                    && planned.coordinate == entry.coord
                    && planned.key.is_none_or(|key| key == entry.event_id),
                "{token:?} is not what was sent: {entry:?}"
            );
            let entity = entry.coord.entity().to_owned();
            let stream = streams.entry(entity).or_default();
            ensure!(
                stream.len() == entry.clock as usize,
                "{token:?} has clock {} and is number {} of its entity",
                entry.clock,
                stream.len()
            );
            stream.push(entry.event_id);
            found.push((entry.global_sequence, token));
        }
        ensure!(
            found.is_sorted_by(|a, b| a.0 < b.0),
            "sequences do not go up"
        );
        for (entity, ids) in &streams {
            let entries = store.try_stream(entity)?;
            ensure!(
                entries
                    .iter()
                    .map(|entry| entry.event_id)
                    .eq(ids.iter().copied()),
                "the stream of {entity} is not what the log holds of it"
            );
            for id in ids.iter().step_by(7) {
                ensure!(store.get_raw(*id)?.event.event_id() == *id, "another event");
            }
        }
        let verified = store.verify()?;
        ensure!(verified.first_bad.is_none(), "verify: {verified:?}");
        let (counted, walked) = (store.stats().event_count, found.len());
        ensure!(
            verified.events == walked as u64 && counted == walked,
            "verified {}, counted {counted}, walked through {walked}",
            verified.events
        );
        Ok(found)
    }
}

fn parse_pair(pair: &str) -> Result<(u64, u64)> {
    let (token, sequence) = pair.split_once(':').context("not a pair")?;
    Ok((u64::from_str_radix(token, 16)?, sequence.parse()?))
}
