//! Threads that submit far more than a disk takes, and tell what they were turned away with.

use super::{describe, tell, tell_ack};
use crate::arguments::FloodPart;
use crate::plan::{KIND, Plan, Token};
use crate::process::HANG;
use anyhow::{Context, Result, bail};
use batpak::prelude::*;
use std::fmt::Write as _;
use std::ops::Range;
use std::time::Duration;

/// So many ranges are told in a line.
const RANGES_IN_LINE: usize = 100;

/// What became of what one thread has submitted.
struct Flooded {
    /// What found room, in order.
    accepted: Vec<(Token, AppendTicket)>,
    /// What did not, as ranges of numbers.
    refused: Vec<Range<u32>>,
}

pub(super) fn flood(part: &FloodPart) -> Result<()> {
    let plan = part.plan();
    let config = plan
        .config(&part.directory, part.session)
        .with_segment_max_bytes(8 << 20)
        .with_sync_mode(SyncMode::SyncData)
        .with_reply_timeout(Some(Duration::ZERO));
    let store = Store::open(config)?;
    let ahead = submit_ahead(&store, plan, part)?;
    let floods: Vec<Result<Flooded>> = std::thread::scope(|scope| {
        let store = &store;
        let flooding: Vec<_> = (0..part.threads)
            .map(|thread| {
                let from = if thread == 0 { ahead } else { 0 };
                scope.spawn(move || flood_from(store, plan, part, token(part, thread, from)))
            })
            .collect();
        flooding
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| bail!("a thread panicked")))
            .collect()
    });
    let memory = most_memory_kib()?;
    let mut waiting = Vec::new();
    for (thread, flood) in (0..).zip(floods) {
        let Flooded { accepted, refused } = flood.inspect_err(|error| {
            tell(&format!("fault {error:#}"));
        })?;
        tell_refused(part.session, thread, &refused);
        let mut accepted = accepted.into_iter().peekable();
        // What was answered by now must outlive whatever happens next.
        while let Some((token, ticket)) = accepted.peek() {
            let Some(answer) = ticket.try_check() else {
                break;
            };
            hear_answer(*token, answer)?;
            accepted.next();
        }
        waiting.push(accepted);
    }
    tell(&format!("flooded {memory}"));
    if super::listen().is_none() {
        return Ok(());
    }
    for (token, ticket) in waiting.into_iter().flatten() {
        hear_answer(token, ticket.receiver().recv_timeout(HANG)?)?;
    }
    // The disk may stand still once more, under another thread; a close waits five seconds then.
    match store.close() {
        Ok(_) => tell("closed"),
        Err(error) => tell(&format!("not-closed {}", describe(&error))),
    }
    std::process::exit(0);
}

fn token(part: &FloodPart, thread: u8, number: u32) -> Token {
    Token {
        session: part.session,
        thread,
        number,
    }
}

/// Submits some events and waits for each: the disk works as yet. Returns how many.
fn submit_ahead(store: &Store, plan: Plan, part: &FloodPart) -> Result<u32> {
    for number in 0..part.ahead {
        let token = token(part, 0, number);
        let event = plan.event(token)?;
        let (coordinate, payload) = (&event.coordinate, &event.payload);
        let ticket = store.submit_with_options(coordinate, KIND, payload, event.options())?;
        hear_answer(token, ticket.receiver().recv_timeout(HANG)?)?;
    }
    Ok(part.ahead)
}

/// Submits a thread's share; half of the threads ask first whether there is room.
fn flood_from(store: &Store, plan: Plan, part: &FloodPart, first: Token) -> Result<Flooded> {
    let (mut accepted, mut refused) = (Vec::new(), Vec::<Range<u32>>::new());
    let thread = first.thread;
    for number in first.number..part.submits / u32::from(part.threads) {
        let token = token(part, thread, number);
        let event = plan.event(token)?;
        let (coordinate, payload, options) = (&event.coordinate, &event.payload, event.options());
        let submitted = match thread.is_multiple_of(2) {
            true => store
                .submit_with_options(coordinate, KIND, payload, options)
                .map(Outcome::ok),
            false => store.try_submit_with_options(coordinate, KIND, payload, options),
        };
        match submitted {
            Ok(Outcome::Ok(ticket)) => accepted.push((token, ticket)),
            Ok(Outcome::Retry { .. }) | Err(StoreError::Busy { .. }) => match refused.last_mut() {
                Some(last) if last.end == number => last.end += 1,
                _ => refused.push(number..number + 1),
            },
            Ok(_) => bail!("{token:?} was neither taken nor turned away"),
            Err(error) => bail!("{token:?}: {}", describe(&error)),
        }
    }
    Ok(Flooded { accepted, refused })
}

fn hear_answer(token: Token, answer: Result<AppendReceipt, StoreError>) -> Result<()> {
    match answer {
        Ok(receipt) => tell_ack(token, token.number + 1, &[receipt]),
        Err(error) => {
            tell(&format!("fault {token:?}: {}", describe(&error)));
            bail!("{token:?} was accepted and failed");
        }
    }
    Ok(())
}

fn tell_refused(session: u16, thread: u8, refused: &[Range<u32>]) {
    for ranges in refused.chunks(RANGES_IN_LINE) {
        let mut line = format!("refused {session} {thread}");
        for Range { start, end } in ranges {
            // Writing to a string does not fail.
            let _ = write!(line, " {start}-{end}");
        }
        tell(&line);
    }
}

/// Returns the most memory that this process has had at once, in KiB.
fn most_memory_kib() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.context("no VmHWM")?.parse()?)
}
