DELETE FROM return_identity
