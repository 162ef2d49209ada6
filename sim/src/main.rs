//! Test.
mod model;
mod plan;
mod world;
fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    let start = std::time::Instant::now();
    let mut images = 0;
    let mut n = 0;
    for seed in std::env::args().nth(1).map_or(0..2000, |s| {let s: u64 = s.parse().unwrap(); s..s+1}) {
        let mut random = fastrand::Rng::with_seed(seed);
        let knobs = plan::Knobs::drawn(&mut random);
        let ops = plan::draw(&knobs, &mut random);
        let policy = world::ImagePolicy {
            one_in: 6,
            at_once: 1,
            depth: 1,
            power_only: false,
        };
        let mut w = world::World::new(
            seed,
            world::config(&knobs),
            world::strictness(&knobs),
            policy,
        );
        if std::env::args().len() > 1 { w.keep_trace(); println!("{knobs:?}"); }
        if let Err(e) = w.run(&ops) { for l in w.inner().trace.iter().flatten() { println!("{l}") }
            println!("seed {seed}: {e}");
            n += 1;
            if n > 8 {
                break;
            }
        }
        images += w.tally().images.images;
    }
    println!("{images} images in {:?}", start.elapsed());
}
