//! Every operation of the document, called by every holder: access is as in the table of permissions.

use std::{collections::BTreeMap, fmt::Write};

use app::{CAPABILITIES, permission::Holder};
use serde_json::Value;

use crate::{
    common::{Answer, ask, enter, log_in, open},
    services,
};

/// A caller: its name in the table, its holder, and its header.
type Asker<'a> = (&'a str, Option<Holder>, Option<(&'a str, &'a str)>);

/// The expected answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// Any answer of the handler.
    LetIn,
    Unauthenticated,
    Forbidden,
}

impl Expected {
    fn of(permission: &str, holders: &BTreeMap<&str, &[Holder]>, asker: Option<Holder>) -> Self {
        if permission == "public" {
            return Self::LetIn;
        }
        match asker {
            None => Self::Unauthenticated,
            Some(asker) if holders[permission].contains(&asker) => Self::LetIn,
            Some(_) => Self::Forbidden,
        }
    }

    fn is_met(self, permission: &str, answer: &Answer) -> bool {
        let Answer { status, body, .. } = answer;
        match self {
            Self::LetIn => ![401, 403].contains(&status.as_u16()),
            Self::Unauthenticated => status.as_u16() == 401 && body["type"] == "/problems/unauthenticated",
            Self::Forbidden => status.as_u16() == 403 && body["permission"] == permission,
        }
    }
}

/// A path with values for its parameters.
fn filled(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "1" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_operation_is_open_to_holders_of_its_permission_only() {
    let directory = tempfile::tempdir().unwrap();
    let (_hub, router) = open(directory.path());
    let (_, token) = enter(&router, directory.path(), "till-1").await;
    let holders: BTreeMap<_, _> = CAPABILITIES
        .iter()
        .flat_map(|capability| capability.permissions)
        .map(|permission| (permission.name, permission.holders))
        .collect();
    let document = hub::document();
    let grantable: Vec<_> = app::services::grantable().iter().map(|permission| permission.name).collect();
    let (mut table, mut asked, mut wrong) = (String::new(), 0, 0);
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let (id, permission) = (text(&operation["operationId"]), text(&operation["x-permission"]));
            // A separate session, because some operations end it.
            let cookie = log_in(&router, directory.path()).await;
            let service = services::token(&router, &cookie, &format!("service-{asked}"), &grantable).await;
            let askers: [Asker<'_>; 4] = [
                ("nobody", None, None),
                ("register", Some(Holder::Register), Some(("authorization", &token))),
                ("console", Some(Holder::Person), Some(("cookie", &cookie))),
                ("service", Some(Holder::Service), Some(("authorization", &service))),
            ];
            write!(table, "\n{id:36} {permission:24}").unwrap();
            for (name, asker, header) in askers {
                asked += 1;
                let key = format!("permission-{asked}");
                let headers: Vec<_> = header.into_iter().chain([("idempotency-key", &*key)]).collect();
                let answer = ask(&router, &method.to_uppercase(), &filled(path), &headers, "{}").await;
                let expected = Expected::of(&permission, &holders, asker);
                let is_met = expected.is_met(&permission, &answer);
                wrong += usize::from(!is_met);
                let status = answer.status.as_u16();
                let told = if is_met { String::new() } else { format!(" (must be {expected:?})") };
                write!(table, " {name} {status}{told}").unwrap();
            }
        }
    }
    assert!(asked >= 160, "{asked} questions");
    assert_eq!(wrong, 0, "{table}");
}
