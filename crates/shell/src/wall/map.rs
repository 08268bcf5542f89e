//! The map of the units right below one: their shapes where the installation supplied them, else tiles.

mod geojson;
mod outline;
mod schematic;

use base::UnitCode;

pub use geojson::{BYTES_MAX, Fault, MapError};
use outline::{Bounds, Outline};

/// The shapes of units, on one sheet.
#[derive(Debug, Clone, Default)]
pub struct Shapes(Vec<Outline>);

impl Shapes {
    /// Reads a GeoJSON file.
    pub fn read(bytes: &[u8]) -> Result<Self, MapError> {
        Ok(Self(outline::draw(&geojson::read(bytes)?)))
    }

    /// How many shapes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn of(&self, unit: &UnitCode) -> Option<&Outline> {
        self.0.iter().find(|outline| outline.code == unit.as_str())
    }
}

/// Where a unit is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Spot {
    pub path: String,
    /// The middle of its label.
    pub label: [f64; 2],
}

/// The sheet that units are drawn on, and where each of them is; a unit without a shape is drawn nowhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// The `viewBox` of the picture.
    pub view: String,
    /// The size of letters on it.
    pub letter: f64,
    pub spots: Vec<Option<Spot>>,
    pub is_map: bool,
    /// Whether there is room for the numbers of a unit one below the other.
    pub roomy: bool,
}

/// Draws the units below a parent, in their order.
pub fn sheet(shapes: &Shapes, parent: &UnitCode, units: &[UnitCode]) -> Sheet {
    let outlines: Vec<Option<&Outline>> = units.iter().map(|unit| shapes.of(unit)).collect();
    let bounds = outlines.iter().flatten().map(|outline| outline.bounds).reduce(Bounds::with);
    // One shape among many tiles would say less than tiles alone.
    match bounds.filter(|_| outlines.iter().flatten().count() * 2 >= units.len()) {
        Some(bounds) => map(&outlines, bounds),
        None => tiles(parent, units),
    }
}

fn map(outlines: &[Option<&Outline>], bounds: Bounds) -> Sheet {
    let [width, height] = bounds.size();
    let margin = width.max(height) * 0.015;
    let view =
        [bounds.least[0] - margin, bounds.least[1] - margin, width + 2.0 * margin, height + 2.0 * margin];
    let spot = |outline: &&Outline| Spot { path: outline.path.clone(), label: outline.label };
    Sheet {
        view: view.map(|it| format!("{it:.1}")).join(" "),
        letter: width.max(height) / 46.0,
        spots: outlines.iter().map(|outline| outline.as_ref().map(spot)).collect(),
        is_map: true,
        roomy: false,
    }
}

/// The width of a tile, the least and the greatest height, and the gap between two.
const TILE_WIDTH: usize = 168;
const TILE_HEIGHTS: (usize, usize) = (96, 260);
const GAP: usize = 10;
/// The height of a tile that has room for the numbers one below the other.
const TILE_ROOMY: usize = 168;

/// Tiles that together are about as high as wide, as is the place that a screen has for them.
fn tiles(parent: &UnitCode, units: &[UnitCode]) -> Sheet {
    let places = schematic::places(parent, units);
    let most = |of: fn(&schematic::Place) -> usize| places.iter().map(of).max().map_or(1, |last| last + 1);
    let (columns, rows) = (most(|place| place.0), most(|place| place.1));
    let width = columns * (TILE_WIDTH + GAP) - GAP;
    let height = ((width + GAP) / rows).saturating_sub(GAP).clamp(TILE_HEIGHTS.0, TILE_HEIGHTS.1);
    let spot = |(column, row): &schematic::Place| {
        let (x, y) = (column * (TILE_WIDTH + GAP), row * (height + GAP));
        #[allow(clippy::cast_precision_loss, reason = "a sheet is some thousand units wide")]
        let label = [(x + TILE_WIDTH / 2) as f64, (y + height / 2) as f64];
        Some(Spot { path: format!("M{x} {y}h{TILE_WIDTH}v{height}h-{TILE_WIDTH}Z"), label })
    };
    Sheet {
        view: format!("-2 -2 {} {}", width + 4, rows * (height + GAP) - GAP + 4),
        letter: 22.0,
        spots: places.iter().map(spot).collect(),
        is_map: false,
        roomy: height >= TILE_ROOMY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_without_a_shape_are_drawn_nowhere_and_without_most_shapes_all_are_tiles() {
        let square = |code: &str, lon: f64| {
            let ring = [[lon, 37.0], [lon + 1.0, 37.0], [lon + 1.0, 38.0], [lon, 38.0], [lon, 37.0]];
            serde_json::json!({ "type": "Feature", "properties": { "code": code },
                "geometry": { "type": "Polygon", "coordinates": [ring] } })
        };
        let file = serde_json::json!({ "type": "FeatureCollection",
            "features": [square("371481", 117.0), square("371482", 116.0), square("elsewhere", 100.0)] });
        let shapes = Shapes::read(file.to_string().as_bytes()).unwrap();
        let code = |text: &str| UnitCode::new(text).unwrap();
        let city = code("371400");
        let sheet = sheet(&shapes, &city, &[code("371481"), code("371482"), code("jingkai")]);
        assert!(sheet.is_map && sheet.spots[0].is_some() && sheet.spots[2].is_none());
        let view: Vec<f64> = sheet.view.split(' ').map(|it| it.parse().unwrap()).collect();
        assert!(view[2] < 150.0, "what lies elsewhere does not widen the sheet: {view:?}");
        let tiles = super::sheet(&Shapes::default(), &city, &[code("371481"), code("371482")]);
        assert!(!tiles.is_map && tiles.spots.iter().all(Option::is_some));
    }
}
