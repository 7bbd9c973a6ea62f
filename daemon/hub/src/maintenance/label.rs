//! `store-hub label …`: look at label templates without a printer.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand, ValueEnum};
use drivers::{
    label_printer::{Template, encode},
    preview,
};

use crate::config::Templates;

/// Look at label templates
#[derive(Args)]
pub struct LabelArguments {
    #[command(subcommand)]
    command: Command,
    /// The directory of your own templates
    #[arg(long, global = true)]
    templates: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// List the templates and their fields
    Templates,
    /// Write a label as a picture, or in a printer's language
    Preview {
        /// A template's name, or a TOML file
        #[arg(long)]
        template: String,
        /// A JSON file with the fields; without it the template's examples are shown
        #[arg(long)]
        data: Option<PathBuf>,
        /// The file to write; its ending tells the format: png, svg, zpl, tspl, epl2 or cpcl
        #[arg(long)]
        out: PathBuf,
        /// The printer's resolution in dots per inch
        #[arg(long, value_enum, default_value = "203")]
        dpi: Dpi,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Dpi {
    #[value(name = "203")]
    Dpi203,
    #[value(name = "300")]
    Dpi300,
    #[value(name = "600")]
    Dpi600,
}

/// Runs the subcommand.
///
/// # Errors
/// A file can't be read or written, or the label can't be printed; the message says what to do.
pub fn run_label(arguments: &LabelArguments) -> Result<(), String> {
    let templates = Templates::read(arguments.templates.as_deref())?;
    match &arguments.command {
        Command::Templates => {
            for (name, template) in templates.all() {
                println!("{name}: {} ({} x {} mm)", template.title(), template.width_mm(), template.height_mm());
                for (field, about) in template.fields() {
                    let required = if about.required { ", required" } else { "" };
                    println!("  {field:<14} {}{required}", about.about);
                }
            }
            Ok(())
        }
        Command::Preview { template, data, out, dpi } => {
            let is_file = Path::new(template).extension().is_some_and(|extension| extension == "toml");
            let own = is_file.then(|| read(Path::new(template))).transpose()?;
            let own = own.map(|toml| Template::parse(&toml)).transpose().map_err(|why| format!("{template}: {why}"))?;
            let template = match &own {
                Some(own) => own,
                None => templates.named(template).map_err(|unknown| unknown.detail)?,
            };
            let data: BTreeMap<String, String> = match data {
                Some(path) => serde_json::from_str(&read(path)?)
                    .map_err(|error| format!("{}: expected a JSON object of texts: {error}", path.display()))?,
                None => template.example(),
            };
            let dots_per_mm = match dpi {
                Dpi::Dpi203 => 8,
                Dpi::Dpi300 => 12,
                Dpi::Dpi600 => 24,
            };
            let label = template.layout(&data, dots_per_mm)?;
            let format = out.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
            let bytes = match format {
                "png" => preview::png(&label),
                "svg" => preview::svg(&label).into_bytes(),
                language => encode(language, &label, 1).ok_or_else(|| {
                    format!("unknown format `{language}`; name the file .png, .svg, .zpl, .tspl, .epl2 or .cpcl")
                })?,
            };
            fs::write(out, bytes).map_err(|error| format!("could not write {}: {error}", out.display()))
        }
    }
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("could not read {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preview(template: &str, data: Option<PathBuf>, out: &Path) -> Result<(), String> {
        let command = Command::Preview { template: template.into(), data, out: out.into(), dpi: Dpi::Dpi203 };
        run_label(&LabelArguments { command, templates: None })
    }

    #[test]
    fn a_label_is_written_in_the_format_that_the_file_is_named_for() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| directory.path().join(name);
        for (name, begins) in
            [("a.png", &b"\x89PNG"[..]), ("a.svg", b"<svg"), ("a.zpl", b"^XA"), ("a.cpcl", b"! 0 200")]
        {
            preview("shelf", None, &file(name)).unwrap();
            assert!(fs::read(file(name)).unwrap().starts_with(begins), "{name}");
        }
        assert!(preview("shelf", None, &file("a.gif")).unwrap_err().contains("unknown format `gif`"));
        assert!(preview("poster", None, &file("a.png")).unwrap_err().contains("known: carton"));
        fs::write(file("data.json"), "[1]").unwrap();
        assert!(
            preview("shelf", Some(file("data.json")), &file("a.png")).unwrap_err().contains("JSON object of texts")
        );
        fs::write(file("own.toml"), "title = \"Own\"\nwidth_mm = 3\nheight_mm = 3").unwrap();
        let error = preview(file("own.toml").to_str().unwrap(), None, &file("a.png")).unwrap_err();
        assert!(error.contains("own.toml: width_mm = 3 is out of range"), "{error}");
    }
}
