use ::registry::{
    Level, PlaceAdded, PlaceKind, PlaceRenamed, Position, PostAdded, PostHeld, PostLeft, RegistryError,
    UnitRenamed,
};
use base::{BookId, Day};
use kernel::{AdminError, AppendError, BodyErased, ROOT_BOOK};
use ledger::Rule;

use crate::house::{House, actor, book, code, grant, id, refusal, subject, system, unit};

#[test]
fn an_installation_is_founded_once() {
    let house = House::empty();
    let root = || unit("371400", None, Level::City);
    house.kernel.bootstrap(root()).unwrap();
    house.kernel.bootstrap(root()).unwrap();
    assert_eq!(
        refusal(house.kernel.bootstrap(unit("371300", None, Level::City))),
        AdminError::OtherRoot(code("371400"))
    );
    let tree = house.kernel.tree().unwrap();
    assert_eq!(tree.root(), Some(&code("371400")));
    assert_eq!(tree.unit_of_book(&BookId::new(ROOT_BOOK).unwrap()), Some(&code("371400")));
    assert_eq!(house.kernel.read(|tx| tx.query("select seq from entry", &[])).unwrap().len(), 2);
    house.close(&[]);
}

#[test]
fn units_and_books_that_do_not_fit_the_tree_are_refused() {
    let house = House::dezhou();
    let (kernel, system) = (&house.kernel, system());
    let before = kernel.audit().unwrap().entries;
    let unit_error = |added| match refusal(kernel.add_unit(&system, added)) {
        AdminError::Registry(error) => error,
        other => panic!("{other}"),
    };
    let town = |name, parent| unit(name, Some(parent), Level::Town);
    assert_eq!(unit_error(town("371402", "371400")), RegistryError::UnitExists(code("371402")));
    assert_eq!(unit_error(town("new", "nowhere")), RegistryError::UnknownParent(code("nowhere")));
    assert_eq!(unit_error(unit("new", None, Level::Other)), RegistryError::SecondRoot);
    let wrong_code = kernel.add_unit(&system, unit("370102", Some("371400"), Level::County));
    assert!(matches!(
        wrong_code,
        Err(AppendError::Refused(AdminError::Registry(RegistryError::WrongCity { .. })))
    ));
    let wrong_code = kernel.add_unit(&system, unit("37142", Some("371400"), Level::County));
    assert!(
        matches!(wrong_code, Err(AppendError::Body(error)) if error.field == "code" && error.rule == Rule::Format)
    );
    let taken = AdminError::Registry(RegistryError::BookExists(BookId::new("beiyuan").unwrap()));
    assert_eq!(refusal(kernel.open_book(&system, book("beiyuan", "371481"))), taken);
    assert_eq!(refusal(kernel.open_book(&system, book("new", "nowhere"))).field(), "unit");
    assert_eq!(kernel.audit().unwrap().entries, before, "a refusal leaves nothing behind");
    house.close(&[]);
}

#[test]
fn a_change_of_the_tree_shows_at_once_and_only_to_whom_it_is_allowed() {
    let house = House::dezhou();
    let kernel = &house.kernel;
    house.add("county", "371402", None).unwrap();
    kernel.give_grant(&system(), &actor("county"), grant("admin", "371402", None)).unwrap();
    let town = |name, parent| unit(name, Some(parent), Level::Town);
    kernel.add_unit(&actor("county"), town("own-town", "371402")).unwrap();
    assert!(kernel.tree().unwrap().contains(&code("371402"), &code("own-town")));
    let denied = refusal(kernel.add_unit(&actor("county"), town("other-town", "371481")));
    assert!(matches!(denied, AdminError::Denied { action: "kernel.registry.change", .. }), "{denied}");
    let denied = refusal(kernel.add_unit(&actor("nobody"), town("other-town", "371481")));
    assert!(matches!(denied, AdminError::Denied { .. }), "{denied}");
    let renamed = UnitRenamed { unit: code("own-town"), title_zh: "新名".into(), title_en: "New".into() };
    kernel.rename_unit(&actor("county"), renamed).unwrap();
    assert_eq!(kernel.tree().unwrap().unit(&code("own-town")).unwrap().title_zh, "新名");
    house.close(&[]);
}

#[test]
fn a_post_is_held_by_one_after_another() {
    let house = House::dezhou();
    let (kernel, system, post) = (&house.kernel, system(), || subject("post:beiyuan/manager"));
    house.add("wei", "beiyuan", None).unwrap();
    house.add("li", "beiyuan", None).unwrap();
    let held =
        |account: &str, from| PostHeld { post: post(), account: id(account), from: Day(from), until: None };
    assert_eq!(refusal(kernel.hold_post(&system, held("wei", 100))).field(), "post");
    let added = PostAdded {
        post: post(),
        unit: code("beiyuan"),
        title_zh: "经理".into(),
        title_en: "Manager".into(),
    };
    kernel.add_post(&system, added.clone()).unwrap();
    assert_eq!(refusal(kernel.add_post(&system, added)).field(), "post");
    assert_eq!(
        refusal(kernel.hold_post(&system, held("ghost", 100))),
        AdminError::UnknownAccount(id("ghost"))
    );
    kernel.hold_post(&system, held("wei", 100)).unwrap();
    assert!(matches!(refusal(kernel.hold_post(&system, held("li", 150))), AdminError::Registry(_)));
    let left = PostLeft { post: post(), account: id("wei"), until: Day(149) };
    kernel.leave_post(&system, left.clone()).unwrap();
    assert_eq!(refusal(kernel.leave_post(&system, PostLeft { until: Day(180), ..left })).field(), "account");
    kernel.hold_post(&system, held("li", 150)).unwrap();
    let tree = kernel.tree().unwrap();
    let holder = |day| tree.holder(&post(), Day(day)).cloned();
    assert_eq!([holder(99), holder(149), holder(150)], [None, Some(id("wei")), Some(id("li"))]);
    house.close(&[]);
}

#[test]
fn an_erased_account_keeps_its_place_but_not_its_title() {
    let house = House::dezhou();
    let kernel = &house.kernel;
    let added = house.add("wei", "beiyuan", None).unwrap();
    let erasure =
        BodyErased { seq: added.receipt.seq.0, reason: "本人申请".into(), legal_basis: "PIPL 47".into() };
    kernel.erase(&BookId::new(ROOT_BOOK).unwrap(), &system(), erasure).unwrap();
    let rows = kernel.accounts().unwrap();
    let wei = rows.iter().find(|row| row.account == id("wei")).unwrap();
    assert_eq!((wei.title.as_str(), &wei.unit), ("", &code("beiyuan")));
    let kept =
        kernel.read(|tx| tx.query("select body from entry where body like '%wei 的账户%'", &[])).unwrap();
    assert!(kept.is_empty());
    house.close(&["wei 的账户"]);
}

#[test]
fn a_place_belongs_to_a_unit_and_its_location_number_to_no_other_place() {
    let house = House::dezhou();
    let (kernel, system) = (&house.kernel, system());
    let added = |name: &str, unit: &str, gln: Option<&str>| PlaceAdded {
        place: subject(&format!("place:{unit}/{name}")),
        unit: code(unit),
        kind: PlaceKind::Gate,
        title_zh: "南门".into(),
        title_en: "South gate".into(),
        position: Some(Position { lat_e7: 374_500_000, lon_e7: 1_163_000_000 }),
        gln: gln.map(str::to_owned),
    };
    kernel.add_place(&system, added("south", "beiyuan", Some("6291041500213"))).unwrap();
    assert_eq!(refusal(kernel.add_place(&system, added("south", "beiyuan", None))).field(), "place");
    let taken = added("north", "beiyuan", Some("6291041500213"));
    assert_eq!(refusal(kernel.add_place(&system, taken)).field(), "gln");
    assert_eq!(refusal(kernel.add_place(&system, added("south", "nowhere", None))).field(), "unit");
    let denied = refusal(kernel.add_place(&actor("nobody"), added("north", "beiyuan", None)));
    assert!(matches!(denied, AdminError::Denied { action: "kernel.registry.change", .. }), "{denied}");
    let renamed = |place: &str| PlaceRenamed {
        place: subject(place),
        title_zh: "南大门".into(),
        title_en: "Main south gate".into(),
    };
    assert_eq!(refusal(kernel.rename_place(&system, renamed("place:beiyuan/none"))).field(), "place");
    kernel.rename_place(&system, renamed("place:beiyuan/south")).unwrap();
    let tree = kernel.tree().unwrap();
    let places: Vec<_> = tree.places_of(&code("beiyuan")).collect();
    assert_eq!(places.len(), 1);
    assert_eq!((places[0].title_zh.as_str(), places[0].kind), ("南大门", PlaceKind::Gate));
    assert_eq!(places[0].position, Some(Position { lat_e7: 374_500_000, lon_e7: 1_163_000_000 }));
    house.close(&[]);
}
