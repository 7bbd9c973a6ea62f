DELETE FROM unit_event
