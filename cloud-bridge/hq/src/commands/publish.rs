//! Items for hubs, from a file.

use std::path::Path;

use commerce::Item;
use contract::{HubId, item};
use hq::{Queues, down::Outgoing};

/// Reads items from a file: an array, or one after another, such as one per line.
///
/// # Errors
/// The file cannot be read, or contains something other than items.
pub(crate) fn read(path: &Path) -> Result<Vec<Item>, String> {
    let failed = |what: &str, error: &dyn std::error::Error| format!("{}: {what}: {error}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| failed("could not read the file", &error))?;
    let items: Result<Vec<Item>, _> = if text.trim_start().starts_with('[') {
        serde_json::from_str(&text)
    } else {
        serde_json::Deserializer::from_str(&text).into_iter().collect()
    };
    items.map_err(|error| failed("invalid item", &error))
}

/// Appends items to the queue of each hub.
///
/// # Errors
/// A queue is full.
pub(crate) async fn append(queues: &Queues, items: &[Item], hubs: &[HubId]) -> Result<(), String> {
    for hub in hubs {
        let outgoing: Result<Vec<_>, _> = items.iter().map(|item| Outgoing::new(&item::CHANGED, item)).collect();
        let outgoing = outgoing.map_err(|error| error.to_string())?;
        queues.append(hub, item::CHANGED.stream(), outgoing).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(sku: &str) -> String {
        format!(r#"{{"sku":"{sku}","description":"Cereal","price":{{"minor":369,"per":"each"}}}}"#)
    }

    fn skus(text: &str) -> Result<Vec<String>, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("items.json");
        std::fs::write(&path, text).unwrap();
        read(&path).map(|items| items.iter().map(|item| item.sku.to_string()).collect())
    }

    #[test]
    fn items_are_read_from_an_array_or_lines() {
        let (one, two) = (line("818981"), line("4011"));
        for text in [format!("{one}\n{two}\n"), format!("{one} {two}"), format!("\n[{one},\n{two}]\n")] {
            assert_eq!(skus(&text).unwrap(), ["818981", "4011"], "{text}");
        }
        assert_eq!(skus("").unwrap(), [""; 0]);
    }

    #[test]
    fn an_invalid_item_is_named_by_its_place() {
        let error = skus(&format!("{}\n{{\"sku\":1}}\n", line("818981"))).unwrap_err();
        assert!(error.contains("items.json") && error.contains("line 2"), "{error}");
        assert!(read(Path::new("/nowhere/items.json")).unwrap_err().contains("could not read"));
    }

    #[tokio::test]
    async fn every_hub_gets_every_item() {
        let queues = Queues::of(&hq::Ledger::in_memory().await.unwrap());
        let items: Vec<Item> = [line("818981"), line("4011")].map(|text| serde_json::from_str(&text).unwrap()).into();
        let hubs = ["store-1", "store-2"].map(|hub| hub.parse().unwrap());
        append(&queues, &items, &hubs).await.unwrap();
        assert_eq!(queues.summary().await.unwrap().waiting, 4);
    }
}
