//! The print queues: durable, one per printer. [`receipts`] and [`labels`] say what they promise.

pub mod labels;
pub mod receipts;

use self::{labels::LabelsPrinted, receipts::ReceiptReprinted};
use crate::{
    Capability,
    audit::Act,
    permission::{Holder, Permission},
    refusal::{Class, Kind},
};

/// Print copies of receipts.
pub static REPRINT: Permission =
    Permission::new("receipts.reprint", "Print a copy of a receipt", &[Holder::Register, Holder::Person]);
/// See label templates, their previews, and print jobs.
pub static READ_LABELS: Permission = Permission::new(
    "labels.read",
    "See label templates, previews and print jobs",
    &[Holder::Register, Holder::Person, Holder::Service],
);
/// Print labels.
pub static PRINT_LABELS: Permission =
    Permission::new("labels.print", "Print labels, and cancel that", &[Holder::Register, Holder::Person]);

/// The label can't be printed.
pub static LABEL_UNPRINTABLE: Kind = Kind::new(
    "label-unprintable",
    Class::Rule,
    "Label can't be printed",
    "A field is missing, a text does not fit, or a barcode can't be made of its data.",
);
/// The template is unknown.
pub static TEMPLATE_UNKNOWN: Kind = Kind::new(
    "label-template-unknown",
    Class::NotFound,
    "Unknown label template",
    "The hub has no label template with this name.",
);
/// The job is unknown.
pub static JOB_UNKNOWN: Kind =
    Kind::new("print-job-unknown", Class::NotFound, "Unknown print job", "The printer has no job with this number.");
/// The job is at its end.
pub static JOB_ENDED: Kind = Kind::new(
    "print-job-ended",
    Class::Rule,
    "Print job has ended",
    "The job was printed, failed or was cancelled; nothing of it will be printed.",
);

/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &["print_job", "print_copy", "print_training", "label_job", "label_job_part"],
    refusals: &[&LABEL_UNPRINTABLE, &TEMPLATE_UNKNOWN, &JOB_UNKNOWN, &JOB_ENDED],
    permissions: &[&REPRINT, &READ_LABELS, &PRINT_LABELS],
    acts: &[ReceiptReprinted::KIND, LabelsPrinted::KIND],
    tidy: Some(labels::tidy),
    ..Capability::new("printing")
};
