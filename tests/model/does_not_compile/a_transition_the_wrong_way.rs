use batpak::prelude::EventKind;
use batpak::typestate::Transition;

batpak::define_state_machine!(LampState { On, Off });

fn switch_on(_: Transition<Off, On, u32>) {}

fn main() {
    let off: Transition<On, Off, u32> = Transition::new(EventKind::custom(0x1, 1), 7);
    switch_on(off);
}
