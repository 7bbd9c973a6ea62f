DELETE FROM shift_book
