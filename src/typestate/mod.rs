//! Workflows whose wrong steps do not compile.
//!
//! Owns two macros that define states and what is in them, and the transition that records a step.
//! Knows no store: `Store::apply_transition` appends one.

pub mod transition;

pub use transition::Transition;

/// Defines the states of a workflow: a trait, and a type for each state.
///
/// ```
/// batpak::define_state_machine!(DoorState { Open, Closed });
///
/// fn name<S: DoorState + std::fmt::Debug>(state: S) -> String {
///     format!("{state:?}")
/// }
/// assert_eq!(name(Closed), "Closed");
/// ```
///
/// The states have no fields and are `Copy`, `Debug` and `Eq`. No other type can become a state,
/// because the trait is sealed: a module `private` beside it holds the seal. So a module defines
/// one state machine; put a second one into a module of its own.
///
/// Attributes and documentation can stand before the trait's name and before each state.
///
/// ```compile_fail
/// batpak::define_state_machine!(DoorState { Open, Closed });
/// fn only_states<S: DoorState>(_: S) {}
/// only_states("a window");
/// ```
#[macro_export]
macro_rules! define_state_machine {
    (
        $(#[$trait_attribute:meta])*
        $trait_name:ident {
            $($(#[$attribute:meta])* $state:ident),+ $(,)?
        }
    ) => {
        mod private {
            pub trait Sealed {}
        }

        #[doc = concat!("A state of the state machine `", stringify!($trait_name), "`.")]
        $(#[$trait_attribute])*
        pub trait $trait_name: private::Sealed {}

        $(
            #[doc = concat!("The state `", stringify!($state), "`.")]
            $(#[$attribute])*
            #[derive(
                ::core::fmt::Debug,
                ::core::clone::Clone,
                ::core::marker::Copy,
                ::core::cmp::PartialEq,
                ::core::cmp::Eq,
            )]
            pub struct $state;

            impl private::Sealed for $state {}
            impl $trait_name for $state {}
        )+
    };
}

/// Defines what is in a state: a type with fields and a state as its parameter.
///
/// ```
/// batpak::define_state_machine!(DoorState { Open, Closed });
/// batpak::define_typestate!(Door<S: DoorState> { room: String, opened: u32 });
///
/// impl Door<Closed> {
///     fn open(self) -> Door<Open> {
///         let (room, opened) = self.into_data();
///         Door::new(room, opened + 1)
///     }
/// }
///
/// let door = Door::<Closed>::new("kitchen".into(), 0).open();
/// assert_eq!(door.data(), (&"kitchen".to_owned(), &1));
/// ```
///
/// It has `new`, which takes the fields in order, `data`, which returns references to them, and
/// `into_data`, which returns the fields themselves. The fields are public. Attributes, such as
/// `#[derive(Debug)]`, and documentation can stand before the type's name and before each field.
///
/// A step that no method offers does not compile:
///
/// ```compile_fail
/// # batpak::define_state_machine!(DoorState { Open, Closed });
/// # batpak::define_typestate!(Door<S: DoorState> { room: String });
/// # impl Door<Closed> {
/// #     fn open(self) -> Door<Open> {
/// #         let (room,) = self.into_data();
/// #         Door::new(room)
/// #     }
/// # }
/// let open = Door::<Closed>::new("kitchen".into()).open();
/// open.open();
/// ```
#[macro_export]
macro_rules! define_typestate {
    (
        $(#[$type_attribute:meta])*
        $name:ident<$param:ident: $bound:ident> {
            $($(#[$attribute:meta])* $field:ident: $ftype:ty),* $(,)?
        }
    ) => {
        #[doc = concat!("What is in a state of `", stringify!($bound), "`.")]
        $(#[$type_attribute])*
        pub struct $name<$param: $bound> {
            $(
                #[doc = concat!("The field `", stringify!($field), "`.")]
                $(#[$attribute])*
                pub $field: $ftype,
            )*
            _state: ::core::marker::PhantomData<$param>,
        }

        impl<$param: $bound> $name<$param> {
            /// Puts the fields together, in any state.
            pub fn new($($field: $ftype),*) -> Self {
                Self {
                    $($field,)*
                    _state: ::core::marker::PhantomData,
                }
            }

            /// Returns references to the fields, in order.
            #[allow(clippy::unused_unit)]
            pub fn data(&self) -> ($(&$ftype,)*) {
                ($(&self.$field,)*)
            }

            /// Takes the fields out, in order.
            #[allow(clippy::unused_unit)]
            pub fn into_data(self) -> ($($ftype,)*) {
                ($(self.$field,)*)
            }
        }
    };
}
