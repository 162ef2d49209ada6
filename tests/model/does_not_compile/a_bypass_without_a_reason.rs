use batpak::pipeline::BypassReceipt;

fn main() {
    let _ = BypassReceipt {
        payload: 1,
        reason: "none",
        justification: "none",
    };
}
