DELETE FROM sale_tender
