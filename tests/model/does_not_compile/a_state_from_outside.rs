mod lamp {
    batpak::define_state_machine!(LampState { On, Off });
}

struct Broken;

impl lamp::LampState for Broken {}

fn main() {}
