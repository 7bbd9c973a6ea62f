DELETE FROM api_answer WHERE at_ms < $1
