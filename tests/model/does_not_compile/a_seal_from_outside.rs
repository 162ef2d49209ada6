mod lamp {
    batpak::define_state_machine!(LampState { On, Off });
}

struct Broken;

impl lamp::private::Sealed for Broken {}
impl lamp::LampState for Broken {}

fn main() {}
