//! The one source of randomness of this crate's tests.

/// Returns a generator whose seed is printed, so that a failure can be run again.
///
/// `BATPAK_SEED=<number> cargo test` repeats a run.
pub(crate) fn seeded_random() -> fastrand::Rng {
    let given = std::env::var("BATPAK_SEED").ok();
    let seed = match given {
        Some(text) => text.parse().expect("BATPAK_SEED is a number"),
        None => fastrand::u64(..),
    };
    println!("BATPAK_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}
