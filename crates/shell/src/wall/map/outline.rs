//! Shapes on a sheet: features projected, thinned out and written as paths, each with the place of its label.

use super::geojson::Feature;

/// The width of the sheet that a whole file is drawn on.
const WIDTH: f64 = 1_000.0;
/// Points nearer than this to the line between their neighbours are left out.
const TOLERANCE: f64 = 0.4;

/// A shape on the sheet.
#[derive(Debug, Clone, PartialEq)]
pub struct Outline {
    pub code: String,
    /// The data of an SVG path.
    pub path: String,
    /// Where a label has the most room.
    pub label: [f64; 2],
    /// The least and the largest x and y.
    pub bounds: Bounds,
}

/// A rectangle on the sheet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    pub least: [f64; 2],
    pub most: [f64; 2],
}

impl Bounds {
    fn of<'p>(points: impl Iterator<Item = &'p [f64; 2]>) -> Self {
        let start = Self { least: [f64::INFINITY; 2], most: [f64::NEG_INFINITY; 2] };
        points.fold(start, |bounds, point| bounds.with(Self { least: *point, most: *point }))
    }

    /// The rectangle round both.
    pub fn with(self, other: Self) -> Self {
        let each = |pick: fn(f64, f64) -> f64, a: [f64; 2], b: [f64; 2]| [pick(a[0], b[0]), pick(a[1], b[1])];
        Self { least: each(f64::min, self.least, other.least), most: each(f64::max, self.most, other.most) }
    }

    pub fn size(self) -> [f64; 2] {
        [self.most[0] - self.least[0], self.most[1] - self.least[1]]
    }
}

type Ring = Vec<[f64; 2]>;

/// Draws all features on one sheet: a degree of longitude is as long as it is in the middle of the map.
pub fn draw(features: &[Feature]) -> Vec<Outline> {
    let positions = || features.iter().flat_map(|feature| feature.polygons.iter().flatten().flatten());
    let extent = Bounds::of(positions());
    let middle = f64::midpoint(extent.least[1], extent.most[1]);
    let shrink = middle.to_radians().cos().max(0.01);
    let scale = WIDTH / ((extent.most[0] - extent.least[0]) * shrink).max(1e-6);
    let project =
        |at: &[f64; 2]| [(at[0] - extent.least[0]) * shrink * scale, (extent.most[1] - at[1]) * scale];
    let outline = |feature: &Feature| {
        let rings: Vec<Vec<Ring>> = feature
            .polygons
            .iter()
            .map(|rings| rings.iter().map(|ring| thin(&ring.iter().map(project).collect::<Ring>())).collect())
            .collect();
        let outer = rings.iter().filter_map(|rings| rings.first());
        let largest = outer.max_by(|a, b| area(a).total_cmp(&area(b)));
        Outline {
            code: feature.code.clone(),
            path: rings.iter().flatten().map(|ring| path(ring)).collect(),
            label: largest.map_or([0.0; 2], |ring| roomiest(ring)),
            bounds: Bounds::of(rings.iter().flatten().flatten()),
        }
    };
    features.iter().map(outline).collect()
}

/// Leaves out points that nobody would miss (Douglas and Peucker).
fn thin(ring: &[[f64; 2]]) -> Ring {
    let last = ring.len() - 1;
    // A ring has no ends: it is cut at the point that lies farthest from its first.
    let far = (1..last).max_by(|&a, &b| distance(ring[a], ring[0]).total_cmp(&distance(ring[b], ring[0])));
    let mut kept = vec![false; ring.len()];
    let mut open = vec![(0, far.unwrap_or(last)), (far.unwrap_or(last), last)];
    while let Some((from, to)) = open.pop() {
        (kept[from], kept[to]) = (true, true);
        let off = |at: usize| off_line(ring[at], ring[from], ring[to]);
        let farthest = (from + 1..to).max_by(|&a, &b| off(a).total_cmp(&off(b)));
        if let Some(at) = farthest.filter(|&at| off(at) > TOLERANCE) {
            open.extend([(from, at), (at, to)]);
        }
    }
    ring.iter().zip(kept).filter(|(_, kept)| *kept).map(|(point, _)| *point).collect()
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// How far a point lies from a stretch of a line.
fn off_line(point: [f64; 2], from: [f64; 2], to: [f64; 2]) -> f64 {
    let along = [to[0] - from[0], to[1] - from[1]];
    let length = along[0] * along[0] + along[1] * along[1];
    if length == 0.0 {
        return distance(point, from);
    }
    let share = ((point[0] - from[0]) * along[0] + (point[1] - from[1]) * along[1]) / length;
    let share = share.clamp(0.0, 1.0);
    distance(point, [from[0] + share * along[0], from[1] + share * along[1]])
}

fn area(ring: &[[f64; 2]]) -> f64 {
    let cross = |pair: &[[f64; 2]]| pair[0][0] * pair[1][1] - pair[1][0] * pair[0][1];
    (ring.windows(2).map(cross).sum::<f64>() / 2.0).abs()
}

/// The point of a grid that lies inside and farthest from the edge; a label is wider than high.
fn roomiest(ring: &[[f64; 2]]) -> [f64; 2] {
    const STEPS: u32 = 24;
    let bounds = Bounds::of(ring.iter());
    let size = bounds.size();
    let middle = [bounds.least[0] + size[0] / 2.0, bounds.least[1] + size[1] / 2.0];
    let squeezed = |point: [f64; 2]| [point[0] / 2.0, point[1]];
    let room = |at: [f64; 2]| {
        let edges = ring.windows(2).map(|edge| off_line(squeezed(at), squeezed(edge[0]), squeezed(edge[1])));
        edges.fold(f64::INFINITY, f64::min)
    };
    let mut best = (f64::NEG_INFINITY, middle);
    for step in 0..STEPS * STEPS {
        let share = |of: u32| (f64::from(of) + 0.5) / f64::from(STEPS);
        let at = [
            bounds.least[0] + size[0] * share(step % STEPS),
            bounds.least[1] + size[1] * share(step / STEPS),
        ];
        if inside(ring, at) {
            let here = room(at);
            if here > best.0 {
                best = (here, at);
            }
        }
    }
    best.1
}

fn inside(ring: &[[f64; 2]], at: [f64; 2]) -> bool {
    let crossed = ring.windows(2).filter(|edge| {
        let ([x1, y1], [x2, y2]) = (edge[0], edge[1]);
        (y1 > at[1]) != (y2 > at[1]) && at[0] < (x2 - x1) * (at[1] - y1) / (y2 - y1) + x1
    });
    crossed.count() % 2 == 1
}

fn path(ring: &[[f64; 2]]) -> String {
    let mut data = String::new();
    for (at, point) in ring[..ring.len() - 1].iter().enumerate() {
        data.push(if at == 0 { 'M' } else { 'L' });
        data.push_str(&format!("{:.1} {:.1}", point[0], point[1]));
    }
    data.push('Z');
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feature(code: &str, ring: &[[f64; 2]]) -> Feature {
        Feature { code: code.into(), polygons: vec![vec![ring.to_vec()]] }
    }

    #[test]
    fn north_is_up_and_a_degree_is_as_wide_as_it_is_there() {
        let west = [[116.0, 36.0], [117.0, 36.0], [117.0, 38.0], [116.0, 38.0], [116.0, 36.0]];
        let east = west.map(|[lon, lat]| [lon + 1.0, lat]);
        let drawn = draw(&[feature("west", &west), feature("east", &east)]);
        assert!(drawn[0].label[0] < drawn[1].label[0]);
        assert_eq!(drawn[0].path, "M0.0 1252.1L500.0 1252.1L500.0 0.0L0.0 0.0Z");
        let [width, height] = drawn[0].bounds.with(drawn[1].bounds).size();
        // Two degrees either way, on the 37th parallel.
        assert!((width / height - 37.0_f64.to_radians().cos()).abs() < 1e-3, "{width} {height}");
    }

    #[test]
    fn points_on_a_line_are_left_out_and_corners_stay() {
        let mut ring: Ring = (0..=100).map(|at| [f64::from(at) / 100.0, 0.0]).collect();
        ring.extend([[1.0, 1.0], [0.0, 1.0], [0.0, 0.0]]);
        let drawn = draw(&[feature("a", &ring)]);
        assert_eq!(drawn[0].path.matches(['M', 'L']).count(), 4, "{}", drawn[0].path);
    }

    #[test]
    fn a_label_lies_inside_its_shape_even_where_the_middle_does_not() {
        let ring = [[0.0, 0.0], [3.0, 0.0], [3.0, 1.0], [1.0, 1.0], [1.0, 3.0], [0.0, 3.0], [0.0, 0.0]];
        let drawn = draw(&[feature("l", &ring)]);
        let projected: Ring = {
            let bounds = drawn[0].bounds.size();
            ring.iter().map(|[x, y]| [x / 3.0 * bounds[0], (3.0 - y) / 3.0 * bounds[1]]).collect()
        };
        assert!(inside(&projected, drawn[0].label), "{:?}", drawn[0].label);
    }
}
