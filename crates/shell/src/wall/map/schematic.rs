//! Where no map was supplied: units as tiles, roughly where they lie for cities that are known, else row by row.

use base::UnitCode;

/// A tile's place: column and row, from 0 on.
pub type Place = (usize, usize);

/// Roughly where the county-level units of a city lie.
struct City {
    code: &'static str,
    units: &'static [(&'static str, Place)],
}

const CITIES: &[City] = &[City {
    code: "371400",
    units: &[
        ("371422", (3, 0)),
        ("371481", (4, 0)),
        ("371423", (5, 0)),
        ("yunhe", (0, 1)),
        ("371402", (1, 1)),
        ("jingkai", (2, 1)),
        ("371403", (3, 1)),
        ("371428", (0, 2)),
        ("371426", (1, 2)),
        ("371424", (3, 2)),
        ("371427", (0, 3)),
        ("371482", (2, 3)),
        ("371425", (3, 3)),
    ],
}];

/// Where each of some units of a parent stands, in their order.
pub fn places(parent: &UnitCode, units: &[UnitCode]) -> Vec<Place> {
    let city = CITIES.iter().find(|city| city.code == parent.as_str());
    let known = |unit: &UnitCode| {
        let found = city?.units.iter().find(|(code, _)| *code == unit.as_str());
        found.map(|(_, place)| *place)
    };
    let mut taken: Vec<Place> = units.iter().filter_map(known).collect();
    let columns = match taken.iter().map(|place| place.0).max() {
        Some(last) => last + 1,
        // A sheet somewhat wider than high.
        None => {
            (1..=units.len().max(1)).find(|columns| columns * columns * 3 >= units.len() * 4).unwrap_or(1)
        }
    };
    let mut free = (0..).map(|at| (at % columns, at / columns));
    let mut next = || {
        let place = free.find(|place| !taken.contains(place)).unwrap_or_default();
        taken.push(place);
        place
    };
    let places: Vec<Option<Place>> = units.iter().map(known).collect();
    places.into_iter().map(|place| place.unwrap_or_else(&mut next)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(all: &[&str]) -> Vec<UnitCode> {
        all.iter().map(|code| UnitCode::new(code).unwrap()).collect()
    }

    #[test]
    fn each_unit_has_a_place_of_its_own() {
        let dezhou = UnitCode::new("371400").unwrap();
        let mut units: Vec<&str> = CITIES[0].units.iter().map(|(code, _)| *code).collect();
        units.extend(["tianqu", "new-zone"]);
        let mut found = places(&dezhou, &codes(&units));
        assert_eq!(found[0], (3, 0), "Ningjin lies in the north");
        let all = found.len();
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), all);
    }

    #[test]
    fn an_unknown_city_is_a_plain_grid() {
        let units: Vec<String> = (1..=12).map(|at| format!("3701{at:02}")).collect();
        let units: Vec<&str> = units.iter().map(String::as_str).collect();
        let found = places(&UnitCode::new("370100").unwrap(), &codes(&units));
        assert_eq!((found[0], found[3], found[4], found[11]), ((0, 0), (3, 0), (0, 1), (3, 2)));
        assert_eq!(places(&UnitCode::new("370100").unwrap(), &[]), []);
    }
}
