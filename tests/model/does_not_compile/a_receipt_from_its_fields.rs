use batpak::prelude::Receipt;

fn main() {
    let _ = Receipt {
        payload: 1,
        gates_passed: vec!["limit"],
    };
}
