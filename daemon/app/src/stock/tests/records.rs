use commerce::stock::{
    Count, CountLine, Kind, Movement, Notice, NoticeLine, Policy, Position, Reservation, Rule, Source, Tally, Transfer,
    TransferLine,
};

use crate::{stock::documents::OpenDocument, testing::read_back};

#[test]
fn stored_records_round_trip() {
    let movement: Movement = read_back(include_str!("../../fixtures/movement.json"));
    assert_eq!((movement.kind, movement.lines.len(), movement.lines[1].milli), (Kind::Sale, 2, 745));
    let position: Position = read_back(include_str!("../../fixtures/position.json"));
    assert_eq!((position.on_hand, position.rule, position.available_to_sell(1000)), (-2000, Rule::ToZero, -3000));
    let policy: Policy = read_back(include_str!("../../fixtures/policy.json"));
    assert_eq!((policy.rule, policy.pack), (Rule::ToZero, 12_000));
    let reservation: Reservation = read_back(include_str!("../../fixtures/reservation.json"));
    assert!(reservation.holds() && reservation.hold);
    let notice: Notice = read_back(include_str!("../../fixtures/notice.json"));
    assert!(matches!(notice.source, Source::Supplier { .. }));
    assert_eq!(notice.notes.iter().map(|note| note.movement).collect::<Vec<_>>(), [Some(17), None]);
    assert_eq!(notice.lines.iter().map(NoticeLine::outstanding).collect::<Vec<_>>(), [2000]);
    assert_eq!(notice.lines[0].untracked, 2000);
    let transfer: Transfer = read_back(include_str!("../../fixtures/transfer.json"));
    assert_eq!(transfer.lines.iter().map(|line: &TransferLine| line.arrived).collect::<Vec<_>>(), [Some(9000)]);
    let count: Count = read_back(include_str!("../../fixtures/count.json"));
    let tally = count.lines[0].tally.as_ref().unwrap();
    assert_eq!((Tally::variance(tally), tally.in_baskets_when_counted), (-2000, 2000));
    assert!(matches!(&count.lines[1], CountLine { tally: None, decision: None, .. }));
    read_back::<OpenDocument>(include_str!("../../fixtures/open-document.json"));
}
