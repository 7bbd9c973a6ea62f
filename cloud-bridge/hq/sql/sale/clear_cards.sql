DELETE FROM sale_card
