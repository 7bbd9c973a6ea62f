//! The operators of stores, from a CSV file: `id`, `name`, `role`, and `pin` or `badge` or both. PINs are hashed when
//! the file is read, so that nothing that is published has one.

use std::path::Path;

use commerce::operator::Role;
use contract::operator::{OPERATORS, Operator, PinHash, badge_digest};
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

use super::{
    items::BadRecords,
    kinds::{Publishable, Records},
};

/// The operators who may sign in at registers.
pub static OPERATORS_OF_STORES: Publishable = Publishable {
    name: OPERATORS,
    about: "The people who may sign in at registers: CSV (id, name, role, and pin or badge); PINs are hashed",
    read,
    shown: |body| operator(body).map_or_else(|_| "an unreadable operator".to_owned(), |operator| line(&operator)),
    changed: |before, after| match (operator(before), operator(after)) {
        (Ok(before), Ok(after)) if before.role != after.role => {
            format!("{}  {} -> {}", line(&after), before.role.name(), after.role.name())
        }
        (_, Ok(after)) => format!("{}  same role, other details", line(&after)),
        _ => "an unreadable operator".to_owned(),
    },
    refused_if_shrunk: false,
};

fn operator(body: &RawValue) -> serde_json::Result<Operator> {
    serde_json::from_str(body.get())
}

fn line(operator: &Operator) -> String {
    format!("{}  {}  {}", operator.id, operator.name, operator.role.name())
}

/// A row of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    name: String,
    role: Role,
    #[serde(default)]
    pin: String,
    #[serde(default)]
    badge: String,
}

impl Row {
    fn operator(self) -> Result<Operator, String> {
        let id = self.id.parse().map_err(|error: commerce::InvalidId| error.to_string())?;
        let pin = if self.pin.is_empty() { None } else { Some(PinHash::of(&id, &self.pin)?) };
        let badge = (!self.badge.trim().is_empty()).then(|| badge_digest(&self.badge));
        let operator = Operator { id, name: self.name, role: self.role, pin, badge };
        operator.check().map(|()| operator)
    }
}

fn read(path: &Path) -> Result<Records, BadRecords> {
    let failed = |error: csv::Error| BadRecords::at(path, error);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path).map_err(failed)?;
    let (mut records, mut badges) = (Records::new(), std::collections::BTreeSet::new());
    for (number, row) in (1..).zip(reader.deserialize::<Row>()) {
        let wrong = |why: String| BadRecords::at(path, format!("operator {number}: {why}"));
        let operator = row.map_err(failed)?.operator().map_err(wrong)?;
        if operator.badge.is_some_and(|badge| !badges.insert(badge)) {
            return Err(wrong("another operator has the same badge".into()));
        }
        let body = to_raw_value(&operator).map_err(|error| wrong(error.to_string()))?;
        if records.insert(operator.id.to_string(), body).is_some() {
            return Err(wrong(format!("duplicate id {}", operator.id)));
        }
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Records, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("operators.csv");
        std::fs::write(&path, text).unwrap();
        read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn operators_are_published_without_their_pins_and_badges() {
        let text = "id,name,role,pin,badge\n1042,Anna,cashier,2468,\n7,Bob,supervisor,,4006381333931\n";
        let records = read_text(text).unwrap();
        let all: Vec<_> = records.values().map(|body| operator(body).unwrap()).collect();
        assert_eq!(all.iter().map(line).collect::<Vec<_>>(), ["1042  Anna  cashier", "7  Bob  supervisor"]);
        assert!(all[0].pin.as_ref().is_some_and(|hash| hash.is_of("2468")));
        let published: String = records.values().map(|body| body.get()).collect();
        assert!(!published.contains("2468") && !published.contains("4006381333931"), "{published}");
        assert_eq!(read_text(text).unwrap().values().map(|body| body.get().to_owned()).collect::<String>(), published);
    }

    #[test]
    fn a_wrong_row_is_refused_with_its_number() {
        for (row, why) in [
            ("1042,Anna,cashier,12,", "expected 4 to 12 digits"),
            ("1042,Anna,cashier,,", "neither a PIN nor a badge"),
            ("10 42,Anna,cashier,2468,", "invalid operator id"),
            ("1,Anna,cashier,2468,\n1,Bob,cashier,1357,", "duplicate id 1"),
            ("1,Anna,cashier,,x\n2,Bob,cashier,,x", "same badge"),
            ("1,Anna,boss,2468,", "boss"),
        ] {
            let told = read_text(&format!("id,name,role,pin,badge\n{row}\n")).unwrap_err();
            assert!(told.contains(why), "{row}: {told}");
        }
    }
}
