//! `store-hub store check`.

use app::check::check;
use store::Depth;

use crate::config::Config;

pub(super) fn run(config: &Config, json: bool) -> Result<(), String> {
    let store = super::open(config)?;
    let checked = check(&store, Depth::Whole).map_err(|error| error.to_string())?;
    if json {
        println!("{}", serde_json::json!(checked));
    } else {
        println!("{} records checked, {} links of the chain verified.", checked.records, checked.links);
        checked.faults.iter().for_each(|fault| println!("  {fault}"));
    }
    match checked.faults.len() {
        0 if json => Ok(()),
        0 => {
            println!("The store has no faults.");
            Ok(())
        }
        found => Err(format!(
            "the store is damaged ({found} faults); keep a copy of {} and ask for help before selling again",
            config.store.data.display()
        )),
    }
}
