batpak::define_state_machine!(LampState { On, Off });
batpak::define_typestate!(Lamp<S: LampState> { room: String });

impl Lamp<Off> {
    fn switch_on(self) -> Lamp<On> {
        Lamp::new(self.room)
    }
}

fn main() {
    let lit = Lamp::<Off>::new("kitchen".into()).switch_on();
    lit.switch_on();
}
