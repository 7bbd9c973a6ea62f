DELETE FROM audit_entry
