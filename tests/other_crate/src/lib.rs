//! Uses batpak's macros in a crate that depends on nothing else, under strict lints, and where the
//! names that they might lean on mean something else.

batpak::define_entity_id!(OrderId, "order");

/// A workflow whose names come from the prelude, too.
pub mod door {
    use batpak::prelude::*;
    use batpak::typestate::Transition;

    const OPENED: EventKind = EventKind::custom(0x1, 1);

    batpak::define_state_machine!(DoorState { Open, Closed });
    batpak::define_typestate!(Door<S: DoorState> { room: String });

    impl Door<Closed> {
        /// Opens the door.
        pub fn open(self) -> (Door<Open>, Transition<Closed, Open, String>) {
            let room = self.room.clone();
            (Door::new(self.room), Transition::new(OPENED, room))
        }
    }
}

/// A module in which the names of the standard prelude are taken.
pub mod shadowed {
    /// Not what it usually is.
    pub struct String;
    /// Not what it usually is.
    pub struct Result;
    /// Not what it usually is.
    pub struct Option;
    /// Not what it usually is.
    pub trait Clone {}
    /// Not what it usually is.
    pub trait Copy {}
    /// Not what it usually is.
    pub trait FromStr {}

    batpak::define_entity_id!(LineId, "line");
    batpak::define_state_machine!(LampState { On, Off });
    batpak::define_typestate!(Lamp<S: LampState> { watts: u32 });
}

#[cfg(test)]
mod tests {
    use super::door::{Closed, Door};
    use super::shadowed::{Lamp, LineId, Off, On};
    use super::*;
    use batpak::prelude::*;

    #[test]
    fn ids_work_without_another_dependency() {
        let (order, line) = (OrderId::now_v7(), LineId::now_v7());
        assert_eq!(order.to_string().parse(), Ok(order));
        assert_eq!(line.to_string().parse(), Ok(line));
        assert!(line.to_string().parse::<OrderId>().is_err());
        assert_ne!(order.as_u128(), line.as_u128());
    }

    #[test]
    fn states_work_without_another_dependency() {
        let (door, step) = Door::<Closed>::new("kitchen".into()).open();
        assert_eq!(door.data(), (&"kitchen".into(),));
        assert_eq!(step.payload(), "kitchen");
        let lamp = Lamp::<On>::new(40);
        assert_eq!(Lamp::<Off>::new(lamp.watts).into_data(), (40,));
    }
}
