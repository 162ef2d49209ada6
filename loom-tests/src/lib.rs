//! loom models of the shipping runtime, actors and protocols; see `tests/`.
