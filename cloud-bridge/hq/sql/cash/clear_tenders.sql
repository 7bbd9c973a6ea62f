DELETE FROM shift_tender
