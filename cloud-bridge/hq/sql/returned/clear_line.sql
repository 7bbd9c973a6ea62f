DELETE FROM return_line
