//! What the runtime expects of a once-cell, whichever it is.

macro_rules! suite {
    ($name:ident, $cell:path) => {
        mod $name {
            use $cell as Cell;

            #[test]
            fn is_written_once() {
                let cell = Cell::new();
                assert_eq!(cell.get(), None);
                assert_eq!(cell.set(1), Ok(()));
                assert_eq!(cell.set(2), Err(2));
                assert_eq!(cell.get(), Some(&1));
            }

            #[test]
            fn a_writer_that_comes_second_sees_the_value() {
                for _ in 0..1000 {
                    let cell = Cell::new();
                    std::thread::scope(|scope| {
                        for number in 0..2 {
                            let cell = &cell;
                            scope.spawn(move || {
                                let _first = cell.set(number);
                                assert!(cell.get().is_some());
                            });
                        }
                    });
                }
            }

            #[test]
            fn shows_one_of_two_racing_values() {
                let cell = Cell::new();
                std::thread::scope(|scope| {
                    let one = scope.spawn(|| cell.set(1).is_ok());
                    let two = scope.spawn(|| cell.set(2).is_ok());
                    assert!(one.join().unwrap() != two.join().unwrap());
                });
                assert!(cell.get().is_some());
            }
        }
    };
}

suite!(real, std::sync::OnceLock);
suite!(
    stand_in,
    crate::runtime::sync::stand_in::once_cell::OnceCell
);
