DELETE FROM quarantine
