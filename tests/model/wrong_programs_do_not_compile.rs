//! What the types promise to rule out is ruled out by the compiler, one program for each.
//!
//! `TRYBUILD=overwrite` writes the expected messages anew.

use batpak::prelude::EventKind;
use batpak::typestate::Transition;

#[test]
fn each_of_these_programs_is_refused() {
    trybuild::TestCases::new().compile_fail("tests/model/does_not_compile/*.rs");
}

batpak::define_state_machine!(
    /// The states of a parcel.
    ParcelState {
        /// On the shelf.
        Packed,
        Sent,
    }
);
batpak::define_typestate!(
    /// A parcel.
    #[derive(Clone, Debug)]
    Parcel<S: ParcelState> {
        /// Whose it is.
        owner: String,
        weight: u32,
    }
);

impl Parcel<Packed> {
    fn send(self) -> (Parcel<Sent>, Transition<Packed, Sent, u32>) {
        let (owner, weight) = self.into_data();
        let step = Transition::new(EventKind::custom(0x1, 1), weight);
        (Parcel::new(owner, weight), step)
    }
}

#[test]
fn a_right_step_carries_its_data_along() {
    let mut parcel = Parcel::<Packed>::new("ada".into(), 7);
    parcel.weight += 1;
    assert_eq!(parcel.data(), (&"ada".to_owned(), &8));
    let (sent, step) = parcel.clone().send();
    assert_eq!(sent.into_data(), ("ada".to_owned(), 8));
    assert_eq!(
        (step.kind(), step.payload()),
        (EventKind::custom(0x1, 1), &8)
    );
    assert_eq!(step.clone().into_payload(), 8);
    assert_eq!(step.into_parts(), (EventKind::custom(0x1, 1), 8));
}

#[test]
fn states_are_plain_values() {
    fn is_a_state<S: ParcelState + Copy + Eq + std::fmt::Debug + Send + Sync>(state: S) -> String {
        assert_eq!(state, state);
        format!("{state:?}")
    }
    assert_eq!(
        (is_a_state(Packed), is_a_state(Sent)),
        ("Packed".into(), "Sent".into())
    );
}

/// Two machines live in one program, each in a module of its own.
mod other {
    batpak::define_state_machine!(LampState { On, Off });
    batpak::define_typestate!(Lamp<S: LampState> {});

    #[test]
    fn a_second_machine_is_no_part_of_the_first() {
        let lamp = Lamp::<On>::new();
        let () = lamp.data();
        let () = Lamp::<Off>::new().into_data();
    }
}
