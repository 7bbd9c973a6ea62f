DELETE FROM terminal_result
