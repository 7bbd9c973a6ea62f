DELETE FROM day_tender
