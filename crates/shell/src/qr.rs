//! QR codes (ISO/IEC 18004) as SVG, for slips and posters.

use std::fmt::Write;

use fast_qr::{ECL, QRBuilder};

/// The text does not fit into a QR code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} bytes do not fit into a qr code")]
pub struct TooLong(pub usize);

/// The code of a URL as an SVG element, with the quiet zone of four modules and, for those who cannot see
/// it, `title`. Error correction is level M, which survives a crumpled slip.
pub fn svg(url: &str, title: &str) -> Result<String, TooLong> {
    let code = QRBuilder::new(url).ecl(ECL::M).build().map_err(|_| TooLong(url.len()))?;
    let mut path = String::new();
    for y in 0..code.size {
        for x in (0..code.size).filter(|x| code[y][*x].value()) {
            // Writing into a string cannot fail.
            write!(path, "M{} {}h1v1h-1z", x + 4, y + 4).expect("a string takes any text");
        }
    }
    let side = code.size + 8;
    let title = askama::filters::escape(title, askama::filters::Html).expect("escaping a string cannot fail");
    Ok(format!(
        "<svg class=\"qr\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" role=\"img\" \
         shape-rendering=\"crispEdges\"><title>{title}</title><rect width=\"{side}\" height=\"{side}\" \
         fill=\"#fff\"/><path d=\"{path}\" fill=\"#000\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_three_finders_and_quiet_zone() {
        let svg = svg("https://example.org/s/7f3a", "slip <1>").unwrap();
        assert!(svg.contains("viewBox=\"0 0 33 33\""), "version 2 has 25 modules: {}", &svg[..120]);
        assert!(svg.contains("<title>slip &#60;1&#62;</title>"));
        for corner in ["M4 4h", "M28 4h", "M4 28h"] {
            assert!(svg.contains(corner), "{corner}");
        }
    }

    #[test]
    fn a_text_beyond_the_largest_version_is_refused() {
        assert_eq!(svg(&"x".repeat(3000), "t"), Err(TooLong(3000)));
    }
}
