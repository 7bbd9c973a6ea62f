//! The label templates: those that are shipped, and the retailer's own from a directory, which take precedence.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use app::{Refusal, printing::TEMPLATE_UNKNOWN};
use drivers::label_printer::{TEMPLATES, Template};

/// The largest template file.
const MOST: u64 = 256 * 1024;

/// The templates by name.
pub(crate) struct Templates(BTreeMap<String, Template>);

impl Templates {
    /// Reads the templates: `NAME.toml` in the directory is the template `NAME`.
    ///
    /// # Errors
    /// A file can't be read or is not a template: all findings.
    pub(crate) fn read(directory: Option<&Path>) -> Result<Self, String> {
        let mut templates = BTreeMap::new();
        let mut findings = Vec::new();
        for (name, toml) in TEMPLATES {
            match Template::parse(toml) {
                Ok(template) => drop(templates.insert((*name).to_owned(), template)),
                Err(why) => findings.push(format!("{name}.toml: {why}")),
            }
        }
        for path in directory.map(own).transpose()?.unwrap_or_default() {
            match read(&path) {
                Ok((name, template)) => drop(templates.insert(name, template)),
                Err(why) => findings.push(format!("{}: {why}", path.display())),
            }
        }
        if findings.is_empty() { Ok(Self(templates)) } else { Err(findings.join("\n- ")) }
    }

    /// All templates by name.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&String, &Template)> {
        self.0.iter()
    }

    /// A template.
    ///
    /// # Errors
    /// It does not exist.
    pub(crate) fn named(&self, name: &str) -> Result<&Template, Refusal> {
        self.0.get(name).ok_or_else(|| {
            let known = self.0.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            TEMPLATE_UNKNOWN.because(format!("unknown label template `{}`; known: {known}", name.escape_debug()))
        })
    }
}

/// The TOML files of a directory, in order.
fn own(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let unreadable = |error| format!("could not read the directory {}: {error}", directory.display());
    let entries = fs::read_dir(directory).map_err(unreadable)?;
    let paths: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths.map_err(unreadable)?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    Ok(paths)
}

/// A template's file, and its name.
fn read(path: &Path) -> Result<(String, Template), String> {
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > 40 || !name.bytes().all(is_plain) {
        return Err("expected a name of 1 to 40 lower-case letters, digits or `-`".into());
    }
    let size = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > MOST {
        return Err(format!("{size} bytes; a template has at most {MOST}"));
    }
    let toml = fs::read_to_string(path).map_err(|error| error.to_string())?;
    Ok((name.to_owned(), Template::parse(&toml)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retailers_templates_take_precedence_and_mistakes_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let own = "title = \"Ours\"\nwidth_mm = 50\nheight_mm = 30\n";
        fs::write(directory.path().join("shelf.toml"), own).unwrap();
        fs::write(directory.path().join("notes.txt"), "not a template").unwrap();
        let templates = Templates::read(Some(directory.path())).unwrap();
        assert_eq!(templates.named("shelf").unwrap().title(), "Ours");
        assert_eq!(templates.all().count(), TEMPLATES.len());
        let unknown = templates.named("poster").err().unwrap();
        assert!(unknown.detail.contains("known: carton, food, pickup"), "{}", unknown.detail);
        fs::write(directory.path().join("Bad.toml"), own).unwrap();
        fs::write(directory.path().join("wide.toml"), own.replace("50", "5000")).unwrap();
        let error = Templates::read(Some(directory.path())).err().unwrap();
        assert!(error.contains("Bad.toml: expected a name") && error.contains("wide.toml: width_mm = 5000"), "{error}");
        let missing = Templates::read(Some(&directory.path().join("none"))).err().unwrap();
        assert!(missing.contains("could not read the directory"), "{missing}");
    }
}
