//! One thread that appends durable events one by one and tells every error.

use super::{describe, listen, tell, tell_ack};
use crate::arguments::AppendPart;
use crate::plan::{KIND, Plan, Token};
use anyhow::Result;
use batpak::prelude::*;
use std::time::{Duration, Instant};

/// How often an event is sent again that was refused.
const TRIES_MAX: u32 = 3;

pub(super) fn append(part: &AppendPart) -> Result<()> {
    let plan = part.plan();
    let Some(mut store) = open(part, plan)? else {
        return Ok(());
    };
    tell("open");
    let (mut number, mut tries) = (0, 0);
    while number < part.events {
        let token = Token {
            session: part.session,
            thread: 0,
            number,
        };
        match append_one(&store, plan, token) {
            Ok(receipt) => {
                number += 1;
                tell_ack(token, number, &[receipt]);
            }
            Err(error) => {
                tell(&format!("error {number} {}", describe(&error)));
                if !part.wait {
                    // What was certainly not written, by a writer that goes on, is sent again:
                    // else those behind it would stand in its place.
                    let again = error.certainly_not_written()
                        && !matches!(error, StoreError::Poisoned { .. });
                    tries += 1;
                    if !again || tries > TRIES_MAX {
                        (number, tries) = (number + 1, 0);
                    }
                    continue;
                }
                tell_what_is_read(&store, plan, token)?;
                match listen().as_deref() {
                    None => return Ok(()),
                    Some("reopen") => {
                        // A store that could not write may say so again.
                        let _ = store.close();
                        let Some(opened) = open(part, plan)? else {
                            return Ok(());
                        };
                        tell("open");
                        store = opened;
                    }
                    Some(_) => {}
                }
            }
        }
    }
    let begun = Instant::now();
    let closed = store.close();
    let took = begun.elapsed().as_millis();
    match closed {
        Ok(_) => tell(&format!("closed {took}")),
        Err(error) => tell(&format!("not-closed {took} {}", describe(&error))),
    }
    // A store that gave up waiting for its disk keeps a thread in a call.
    std::process::exit(0);
}

/// Opens the store; where that fails it tells so and, if asked to, waits and tries again.
fn open(part: &AppendPart, plan: Plan) -> Result<Option<Store>> {
    let timeout = part.reply_timeout_ms.map(Duration::from_millis);
    loop {
        let config = plan.config(&part.directory, part.session);
        let config = config
            .with_reply_timeout(timeout)
            .with_segment_max_bytes(part.segment_bytes);
        match Store::open(config) {
            Ok(store) => return Ok(Some(store)),
            Err(error) => tell(&format!("not-open {}", describe(&error))),
        }
        if !part.wait || listen().is_none() {
            return Ok(None);
        }
    }
}

fn append_one(store: &Store, plan: Plan, token: Token) -> Result<AppendReceipt, StoreError> {
    let bad = |error: anyhow::Error| StoreError::Configuration(error.to_string());
    let event = plan.event(token).map_err(bad)?;
    let receipt =
        store.append_with_options(&event.coordinate, KIND, &event.payload, event.options())?;
    Ok(receipt)
}

/// Tells whether everything before a token can be read.
fn tell_what_is_read(store: &Store, plan: Plan, next: Token) -> Result<()> {
    for number in 0..next.number {
        let event = plan.event(Token { number, ..next })?;
        let key = event.key.unwrap_or_default();
        match store.get_as::<(u64, String)>(key) {
            Ok(read) if read.event.payload == event.payload => {}
            Ok(_) => tell(&format!("fault event {number} reads as another")),
            Err(error) => tell(&format!("unread {number} {}", describe(&error))),
        }
    }
    tell("read");
    Ok(())
}
