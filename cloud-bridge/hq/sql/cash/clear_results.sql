DELETE FROM shift_result
