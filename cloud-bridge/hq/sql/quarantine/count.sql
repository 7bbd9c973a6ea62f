SELECT COUNT(*) FROM quarantine
