use batpak::prelude::Receipt;

fn main() {
    let _ = Receipt::new(1, vec!["limit"]);
}
