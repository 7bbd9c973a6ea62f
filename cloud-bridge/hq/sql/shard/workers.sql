SELECT name, until_ms FROM worker
