//! Reading a map as GeoJSON (RFC 7946): polygons with the codes of units. Whatever does not fit is refused with the
//! feature named, so that whoever supplies the file can mend it.

use serde::Deserialize;
use serde_json::Value;

/// Bytes of a file.
pub const BYTES_MAX: usize = 16 * 1024 * 1024;
/// Features of a file, and points of all its rings.
pub const FEATURES_MAX: usize = 1_000;
pub const POINTS_MAX: usize = 500_000;

/// Why a map is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MapError {
    #[error("the file has {bytes} bytes, at most {BYTES_MAX} are read")]
    TooLarge { bytes: usize },
    #[error("not GeoJSON: {0}")]
    Json(String),
    #[error("not a FeatureCollection but {0:?}")]
    NotCollection(String),
    #[error("{0} features, at most {FEATURES_MAX} are read")]
    TooMany(usize),
    #[error("no features")]
    Empty,
    #[error("feature {number} ({name}): {fault}")]
    Feature { number: usize, name: String, fault: Fault },
}

/// What is wrong with a feature.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Fault {
    #[error("has neither a property \"code\" nor \"adcode\" with the code of a unit")]
    NoCode,
    #[error("has the code {code} of feature {other}")]
    SameCode { code: String, other: usize },
    #[error("has no geometry")]
    NoGeometry,
    #[error("is a {0}; only Polygon and MultiPolygon are drawn")]
    Geometry(String),
    #[error("has malformed coordinates: {0}")]
    Coordinates(String),
    #[error("ring {0} has fewer than four positions")]
    ShortRing(usize),
    #[error("ring {0} is not closed: it must end where it begins")]
    OpenRing(usize),
    #[error("ring {ring} has the position [{lon}, {lat}], which is not a longitude and latitude")]
    Position { ring: usize, lon: f64, lat: f64 },
    #[error("more than {POINTS_MAX} points in the file up to here")]
    TooManyPoints,
}

/// The shape of a unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    pub code: String,
    /// Longitude and latitude; the first ring of each polygon is its outer one.
    pub polygons: Vec<Vec<Vec<[f64; 2]>>>,
}

#[derive(Deserialize)]
struct Collection {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    features: Vec<Value>,
}

/// Reads the features of a file.
pub fn read(bytes: &[u8]) -> Result<Vec<Feature>, MapError> {
    if bytes.len() > BYTES_MAX {
        return Err(MapError::TooLarge { bytes: bytes.len() });
    }
    let collection: Collection =
        serde_json::from_slice(bytes).map_err(|error| MapError::Json(error.to_string()))?;
    if collection.kind != "FeatureCollection" {
        return Err(MapError::NotCollection(collection.kind));
    }
    if collection.features.len() > FEATURES_MAX {
        return Err(MapError::TooMany(collection.features.len()));
    }
    if collection.features.is_empty() {
        return Err(MapError::Empty);
    }
    let (mut features, mut points): (Vec<Feature>, usize) = (Vec::new(), 0);
    for (at, value) in collection.features.iter().enumerate() {
        let refuse = |fault| MapError::Feature { number: at + 1, name: name(value), fault };
        let feature = feature(value, &mut points).map_err(refuse)?;
        if let Some(other) = features.iter().position(|other| other.code == feature.code) {
            return Err(refuse(Fault::SameCode { code: feature.code, other: other + 1 }));
        }
        features.push(feature);
    }
    Ok(features)
}

/// What the file calls a feature.
fn name(feature: &Value) -> String {
    let properties = &feature["properties"];
    let of = |key: &str| properties[key].as_str().map(str::to_owned);
    let name = of("name").or_else(|| code(feature)).unwrap_or_else(|| "no name".into());
    name.chars().take(60).collect()
}

fn code(feature: &Value) -> Option<String> {
    ["code", "adcode"].into_iter().find_map(|key| match &feature["properties"][key] {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => number.as_u64().map(|number| number.to_string()),
        _ => None,
    })
}

fn feature(value: &Value, points: &mut usize) -> Result<Feature, Fault> {
    type Polygon = Vec<Vec<Vec<f64>>>;
    let code = code(value).ok_or(Fault::NoCode)?;
    let geometry = value.get("geometry").filter(|it| !it.is_null()).ok_or(Fault::NoGeometry)?;
    let coordinates = || geometry["coordinates"].clone();
    let malformed = |error: serde_json::Error| Fault::Coordinates(error.to_string());
    let polygons: Vec<Polygon> = match geometry["type"].as_str().unwrap_or_default() {
        "Polygon" => vec![serde_json::from_value(coordinates()).map_err(malformed)?],
        "MultiPolygon" => serde_json::from_value(coordinates()).map_err(malformed)?,
        other => return Err(Fault::Geometry(other.chars().take(40).collect())),
    };
    if polygons.iter().all(Vec::is_empty) {
        return Err(Fault::NoGeometry);
    }
    let mut number = 0;
    let mut read = |ring: &Vec<Vec<f64>>| {
        number += 1;
        ring_of(ring, number, points)
    };
    let polygons =
        polygons.iter().map(|rings| rings.iter().map(&mut read).collect()).collect::<Result<_, _>>()?;
    Ok(Feature { code, polygons })
}

fn ring_of(ring: &[Vec<f64>], number: usize, points: &mut usize) -> Result<Vec<[f64; 2]>, Fault> {
    if ring.len() < 4 {
        return Err(Fault::ShortRing(number));
    }
    *points += ring.len();
    if *points > POINTS_MAX {
        return Err(Fault::TooManyPoints);
    }
    let position = |at: &Vec<f64>| {
        let of = |at: &[f64], index| at.get(index).copied().unwrap_or(f64::NAN);
        let (lon, lat) = (of(at, 0), of(at, 1));
        let on_earth = (-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat);
        if on_earth { Ok([lon, lat]) } else { Err(Fault::Position { ring: number, lon, lat }) }
    };
    let ring: Vec<[f64; 2]> = ring.iter().map(position).collect::<Result<_, _>>()?;
    if ring.first() != ring.last() {
        return Err(Fault::OpenRing(number));
    }
    Ok(ring)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(features: Value) -> String {
        let file = json!({ "type": "FeatureCollection", "features": features });
        read(file.to_string().as_bytes()).unwrap_err().to_string()
    }

    fn square(code: Value, ring: Value) -> Value {
        json!({ "type": "Feature", "properties": { "name": "乐陵市", "code": code },
            "geometry": { "type": "Polygon", "coordinates": [ring] } })
    }

    fn ring() -> Value {
        json!([[117.0, 37.5], [117.4, 37.5], [117.4, 37.9, 12.0], [117.0, 37.9], [117.0, 37.5]])
    }

    #[test]
    fn polygons_and_multipolygons_are_read_with_their_codes() {
        let features = json!([
            square(json!("371481"), ring()),
            { "type": "Feature", "properties": { "adcode": 371482 },
              "geometry": { "type": "MultiPolygon", "coordinates": [[ring()], [ring(), ring()]] } },
        ]);
        let file = json!({ "type": "FeatureCollection", "features": features });
        let read = read(file.to_string().as_bytes()).unwrap();
        assert_eq!((read[0].code.as_str(), read[0].polygons[0][0][2]), ("371481", [117.4, 37.9]));
        assert_eq!(
            (read[1].code.as_str(), read[1].polygons.len(), read[1].polygons[1].len()),
            ("371482", 2, 2)
        );
    }

    #[test]
    fn a_file_that_does_not_fit_is_refused_with_the_feature_named() {
        let good = square(json!("371481"), ring());
        let mut point = good.clone();
        point["geometry"] = json!({ "type": "Point", "coordinates": [117.0, 37.0] });
        let mut nothing = good.clone();
        nothing["geometry"] = Value::Null;
        for (feature, said) in [
            (square(Value::Null, ring()), "has neither a property"),
            (good.clone(), "has the code 371481 of feature 1"),
            (point, "is a Point"),
            (nothing, "has no geometry"),
            (square(json!("a"), json!([[0, 0], [1, 1], [0, 0]])), "ring 1 has fewer than four"),
            (square(json!("a"), json!([[0, 0], [1, 1], [0, 1], [0, 2]])), "ring 1 is not closed"),
            (square(json!("a"), json!([[0, 0], [1, 91], [0, 1], [0, 0]])), "[1, 91], which is not"),
            (square(json!("a"), json!([[0, 0], [1], [0, 1], [0, 0]])), "which is not a longitude"),
            (square(json!("a"), json!([[0, 0], "x", [0, 1], [0, 0]])), "malformed coordinates"),
        ] {
            let told = refused(json!([good, feature]));
            assert!(told.starts_with("feature 2 (乐陵市): ") && told.contains(said), "{told}");
        }
        assert_eq!(refused(json!([])), "no features");
        assert!(refused(json!(vec![good; FEATURES_MAX + 1])).starts_with("1001 features"));
        let told = |text: &str| read(text.as_bytes()).unwrap_err().to_string();
        assert!(told("{\"type\":\"FeatureCollection\",").starts_with("not GeoJSON"), "{}", told("{"));
        assert_eq!(told("{\"type\":\"Topology\"}"), "not a FeatureCollection but \"Topology\"");
        let many: Vec<Value> = (0..400).map(|at| json!([f64::from(at) / 4.0, 1.0])).collect();
        let mut ring = many.clone();
        ring.push(many[0].clone());
        let rings: Vec<Value> = vec![json!(ring); 1_300];
        let huge = json!({ "type": "Feature", "properties": { "code": "a" },
            "geometry": { "type": "Polygon", "coordinates": rings } });
        assert!(refused(json!([huge])).contains("more than 500000 points"));
        assert!(matches!(read(&vec![b' '; BYTES_MAX + 1]), Err(MapError::TooLarge { .. })));
    }
}
