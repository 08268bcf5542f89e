//! Room for plans that are being taken over: what their files come to while they are read, of all senders together.

use shell::Problem;
use shell::room::{Place, Room};

use super::import::{LIMITS, format_of};
use super::kinds::Format;

const MEBIBYTES: usize = 1024 * 1024;
/// What all plans in hand may come to in memory: the largest one there may be, or some small ones.
static ROOM: Room = Room::of_mebibytes(256);

/// What the activities, links and names of any plan may come to, with what is reckoned from them.
const BYTES_PER_PLAN: usize = 32 * MEBIBYTES;
/// What an element of XML may come to, and a row of a table with its cells.
const BYTES_PER_ELEMENT: usize = 320;
const BYTES_PER_ROW: usize = 1_024;
const BYTES_PER_BRACKET: usize = 80;
/// What the texts, rows and predecessors of a workbook may come to once they are unpacked: how many there are nobody knows
/// before.
const BYTES_PER_WORKBOOK: usize = 96 * MEBIBYTES;

/// A place for a file, as soon as there is one.
pub(super) async fn found(file: &[u8]) -> Result<Place, Problem> {
    ROOM.found(comes_to(file)).await
}

/// What a file may come to in memory.
fn comes_to(file: &[u8]) -> usize {
    let held = match format_of(file) {
        Some(Format::Mspdi) => elements(file).min(LIMITS.elements_max) * BYTES_PER_ELEMENT,
        Some(Format::Xer) => rows(file) * BYTES_PER_ROW + brackets(file) * BYTES_PER_BRACKET,
        Some(Format::Csv) => rows(file) * BYTES_PER_ROW,
        Some(Format::Xlsx) => BYTES_PER_WORKBOOK,
        None => 0,
    };
    // The file, and its text as it is kept and passed on.
    file.len() * 4 + held + BYTES_PER_PLAN
}

fn elements(file: &[u8]) -> usize {
    file.windows(2).filter(|pair| pair[0] == b'<' && pair[1] != b'/').count()
}

/// Of which the calendars of a Primavera file are made.
fn brackets(file: &[u8]) -> usize {
    file.iter().filter(|byte| **byte == b'(').count()
}

fn rows(file: &[u8]) -> usize {
    file.iter().filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use base::limits::PLAN_BYTES_MAX;

    use super::*;

    #[test]
    fn a_file_comes_to_what_it_holds() {
        let xml = format!("<Project>{}</Project>", "<Task><UID>1</UID></Task>".repeat(1_000));
        let around = |file: &str| file.len() * 4 + BYTES_PER_PLAN;
        assert_eq!(comes_to(xml.as_bytes()), around(&xml) + 2_001 * BYTES_PER_ELEMENT);
        for (text, rows) in [("ERMHDR\t1\n%T\tTASK\n", 3), ("code,duration\nA,1d", 2)] {
            assert_eq!(comes_to(text.as_bytes()), around(text) + rows * BYTES_PER_ROW);
        }
        assert_eq!(comes_to(b"PK\x03\x04"), 4 * 4 + BYTES_PER_PLAN + BYTES_PER_WORKBOOK);
        assert_eq!(comes_to(b"?"), 4 + BYTES_PER_PLAN);
    }

    #[test]
    fn the_longest_file_of_the_most_elements_has_room_by_itself_and_a_small_one_leaves_room_for_others() {
        let longest = format!("<Project>{}", "<UID/>".repeat((PLAN_BYTES_MAX - 9) / 6));
        assert_eq!(comes_to(longest.as_bytes()) / MEBIBYTES, 248);
        assert!(comes_to(&b"<Task/>".repeat(10_000)) < 36 * MEBIBYTES);
    }

    #[tokio::test]
    async fn a_plan_waits_while_others_take_all_the_room() {
        let held = ROOM.found(usize::MAX).await.unwrap();
        let next = found(b"<Project/>");
        let (next, ()) = tokio::join!(next, async { drop(held) });
        assert_eq!(next.unwrap().num_permits(), comes_to(b"<Project/>") / 1_024);
    }
}
