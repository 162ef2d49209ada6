//! An order that can be paid once and shipped only when it is paid, or the program does not compile.
//!
//! Run it with `cargo run --example typestate_workflow`.

use batpak::prelude::*;
use batpak::typestate::Transition;
use serde::Serialize;
use std::error::Error;

const PAID: EventKind = EventKind::custom(0x1, 1);
const SHIPPED: EventKind = EventKind::custom(0x1, 2);
const CALLED_OFF: EventKind = EventKind::custom(0x1, 3);

batpak::define_state_machine!(
    /// How far an order is.
    OrderState {
        Placed,
        Paid,
        Shipped,
        CalledOff,
    }
);

batpak::define_typestate!(
    /// An order.
    #[derive(Debug)]
    Order<S: OrderState> {
        number: u32,
        cents: u64,
    }
);

/// A step, and the order as it is after it.
type Step<From, To, P> = (Order<To>, Transition<From, To, P>);

impl Order<Placed> {
    fn pay(self, method: &'static str) -> Step<Placed, Paid, &'static str> {
        let (number, cents) = self.into_data();
        (Order::new(number, cents), Transition::new(PAID, method))
    }

    fn call_off(self) -> Step<Placed, CalledOff, ()> {
        let (number, cents) = self.into_data();
        (Order::new(number, cents), Transition::new(CALLED_OFF, ()))
    }
}

impl Order<Paid> {
    fn ship(self, parcels: u32) -> Step<Paid, Shipped, u32> {
        let (number, cents) = self.into_data();
        (Order::new(number, cents), Transition::new(SHIPPED, parcels))
    }
}

/// Records any step of an order, and only steps of orders.
fn record<From: OrderState, To: OrderState, P: Serialize>(
    store: &Store,
    (order, step): Step<From, To, P>,
) -> Result<Order<To>, StoreError> {
    let at = Coordinate::new(format!("order:{}", order.number), "shop")?;
    let (kind, payload) = step.into_parts();
    let receipt = store.append(&at, kind, &payload)?;
    println!("{at}: {kind} at {}", receipt.sequence);
    Ok(order)
}

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let store = Store::open(StoreConfig::new(dir.path()))?;

    let order = Order::<Placed>::new(1, 480);
    let paid = record(&store, order.pay("card"))?;
    // `paid.pay("cash")` would not compile: only a placed order can be paid.
    let shipped = record(&store, paid.ship(2))?;
    println!(
        "shipped order {} for {} cents",
        shipped.number, shipped.cents
    );

    let other = Order::<Placed>::new(2, 120);
    let called_off = record(&store, other.call_off())?;
    // `called_off.ship(1)` would not compile either.
    assert_eq!(called_off.data(), (&2, &120));

    let steps = |entity: &str| -> Vec<_> {
        let entries = store.stream(entity);
        entries.iter().map(|entry| entry.kind).collect()
    };
    assert_eq!(steps("order:1"), [PAID, SHIPPED]);
    assert_eq!(steps("order:2"), [CALLED_OFF]);
    store.close()?;
    Ok(())
}
