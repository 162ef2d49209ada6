//! Runs the body `version1` of `fuzz/src/bodies/`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| batpak_fuzz::try_one("version1", data));
