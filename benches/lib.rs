//! Benchmarks of batpak; the workloads are in `store.rs`.
