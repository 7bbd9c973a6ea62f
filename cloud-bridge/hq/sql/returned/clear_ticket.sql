DELETE FROM return_ticket
