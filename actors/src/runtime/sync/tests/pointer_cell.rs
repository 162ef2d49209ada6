//! What the runtime expects of a pointer cell, whichever it is.

macro_rules! suite {
    ($name:ident, $cell:path) => {
        mod $name {
            use std::sync::Arc;

            use $cell as Cell;

            #[test]
            fn shows_the_last_value_and_lets_readers_keep_theirs() {
                let cell = Cell::new(Arc::new(1));
                let kept = cell.load();
                cell.store(Arc::new(2));
                assert_eq!((*kept, *cell.load(), cell.with(|value| *value)), (1, 2, 2));
            }

            #[test]
            fn lets_go_of_a_value_that_was_replaced() {
                let first = Arc::new(1);
                let cell = Cell::new(Arc::clone(&first));
                cell.store(Arc::new(2));
                assert_eq!(Arc::strong_count(&first), 1);
            }
        }
    };
}

suite!(real, crate::runtime::sync::pointer_cell::PointerCell);
suite!(
    stand_in,
    crate::runtime::sync::stand_in::pointer_cell::PointerCell
);
