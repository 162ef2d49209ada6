use batpak::prelude::{Denial, GateSet, Proposal};

fn main() -> Result<(), Denial> {
    let receipt = GateSet::new().evaluate(&(), Proposal::new(1))?;
    let _ = receipt.clone();
    Ok(())
}
