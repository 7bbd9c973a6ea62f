//! `store-hub permissions`.

use app::permission::Holder;

/// Prints the table of permissions.
pub fn print_permissions(json: bool) {
    let permissions = app::permissions();
    if json {
        let rows = permissions.iter().map(|permission| {
            let holders: Vec<_> = permission.holders.iter().map(|holder| holder.name()).collect();
            serde_json::json!({ "permission": permission.name, "allows": permission.doc, "holders": holders })
        });
        println!("{}", serde_json::Value::Array(rows.collect()));
        return;
    }
    let width = permissions.iter().map(|permission| permission.name.len()).max().unwrap_or(0);
    let headings: Vec<_> = Holder::ALL.map(|holder| holder.name().to_owned()).into();
    println!("{:width$}  {}  allows", "permission", headings.join("  "));
    for permission in permissions {
        let marks = Holder::ALL.map(|holder| {
            let mark = if permission.holders.contains(&holder) { "yes" } else { "-" };
            format!("{mark:<0$}", holder.name().len())
        });
        println!("{:width$}  {}  {}", permission.name, marks.join("  "), permission.doc);
    }
}
