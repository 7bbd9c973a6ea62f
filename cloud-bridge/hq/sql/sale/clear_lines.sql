DELETE FROM sale_line
