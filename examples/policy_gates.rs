//! A bank that asks its rules before it moves money, and records who was refused and why.
//!
//! Run it with `cargo run --example policy_gates`.

use batpak::pipeline::BypassReason;
use batpak::prelude::*;
use serde::Serialize;
use std::error::Error;

const MOVED: EventKind = EventKind::custom(0x1, 1);
const REFUSED: EventKind = EventKind::custom(0x1, 2);
const CORRECTED: EventKind = EventKind::custom(0x1, 3);

#[derive(Clone, Debug, Serialize)]
struct Transfer {
    from: &'static str,
    to: &'static str,
    cents: u64,
}

/// What the rules look at: what is asked for, and how things stand.
struct Situation {
    transfer: Transfer,
    balance_cents: u64,
}

struct Covered;

impl Gate<Situation> for Covered {
    fn name(&self) -> &'static str {
        "covered"
    }

    fn evaluate(&self, situation: &Situation) -> Result<(), Denial> {
        let (asked, there) = (situation.transfer.cents, situation.balance_cents);
        if asked <= there {
            return Ok(());
        }
        Err(
            Denial::new(self.name(), "the account does not hold that much")
                .with_code("NOT_COVERED")
                .with_context("asked_cents", asked.to_string())
                .with_context("balance_cents", there.to_string()),
        )
    }

    fn description(&self) -> &'static str {
        "nobody gives away what they do not have"
    }
}

struct NotBlocked(&'static [&'static str]);

impl Gate<Situation> for NotBlocked {
    fn name(&self) -> &'static str {
        "not blocked"
    }

    fn evaluate(&self, situation: &Situation) -> Result<(), Denial> {
        if self.0.contains(&situation.transfer.to) {
            return Err(Denial::new(self.name(), "the account is blocked").with_code("BLOCKED"));
        }
        Ok(())
    }
}

/// The one reason for which this bank moves money without asking.
struct BankError;

impl BypassReason for BankError {
    fn name(&self) -> &'static str {
        "bank error"
    }

    fn justification(&self) -> &'static str {
        "the bank has booked it to the wrong account, two people have signed"
    }
}

struct Bank {
    store: Store,
    rules: Pipeline<Situation>,
}

impl Bank {
    /// Appends a transfer; this is the closure's half of a commit.
    fn book(&self, kind: EventKind, transfer: Transfer) -> Result<Committed<Transfer>, StoreError> {
        let account = Coordinate::new(format!("account:{}", transfer.from), "bank")?;
        let receipt = self.store.append(&account, kind, &transfer)?;
        let stored = self.store.get_raw(receipt.event_id)?;
        Ok(Committed {
            payload: transfer,
            event_id: receipt.event_id,
            sequence: receipt.sequence,
            hash: stored.event.hash_chain.unwrap_or_default().event_hash,
        })
    }

    /// Moves money if every rule agrees; records a refusal if one does not.
    fn transfer(&self, situation: Situation) -> Result<bool, StoreError> {
        let transfer = situation.transfer.clone();
        match self.rules.evaluate(&situation, Proposal::new(transfer)) {
            Ok(receipt) => {
                println!("passed {:?}", receipt.gates_passed());
                let booked = self
                    .rules
                    .commit(receipt, |transfer| self.book(MOVED, transfer))?;
                println!(
                    "  moved: {:?}, event {:032x}",
                    booked.payload, booked.event_id
                );
                Ok(true)
            }
            Err(denial) => {
                println!("refused: {denial} ({}) {:?}", denial.code, denial.context);
                let from = situation.transfer.from;
                let account = Coordinate::new(format!("account:{from}"), "bank")?;
                self.store.append(&account, REFUSED, &denial)?;
                Ok(false)
            }
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let mut gates = GateSet::new();
    gates.push(NotBlocked(&["mallory"]));
    gates.push(Covered);
    let bank = Bank {
        store: Store::open(StoreConfig::new(dir.path()))?,
        rules: Pipeline::new(gates),
    };

    let ask = |to, cents| Situation {
        transfer: Transfer {
            from: "ada",
            to,
            cents,
        },
        balance_cents: 1_000,
    };
    assert!(bank.transfer(ask("grace", 400))?);
    assert!(!bank.transfer(ask("mallory", 1))?);
    assert!(!bank.transfer(ask("grace", 1_001))?);

    // All that is wrong at once, for a form that should show it.
    let mut gates = GateSet::new();
    gates.push(NotBlocked(&["mallory"]));
    gates.push(Covered);
    let denials = gates.evaluate_all(&ask("mallory", 5_000));
    let codes: Vec<_> = denials.iter().map(|denial| denial.code.as_str()).collect();
    println!("everything that is wrong: {codes:?}");
    assert_eq!(codes, ["BLOCKED", "NOT_COVERED"]);

    // Past the rules, with a reason that is recorded beside the transfer.
    let correction = Proposal::new(ask("grace", 5_000).transfer);
    let receipt = Pipeline::<Situation>::bypass(correction, &BankError);
    println!(
        "not asked, {}: {}",
        receipt.reason(),
        receipt.justification()
    );
    Pipeline::<Situation>::commit_bypass(receipt, |transfer| bank.book(CORRECTED, transfer))?;

    let kinds: Vec<_> = bank.store.stream("account:ada");
    let kinds: Vec<_> = kinds.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [MOVED, REFUSED, REFUSED, CORRECTED]);
    println!("recorded: {} events", kinds.len());
    bank.store.close()?;
    Ok(())
}
