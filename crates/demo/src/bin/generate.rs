//! Writes the generated files of the demonstration year into `demo`.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo");
    for (name, text) in demo::generated() {
        std::fs::write(folder.join(name), text)?;
    }
    Ok(())
}
