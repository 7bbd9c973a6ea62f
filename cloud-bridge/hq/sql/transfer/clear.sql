DELETE FROM transfer_half
