//! The gallery, and what every view must do whatever its numbers are.

use super::samples::samples;
use super::*;

/// Writes every sample to `target/gallery`: `cargo test --lib plot::tests::gallery -- --ignored`.
#[test]
#[ignore = "writes pictures to look at"]
fn gallery() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/gallery");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, view) in samples() {
        for (theme, tone) in [(Theme::Light, "light"), (Theme::Dark, "dark")] {
            for (width, height) in [(420.0, 300.0), (320.0, 240.0), (720.0, 420.0)] {
                let style = Style { width, height, scale: 2.0, theme };
                let png = png(&view, &style, &Camera::default()).unwrap();
                std::fs::write(folder.join(format!("{name}-{tone}-{width}.png")), png).unwrap();
            }
        }
        println!("{}", describe(&view, name));
    }
}
